-- An account has a bounded number of device tokens (`deviceTokens` in spec/bounds.ts): the one that was not used for the
-- longest time goes. `used_at` is written at most once a day; NULL until then.
ALTER TABLE device_tokens ADD COLUMN used_at INTEGER;
CREATE INDEX device_tokens_of_user ON device_tokens (user_id);
