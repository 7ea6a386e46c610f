-- How long, in seconds, a token may live at most that this key has signed: when the key is
-- replaced, it has to be kept for as long. Nobody has written that down for the keys that
-- are there already, so they get the longest time that the setting allows.
ALTER TABLE signing_keys ADD COLUMN token_ttl INTEGER NOT NULL DEFAULT 31536000 CHECK (token_ttl > 0);
