-- Analytic events: one row a request, of which its two events are made when they are read. The id
-- is that of the first one and says when it was, so the table itself is in the order of time;
-- the second one lies `micros` later. What a row tells of may be gone, so nothing here refers
-- to another table. Every index has its price at every request: there are those without which a
-- question would be answered by reading everything.
CREATE TABLE events (
    id             BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name           TEXT NOT NULL,
    request_id     TEXT NOT NULL,
    client_id      TEXT,
    tenant_id      BLOB,
    environment_id BLOB,
    -- Of a request that is running, none of the following is there.
    status         INTEGER,
    micros         INTEGER,
    -- The id of the second event where it lies long after the first: those few are found by it,
    -- and all others near their first one.
    slow_end       BLOB
) STRICT, WITHOUT ROWID;

CREATE INDEX events_of_request ON events (request_id, id);
CREATE INDEX events_of_tenant ON events (tenant_id, id) WHERE tenant_id IS NOT NULL;
CREATE INDEX events_slow ON events (slow_end) WHERE slow_end IS NOT NULL;
