-- Orders of operators over many jobs. A run proceeds in steps; its position is the last job that it has decided about.
CREATE TABLE bulk_runs (
  name TEXT PRIMARY KEY,
  action TEXT NOT NULL,
  -- JSON of the filter, as the operator gave it.
  filter TEXT NOT NULL,
  reason TEXT,
  -- How many jobs the operator saw: the run orders no more.
  seen_count INTEGER NOT NULL,
  created_by TEXT NOT NULL REFERENCES users (id),
  source TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  finished_at INTEGER,
  -- Who aborted it; NULL: nobody.
  aborted_by TEXT,
  done INTEGER NOT NULL DEFAULT 0,
  skipped INTEGER NOT NULL DEFAULT 0,
  steps INTEGER NOT NULL DEFAULT 0,
  position_user TEXT NOT NULL DEFAULT '',
  position_job TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE INDEX bulk_running ON bulk_runs (created_at) WHERE finished_at IS NULL;
