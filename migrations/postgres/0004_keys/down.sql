ALTER TABLE signing_keys DROP COLUMN token_ttl;
