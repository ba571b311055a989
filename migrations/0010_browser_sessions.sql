-- A signed-in browser is a device token of its own kind: revoked, bounded and closed like the token of a terminal.
ALTER TABLE device_tokens ADD COLUMN kind TEXT NOT NULL DEFAULT 'cli';
-- An account that an operator disabled: it signs in nowhere, and its tokens open nothing.
ALTER TABLE users ADD COLUMN disabled_at INTEGER;
