ALTER TABLE changes DROP COLUMN previous_tenant_id;
