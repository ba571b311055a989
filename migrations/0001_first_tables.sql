-- Accounts, ideas, machines and jobs. Tables keyed by text are WITHOUT ROWID: one written row an insert instead of two.

CREATE TABLE users (
  id TEXT PRIMARY KEY,
  email TEXT NOT NULL,
  name TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('member', 'operator')),
  password_hash TEXT NOT NULL,
  created_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX users_email ON users (email);

-- A token is stored as its SHA-256 only.
CREATE TABLE device_tokens (
  hash TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id),
  device_name TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  revoked_at INTEGER
) WITHOUT ROWID;

CREATE TABLE sign_in_codes (
  email TEXT PRIMARY KEY,
  code_hash TEXT NOT NULL,
  expires_at INTEGER NOT NULL,
  tries INTEGER NOT NULL
) WITHOUT ROWID;

-- Failed sign-ins of one account or one address, in a window of time.
CREATE TABLE sign_in_failures (
  subject TEXT PRIMARY KEY,
  window_started_at INTEGER NOT NULL,
  failures INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE ideas (
  user_id TEXT NOT NULL REFERENCES users (id),
  id TEXT NOT NULL,
  title TEXT NOT NULL,
  github_url TEXT,
  link_label TEXT,
  visibility TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  deleted_at INTEGER,
  notes TEXT NOT NULL,
  PRIMARY KEY (user_id, id)
) WITHOUT ROWID;

CREATE TABLE features (
  user_id TEXT NOT NULL REFERENCES users (id),
  id TEXT NOT NULL,
  idea_id TEXT NOT NULL,
  title TEXT NOT NULL,
  notes TEXT,
  starred INTEGER NOT NULL,
  super_starred INTEGER NOT NULL,
  completed INTEGER NOT NULL,
  visibility TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  -- JSON array of {id, label, body}.
  details TEXT NOT NULL,
  PRIMARY KEY (user_id, id),
  FOREIGN KEY (user_id, idea_id) REFERENCES ideas (user_id, id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX features_of_idea ON features (user_id, idea_id);

CREATE TABLE worlds (
  user_id TEXT NOT NULL REFERENCES users (id),
  idea_id TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  project_root TEXT,
  github_url TEXT,
  codex_session_id TEXT,
  status TEXT NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (user_id, idea_id),
  FOREIGN KEY (user_id, idea_id) REFERENCES ideas (user_id, id) ON DELETE CASCADE
) WITHOUT ROWID;

-- A machine belongs to the account that was heard of it first.
CREATE TABLE machines (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id),
  name TEXT NOT NULL,
  platform TEXT NOT NULL,
  app_version TEXT NOT NULL,
  first_seen_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL,
  last_sync_at INTEGER,
  listening_transport TEXT CHECK (listening_transport IN ('ws', 'sse')),
  listening_since INTEGER,
  listening_instance TEXT,
  draining INTEGER NOT NULL DEFAULT 0,
  -- When cron found it silent; cleared when it is heard of again.
  stale_at INTEGER
) WITHOUT ROWID;
CREATE INDEX machines_of_user ON machines (user_id);

-- What a machine last synced: one row a repository and idea, its sessions as a JSON array in list order.
CREATE TABLE linked_projects (
  user_id TEXT NOT NULL REFERENCES users (id),
  machine_id TEXT NOT NULL REFERENCES machines (id),
  project_root TEXT NOT NULL,
  idea_id TEXT NOT NULL,
  idea_title TEXT,
  world_id TEXT,
  world_name TEXT,
  project_name TEXT,
  github_url TEXT,
  synced_at INTEGER NOT NULL,
  sessions TEXT NOT NULL,
  PRIMARY KEY (user_id, machine_id, project_root, idea_id)
) WITHOUT ROWID;

-- A job row is its latest attempt; an attempt that is replaced is archived in `attempts` by the same batch.
CREATE TABLE jobs (
  user_id TEXT NOT NULL REFERENCES users (id),
  id TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('session.prompt', 'idea.checkpoint')),
  status TEXT NOT NULL
    CHECK (status IN ('queued', 'dispatched', 'running', 'lost', 'completed', 'failed', 'cancelled')),
  created_at INTEGER NOT NULL,
  created_by TEXT,
  updated_at INTEGER NOT NULL,
  finished_at INTEGER,
  -- Options of the sender.
  priority INTEGER NOT NULL DEFAULT 0,
  available_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  on_lease_loss TEXT NOT NULL CHECK (on_lease_loss IN ('requeue', 'hold')),
  max_attempts INTEGER NOT NULL,
  timeout_seconds INTEGER,
  session_fallback TEXT NOT NULL CHECK (session_fallback IN ('primary', 'none')),
  idempotency_key TEXT,
  request_hash TEXT,
  -- What it asks for.
  idea_id TEXT,
  world_id TEXT,
  checkpoint_id TEXT,
  target_machine_id TEXT,
  target_project_root TEXT,
  target_orp_session_id TEXT,
  target_codex_session_id TEXT,
  -- The latest attempt.
  attempt INTEGER NOT NULL DEFAULT 0,
  attempts_used INTEGER NOT NULL DEFAULT 0,
  lease_count INTEGER NOT NULL DEFAULT 0,
  machine_id TEXT,
  instance TEXT,
  claim_id TEXT,
  lease_id TEXT,
  lease_expires_at INTEGER,
  project_root TEXT,
  orp_session_id TEXT,
  codex_session_id TEXT,
  session_source TEXT,
  fallback_reason TEXT,
  claimed_at INTEGER,
  started_at INTEGER,
  failure_kind TEXT,
  error TEXT,
  summary TEXT,
  -- A cancel, and the runner's word on what it stopped.
  cancelled_by TEXT,
  cancel_reason TEXT,
  cancel_confirmed_at INTEGER,
  stop_receipt TEXT,
  -- Long texts stand last, so that short columns are read without them.
  prompt TEXT NOT NULL,
  content TEXT,
  PRIMARY KEY (user_id, id),
  CHECK ((finished_at IS NOT NULL) = (status IN ('completed', 'failed', 'cancelled'))),
  CHECK (status NOT IN ('dispatched', 'running', 'lost') OR (lease_id IS NOT NULL AND lease_expires_at IS NOT NULL))
) WITHOUT ROWID;
-- Its key does not change between enqueue and end, so claim, start and renewal write one row each.
CREATE INDEX jobs_live ON jobs (user_id, target_machine_id, priority DESC, id) WHERE finished_at IS NULL;
CREATE UNIQUE INDEX jobs_idempotency ON jobs (user_id, idempotency_key) WHERE idempotency_key IS NOT NULL;

-- Attempts that were replaced by another.
CREATE TABLE attempts (
  user_id TEXT NOT NULL,
  job_id TEXT NOT NULL,
  lease_count INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  machine_id TEXT,
  instance TEXT,
  lease_id TEXT,
  project_root TEXT,
  orp_session_id TEXT,
  codex_session_id TEXT,
  session_source TEXT,
  fallback_reason TEXT,
  claimed_at INTEGER,
  started_at INTEGER,
  finished_at INTEGER,
  failure_kind TEXT,
  error TEXT,
  summary TEXT,
  content TEXT,
  PRIMARY KEY (user_id, job_id, lease_count),
  FOREIGN KEY (user_id, job_id) REFERENCES jobs (user_id, id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE TABLE checkpoints (
  user_id TEXT NOT NULL REFERENCES users (id),
  id TEXT NOT NULL,
  idea_id TEXT NOT NULL,
  world_id TEXT,
  job_id TEXT NOT NULL,
  trigger_type TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('queued', 'completed', 'failed', 'cancelled')),
  created_at INTEGER NOT NULL,
  responded_at INTEGER,
  response_id TEXT,
  summary TEXT,
  error TEXT,
  context TEXT NOT NULL,
  structured_output TEXT,
  body TEXT,
  PRIMARY KEY (user_id, id)
) WITHOUT ROWID;
CREATE INDEX checkpoints_of_idea ON checkpoints (user_id, idea_id, id);

-- Who changed something on somebody's machine, from where, what and when.
CREATE TABLE audit_log (
  user_id TEXT NOT NULL,
  subject TEXT NOT NULL,
  at INTEGER NOT NULL,
  action TEXT NOT NULL,
  actor TEXT NOT NULL,
  source TEXT NOT NULL,
  detail TEXT,
  PRIMARY KEY (user_id, subject, at, action, actor)
) WITHOUT ROWID;
