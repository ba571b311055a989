-- Tokens that a person makes for programs (kind 'token') have a scope and may expire. A sign-in has the scope 'owner'.
ALTER TABLE device_tokens ADD COLUMN scope TEXT NOT NULL DEFAULT 'owner';
ALTER TABLE device_tokens ADD COLUMN expires_at INTEGER;
-- Cron revokes expired tokens, so that their channels are closed, too. Only tokens that can expire are in the index.
CREATE INDEX device_tokens_expiring ON device_tokens (expires_at) WHERE expires_at IS NOT NULL AND revoked_at IS NULL;
