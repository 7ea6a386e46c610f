-- A tenant's name as searches compare it, in upper and lower case alike. The program writes it, since
-- no two databases fold the same characters; it fills in the rows that are there already, which
-- are told by the empty text.
ALTER TABLE tenants ADD COLUMN name_folded TEXT NOT NULL DEFAULT '';

CREATE INDEX tenants_by_name ON tenants (name_folded);
-- Few tenants are suspended, so these cost next to nothing. Queries name the condition in the
-- same words.
CREATE INDEX tenants_suspended_in_order ON tenants (created_at, id) WHERE status = 'suspended';
CREATE INDEX tenants_of_environment_suspended_in_order ON tenants (environment_id, created_at, id)
    WHERE status = 'suspended';

-- Answers that are kept for a repeat of their requests. Everything but the time is a keyed hash
-- or sealed.
CREATE TABLE kept_answers (
    id          BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 32),
    fingerprint BLOB    NOT NULL CHECK (length(fingerprint) = 32),
    sealed      BLOB    NOT NULL,
    expires_at  INTEGER NOT NULL
) STRICT;

CREATE INDEX kept_answers_by_expiry ON kept_answers (expires_at);

-- What all servers of this database share, under the master key.
CREATE TABLE server_secrets (
    name   TEXT NOT NULL PRIMARY KEY CHECK (name <> ''),
    sealed BLOB NOT NULL
) STRICT;
