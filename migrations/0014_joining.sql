-- Links that work once: they make the first operator, invite a person, or set a new password. The token is stored as its
-- SHA-256 only.
CREATE TABLE one_time_links (
  hash TEXT PRIMARY KEY,
  purpose TEXT NOT NULL CHECK (purpose IN ('setup', 'invitation', 'password')),
  -- The role of the account that the link makes.
  role TEXT CHECK (role IN ('member', 'operator')),
  -- An invitation for one e-mail address only. NULL: for any.
  email TEXT,
  -- Whose password it sets.
  user_id TEXT REFERENCES users (id),
  -- The operator. NULL: a program at the database.
  created_by TEXT REFERENCES users (id),
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  used_at INTEGER,
  -- The new account, or the mark of the use.
  used_by TEXT,
  revoked_at INTEGER,
  CHECK ((purpose = 'password') = (user_id IS NOT NULL)),
  CHECK ((purpose = 'password') = (role IS NULL))
) WITHOUT ROWID;
CREATE INDEX one_time_links_by_purpose ON one_time_links (purpose, created_at);
CREATE INDEX one_time_links_of_user ON one_time_links (user_id) WHERE user_id IS NOT NULL;

-- Terminals that ask to be signed in (RFC 8628). The device code is stored as its SHA-256 only.
CREATE TABLE device_requests (
  hash TEXT PRIMARY KEY,
  user_code TEXT NOT NULL,
  device_name TEXT NOT NULL,
  network TEXT NOT NULL,
  -- Address and program.
  source TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  interval_ms INTEGER NOT NULL,
  polled_at INTEGER,
  decision TEXT CHECK (decision IN ('approved', 'denied')),
  -- Who decided.
  user_id TEXT REFERENCES users (id),
  CHECK ((decision IS NULL) = (user_id IS NULL))
) WITHOUT ROWID;
CREATE UNIQUE INDEX device_requests_by_code ON device_requests (user_code);
CREATE INDEX device_requests_of_network ON device_requests (network);
CREATE INDEX device_requests_by_end ON device_requests (expires_at);
