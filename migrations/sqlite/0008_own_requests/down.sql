UPDATE events SET request_id = lower(
    substr(hex(id), 1, 8) || '-' || substr(hex(id), 9, 4) || '-' || substr(hex(id), 13, 4) || '-' ||
    substr(hex(id), 17, 4) || '-' || substr(hex(id), 21)
) WHERE request_id = '';
DROP INDEX events_of_request;
CREATE INDEX events_of_request ON events (request_id, id);
