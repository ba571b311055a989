-- Charts of the service: one row a minute. The rows are a ring of 8 days, so that no row is ever deleted: each minute
-- overwrites the row that is 8 days old.
CREATE TABLE minute_stats (
  -- The number of the minute, modulo 11,520.
  slot INTEGER PRIMARY KEY,
  -- When the minute began.
  at INTEGER NOT NULL,
  -- JSON of the minute; of the quarter and of the hour that it ends.
  minute TEXT NOT NULL,
  quarter TEXT,
  hour TEXT
) WITHOUT ROWID;

-- Jobs that ended an hour or more after they were queued. Those that ended sooner are found by their ids, which are
-- ordered by time.
CREATE INDEX jobs_slow ON jobs (finished_at) WHERE finished_at >= created_at + 3600000;
