UPDATE events SET request_id = id::text WHERE request_id = '';
DROP INDEX events_of_request;
CREATE INDEX events_of_request ON events (request_id, id);
