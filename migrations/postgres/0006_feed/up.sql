-- The id that a tenant had before a change that has given it another one: without it, a
-- reader of the feed could not tell whose id that was.
ALTER TABLE changes ADD COLUMN previous_tenant_id uuid;
