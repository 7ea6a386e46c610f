-- Ids are the 16 bytes of a UUID, times are microseconds since 1970 in UTC.

CREATE TABLE regions (
    id           BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name         TEXT NOT NULL UNIQUE CHECK (name <> ''),
    display_name TEXT NOT NULL CHECK (display_name <> '')
) STRICT;

CREATE TABLE environments (
    id                          BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name                        TEXT    NOT NULL CHECK (name <> ''),
    domain                      TEXT    NOT NULL UNIQUE CHECK (domain <> ''),
    tenant_domain               TEXT    NOT NULL UNIQUE CHECK (tenant_domain <> ''),
    authorization_server_domain TEXT    NOT NULL CHECK (authorization_server_domain <> ''),
    deployment_model            TEXT    NOT NULL CHECK (deployment_model IN ('public', 'private')),
    region_id                   BLOB    NOT NULL REFERENCES regions (id),
    is_default                  INTEGER NOT NULL DEFAULT 0 CHECK (is_default IN (0, 1)),
    version                     INTEGER NOT NULL CHECK (version BETWEEN 1 AND 2147483647),
    created_at                  INTEGER NOT NULL,
    updated_at                  INTEGER NOT NULL
) STRICT;

CREATE INDEX environments_in_order ON environments (created_at, id);
CREATE INDEX environments_of_region ON environments (region_id);
-- At most one environment is the default. Queries name the condition in the same words.
CREATE UNIQUE INDEX environments_default ON environments (is_default) WHERE is_default;

-- `data` stands last: a list reads the columns before it without walking through it.
CREATE TABLE tenants (
    -- AUTOINCREMENT: the number of a deleted tenant is never given out again.
    number         INTEGER PRIMARY KEY AUTOINCREMENT CHECK (number > 0),
    id             BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    environment_id BLOB    NOT NULL REFERENCES environments (id),
    label          TEXT    NOT NULL CHECK (length(label) BETWEEN 1 AND 63),
    name           TEXT    NOT NULL CHECK (name <> ''),
    status         TEXT    NOT NULL CHECK (status IN ('active', 'suspended')),
    version        INTEGER NOT NULL CHECK (version BETWEEN 1 AND 2147483647),
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    data           TEXT    NOT NULL CHECK (data <> ''),
    UNIQUE (environment_id, label)
) STRICT;

CREATE INDEX tenants_in_order ON tenants (created_at, id);
-- For callers that are bound to some environments.
CREATE INDEX tenants_of_environment_in_order ON tenants (environment_id, created_at, id);

CREATE TABLE clients (
    key           BLOB    NOT NULL PRIMARY KEY CHECK (length(key) = 16),
    client_id     TEXT    NOT NULL UNIQUE CHECK (client_id <> ''),
    -- The tenant it belongs to; NULL for a management client.
    tenant_number INTEGER REFERENCES tenants (number) ON DELETE CASCADE,
    -- Whether a management client sees only the environments of client_environments.
    -- It is kept apart from those rows, so that a client whose last environment is
    -- deleted sees nothing, and not everything.
    bound         INTEGER NOT NULL CHECK (bound IN (0, 1)),
    name          TEXT    NOT NULL CHECK (name <> ''),
    status        TEXT    NOT NULL CHECK (status IN ('active', 'disabled')),
    scopes        TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    last_used_at  INTEGER,
    CHECK (tenant_number IS NULL OR bound = 0)
) STRICT;

CREATE INDEX clients_of_tenant_in_order ON clients (tenant_number, created_at, key);

CREATE TABLE client_environments (
    client_key     BLOB NOT NULL REFERENCES clients (key) ON DELETE CASCADE,
    environment_id BLOB NOT NULL REFERENCES environments (id) ON DELETE CASCADE,
    PRIMARY KEY (client_key, environment_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX client_environments_of_environment ON client_environments (environment_id);

CREATE TABLE client_secrets (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    client_key   BLOB    NOT NULL REFERENCES clients (key) ON DELETE CASCADE,
    hash         TEXT    NOT NULL CHECK (hash <> ''),
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    last_used_at INTEGER
) STRICT;

CREATE INDEX client_secrets_of_client ON client_secrets (client_key, created_at, id);

CREATE TABLE system_accounts (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    username      TEXT    NOT NULL UNIQUE CHECK (username <> ''),
    password_hash TEXT    NOT NULL CHECK (password_hash <> ''),
    created_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE signing_keys (
    kid        TEXT    NOT NULL PRIMARY KEY CHECK (kid <> ''),
    algorithm  TEXT    NOT NULL CHECK (algorithm IN ('RS256', 'ES256', 'EdDSA')),
    sealed     BLOB    NOT NULL,
    public_jwk TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    signs_from INTEGER NOT NULL,
    expires_at INTEGER
) STRICT;

-- Tokens that were given back before they expire, by their `jti`. Rows of expired ones
-- are deleted: such a token is dead anyhow.
CREATE TABLE revoked_tokens (
    id         TEXT    NOT NULL PRIMARY KEY CHECK (id <> ''),
    expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX revoked_tokens_by_expiry ON revoked_tokens (expires_at);

-- What a change tells of may be gone, so nothing here refers to another table.
CREATE TABLE changes (
    -- AUTOINCREMENT: a reader that has seen a number never meets another change under it.
    sequence       INTEGER PRIMARY KEY AUTOINCREMENT CHECK (sequence > 0),
    type           TEXT    NOT NULL CHECK (type <> ''),
    time           INTEGER NOT NULL,
    tenant_id      BLOB CHECK (length(tenant_id) = 16),
    client_id      TEXT,
    environment_id BLOB CHECK (length(environment_id) = 16),
    version        INTEGER CHECK (version BETWEEN 1 AND 2147483647),
    actor_kind     TEXT    NOT NULL CHECK (actor_kind IN ('client', 'system-account', 'cli')),
    actor_id       TEXT,
    request_id     TEXT,
    subject        TEXT    NOT NULL CHECK (subject <> '')
) STRICT;
