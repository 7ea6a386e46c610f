-- Constraints have names of their own, because the program knows them by name. Texts that
-- are sorted or looked up have the collation of their bytes, whatever the database's is.

CREATE TABLE regions (
    id           uuid             NOT NULL CONSTRAINT regions_id PRIMARY KEY,
    name         text COLLATE "C" NOT NULL CONSTRAINT regions_name UNIQUE CHECK (name <> ''),
    display_name text             NOT NULL CHECK (display_name <> '')
);

CREATE TABLE environments (
    id                          uuid             NOT NULL CONSTRAINT environments_id PRIMARY KEY,
    name                        text             NOT NULL CHECK (name <> ''),
    domain                      text COLLATE "C" NOT NULL CONSTRAINT environments_domain UNIQUE CHECK (domain <> ''),
    tenant_domain               text COLLATE "C" NOT NULL CONSTRAINT environments_tenant_domain UNIQUE CHECK (tenant_domain <> ''),
    authorization_server_domain text             NOT NULL CHECK (authorization_server_domain <> ''),
    deployment_model            text COLLATE "C" NOT NULL CHECK (deployment_model IN ('public', 'private')),
    region_id                   uuid             NOT NULL CONSTRAINT environments_region REFERENCES regions (id),
    is_default                  boolean          NOT NULL DEFAULT false,
    version                     integer          NOT NULL CHECK (version >= 1),
    created_at                  timestamptz      NOT NULL,
    updated_at                  timestamptz      NOT NULL
);

CREATE INDEX environments_in_order ON environments (created_at, id);
CREATE INDEX environments_of_region ON environments (region_id);
-- At most one environment is the default. Queries name the condition in the same words.
CREATE UNIQUE INDEX environments_default ON environments (is_default) WHERE is_default;

CREATE TABLE tenants (
    -- The number of a deleted tenant, or of one that was never committed, is never given
    -- out again.
    number         bigint           GENERATED ALWAYS AS IDENTITY CONSTRAINT tenants_number PRIMARY KEY CHECK (number > 0),
    id             uuid             NOT NULL CONSTRAINT tenants_id UNIQUE,
    environment_id uuid             NOT NULL CONSTRAINT tenants_environment REFERENCES environments (id),
    label          text COLLATE "C" NOT NULL CHECK (length(label) BETWEEN 1 AND 63),
    name           text             NOT NULL CHECK (name <> ''),
    status         text COLLATE "C" NOT NULL CHECK (status IN ('active', 'suspended')),
    version        integer          NOT NULL CHECK (version >= 1),
    created_at     timestamptz      NOT NULL,
    updated_at     timestamptz      NOT NULL,
    data           text             NOT NULL CHECK (data <> ''),
    CONSTRAINT tenants_label UNIQUE (environment_id, label)
);

CREATE INDEX tenants_in_order ON tenants (created_at, id);
-- For callers that are bound to some environments.
CREATE INDEX tenants_of_environment_in_order ON tenants (environment_id, created_at, id);

CREATE TABLE clients (
    key           uuid             NOT NULL CONSTRAINT clients_key PRIMARY KEY,
    client_id     text COLLATE "C" NOT NULL CONSTRAINT clients_client_id UNIQUE CHECK (client_id <> ''),
    -- The tenant it belongs to; NULL for a management client.
    tenant_number bigint           CONSTRAINT clients_tenant REFERENCES tenants (number) ON DELETE CASCADE,
    -- Whether a management client sees only the environments of client_environments.
    -- It is kept apart from those rows, so that a client whose last environment is
    -- deleted sees nothing, and not everything.
    bound         boolean          NOT NULL,
    name          text             NOT NULL CHECK (name <> ''),
    status        text COLLATE "C" NOT NULL CHECK (status IN ('active', 'disabled')),
    scopes        text COLLATE "C" NOT NULL,
    created_at    timestamptz      NOT NULL,
    last_used_at  timestamptz,
    CHECK (tenant_number IS NULL OR NOT bound)
);

CREATE INDEX clients_of_tenant_in_order ON clients (tenant_number, created_at, key);

CREATE TABLE client_environments (
    client_key     uuid NOT NULL CONSTRAINT client_environments_client REFERENCES clients (key) ON DELETE CASCADE,
    environment_id uuid NOT NULL CONSTRAINT client_environments_environment REFERENCES environments (id) ON DELETE CASCADE,
    CONSTRAINT client_environments_key PRIMARY KEY (client_key, environment_id)
);

CREATE INDEX client_environments_of_environment ON client_environments (environment_id);

CREATE TABLE client_secrets (
    id           uuid             NOT NULL CONSTRAINT client_secrets_id PRIMARY KEY,
    client_key   uuid             NOT NULL CONSTRAINT client_secrets_client REFERENCES clients (key) ON DELETE CASCADE,
    hash         text COLLATE "C" NOT NULL CHECK (hash <> ''),
    created_at   timestamptz      NOT NULL,
    expires_at   timestamptz,
    last_used_at timestamptz
);

CREATE INDEX client_secrets_of_client ON client_secrets (client_key, created_at, id);

CREATE TABLE system_accounts (
    id            uuid             NOT NULL CONSTRAINT system_accounts_id PRIMARY KEY,
    username      text COLLATE "C" NOT NULL CONSTRAINT system_accounts_username UNIQUE CHECK (username <> ''),
    password_hash text COLLATE "C" NOT NULL CHECK (password_hash <> ''),
    created_at    timestamptz      NOT NULL
);

CREATE TABLE signing_keys (
    kid        text COLLATE "C" NOT NULL CONSTRAINT signing_keys_kid PRIMARY KEY CHECK (kid <> ''),
    algorithm  text COLLATE "C" NOT NULL CHECK (algorithm IN ('RS256', 'ES256', 'EdDSA')),
    sealed     bytea            NOT NULL,
    public_jwk text             NOT NULL,
    created_at timestamptz      NOT NULL,
    signs_from timestamptz      NOT NULL,
    expires_at timestamptz
);

-- Tokens that were given back before they expire, by their `jti`. Rows of expired ones
-- are deleted: such a token is dead anyhow.
CREATE TABLE revoked_tokens (
    id         text COLLATE "C" NOT NULL CONSTRAINT revoked_tokens_id PRIMARY KEY CHECK (id <> ''),
    expires_at timestamptz      NOT NULL
);

CREATE INDEX revoked_tokens_by_expiry ON revoked_tokens (expires_at);

-- The last number of a change. A sequence would leave a gap for every transaction that
-- is rolled back, and give its numbers out in another order than that of commits. This
-- row is locked by who draws a number until its transaction has ended.
CREATE TABLE change_counter (
    only_one boolean NOT NULL DEFAULT true CONSTRAINT change_counter_only_one PRIMARY KEY CHECK (only_one),
    last     bigint  NOT NULL CHECK (last >= 0)
);

INSERT INTO change_counter (last) VALUES (0);

CREATE FUNCTION next_change() RETURNS bigint LANGUAGE sql VOLATILE
    AS 'UPDATE change_counter SET last = last + 1 RETURNING last';

-- What a change tells of may be gone, so nothing here refers to another table.
CREATE TABLE changes (
    sequence       bigint           NOT NULL DEFAULT next_change() CONSTRAINT changes_sequence PRIMARY KEY CHECK (sequence > 0),
    type           text COLLATE "C" NOT NULL CHECK (type <> ''),
    time           timestamptz      NOT NULL,
    tenant_id      uuid,
    client_id      text COLLATE "C",
    environment_id uuid,
    version        integer CHECK (version >= 1),
    actor_kind     text COLLATE "C" NOT NULL CHECK (actor_kind IN ('client', 'system-account', 'cli')),
    actor_id       text COLLATE "C",
    request_id     text COLLATE "C",
    subject        text             NOT NULL CHECK (subject <> '')
);
