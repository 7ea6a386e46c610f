-- A request that the caller has not named is named by the id of its first event, and its
-- row does not say it again: its request_id is ''. Only what callers named needs an index.
DROP INDEX events_of_request;
CREATE INDEX events_of_request ON events (request_id, id) WHERE request_id <> '';
