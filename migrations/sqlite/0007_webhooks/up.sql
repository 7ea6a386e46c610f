-- Who is told of changes, and how far the telling has come. Environments are named in a text and
-- not by reference: that one is deleted is a change that is to be told.
CREATE TABLE webhooks (
    id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    url             TEXT    NOT NULL CHECK (url <> ''),
    -- Words with spaces between them; NULL for all.
    types           TEXT CHECK (types <> ''),
    environment_ids TEXT CHECK (environment_ids <> ''),
    state           TEXT    NOT NULL CHECK (state IN ('enabled', 'disabled', 'failing')),
    version         INTEGER NOT NULL CHECK (version BETWEEN 1 AND 2147483647),
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    -- Every change up to here was looked at.
    position        INTEGER NOT NULL CHECK (position >= 0),
    -- When there is something to send; NULL where nothing is pending.
    due_at          INTEGER,
    failing_since   INTEGER,
    -- Who may send, and until when nobody else may.
    lease_token     BLOB CHECK (length(lease_token) = 16),
    lease_until     INTEGER,
    CHECK ((lease_token IS NULL) = (lease_until IS NULL))
) STRICT;

CREATE INDEX webhooks_in_order ON webhooks (created_at, id);

CREATE TABLE webhook_secrets (
    id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    webhook_id BLOB    NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    sealed     BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER
) STRICT;

CREATE INDEX webhook_secrets_of_webhook ON webhook_secrets (webhook_id, created_at, id);

-- What was sent, what is being sent, and what comes next after that. Changes whose turn is farther
-- off have no row yet.
CREATE TABLE webhook_deliveries (
    id               BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    webhook_id       BLOB    NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    sequence         INTEGER NOT NULL CHECK (sequence > 0),
    type             TEXT    NOT NULL CHECK (type <> ''),
    status           TEXT    NOT NULL CHECK (status IN ('pending', 'delivered', 'failed')),
    attempts         INTEGER NOT NULL CHECK (attempts BETWEEN 0 AND 2147483647),
    is_repeat        INTEGER NOT NULL CHECK (is_repeat IN (0, 1)),
    created_at       INTEGER NOT NULL,
    first_attempt_at INTEGER,
    last_attempt_at  INTEGER,
    next_attempt_at  INTEGER,
    last_status_code INTEGER CHECK (last_status_code BETWEEN 100 AND 999),
    last_error       TEXT,
    finished_at      INTEGER,
    UNIQUE (webhook_id, sequence),
    CHECK ((status = 'pending') = (finished_at IS NULL))
) STRICT;

CREATE INDEX webhook_deliveries_in_order ON webhook_deliveries (webhook_id, created_at, id);
CREATE INDEX webhook_deliveries_of_status_in_order ON webhook_deliveries (webhook_id, status, created_at, id);
-- Queries name the conditions in the same words.
CREATE INDEX webhook_deliveries_pending ON webhook_deliveries (webhook_id, is_repeat DESC, sequence)
    WHERE status = 'pending';
CREATE INDEX webhook_deliveries_finished ON webhook_deliveries (finished_at)
    WHERE finished_at IS NOT NULL;

-- The webhook that a change tells of; it may be gone by then.
ALTER TABLE changes ADD COLUMN webhook_id BLOB CHECK (length(webhook_id) = 16);
