-- Who is told of changes, and how far the telling has come. Environments are named in a text and
-- not by reference: that one is deleted is a change that is to be told.
CREATE TABLE webhooks (
    id              uuid             NOT NULL CONSTRAINT webhooks_id PRIMARY KEY,
    url             text COLLATE "C" NOT NULL CHECK (url <> ''),
    -- Words with spaces between them; NULL for all.
    types           text COLLATE "C" CHECK (types <> ''),
    environment_ids text COLLATE "C" CHECK (environment_ids <> ''),
    state           text COLLATE "C" NOT NULL CHECK (state IN ('enabled', 'disabled', 'failing')),
    version         integer          NOT NULL CHECK (version >= 1),
    created_at      timestamptz      NOT NULL,
    updated_at      timestamptz      NOT NULL,
    -- Every change up to here was looked at.
    position        bigint           NOT NULL CHECK (position >= 0),
    -- When there is something to send; NULL where nothing is pending.
    due_at          timestamptz,
    failing_since   timestamptz,
    -- Who may send, and until when nobody else may.
    lease_token     uuid,
    lease_until     timestamptz,
    CHECK ((lease_token IS NULL) = (lease_until IS NULL))
);

CREATE INDEX webhooks_in_order ON webhooks (created_at, id);

CREATE TABLE webhook_secrets (
    id         uuid        NOT NULL CONSTRAINT webhook_secrets_id PRIMARY KEY,
    webhook_id uuid        NOT NULL CONSTRAINT webhook_secrets_webhook REFERENCES webhooks (id) ON DELETE CASCADE,
    sealed     bytea       NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz
);

CREATE INDEX webhook_secrets_of_webhook ON webhook_secrets (webhook_id, created_at, id);

-- What was sent, what is being sent, and what comes next after that. Changes whose turn is farther
-- off have no row yet.
CREATE TABLE webhook_deliveries (
    id               uuid             NOT NULL CONSTRAINT webhook_deliveries_id PRIMARY KEY,
    webhook_id       uuid             NOT NULL CONSTRAINT webhook_deliveries_webhook REFERENCES webhooks (id) ON DELETE CASCADE,
    sequence         bigint           NOT NULL CHECK (sequence > 0),
    type             text COLLATE "C" NOT NULL CHECK (type <> ''),
    status           text COLLATE "C" NOT NULL CHECK (status IN ('pending', 'delivered', 'failed')),
    attempts         integer          NOT NULL CHECK (attempts >= 0),
    is_repeat        boolean          NOT NULL,
    created_at       timestamptz      NOT NULL,
    first_attempt_at timestamptz,
    last_attempt_at  timestamptz,
    next_attempt_at  timestamptz,
    last_status_code integer CHECK (last_status_code BETWEEN 100 AND 999),
    last_error       text,
    finished_at      timestamptz,
    CONSTRAINT webhook_deliveries_of_change UNIQUE (webhook_id, sequence),
    CHECK ((status = 'pending') = (finished_at IS NULL))
);

CREATE INDEX webhook_deliveries_in_order ON webhook_deliveries (webhook_id, created_at, id);
CREATE INDEX webhook_deliveries_of_status_in_order ON webhook_deliveries (webhook_id, status, created_at, id);
-- Queries name the conditions in the same words.
CREATE INDEX webhook_deliveries_pending ON webhook_deliveries (webhook_id, is_repeat DESC, sequence)
    WHERE status = 'pending';
CREATE INDEX webhook_deliveries_finished ON webhook_deliveries (finished_at)
    WHERE finished_at IS NOT NULL;

-- The webhook that a change tells of; it may be gone by then.
ALTER TABLE changes ADD COLUMN webhook_id uuid;
