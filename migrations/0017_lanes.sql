-- The queue is divided into lanes, so that a claim reads one job for each lane and not the whole queue. The database derives
-- place and lane from the row itself, so no writer can forget them. `place` says where a queued job may run at most; all
-- queued jobs of one lane have the same target and kind, so the first of them stands for the others. A held job is in the
-- lane of its agent session.

-- 1 until the job is due. Then the next poll moves the job to its lane.
ALTER TABLE jobs ADD COLUMN delayed INTEGER NOT NULL DEFAULT 0;
UPDATE jobs SET delayed = 1
WHERE finished_at IS NULL AND lease_id IS NULL AND available_at > CAST(unixepoch('subsec') * 1000 AS INTEGER);

ALTER TABLE jobs ADD COLUMN place TEXT GENERATED ALWAYS AS (
  CASE WHEN lease_id IS NOT NULL THEN 'held'
  ELSE iif(delayed, 'later ', 'ready ') || CASE
    WHEN target_machine_id IS NOT NULL THEN 'machine ' || target_machine_id
    WHEN target_project_root IS NOT NULL THEN 'root ' || target_project_root
    WHEN idea_id IS NOT NULL THEN 'idea ' || idea_id
    ELSE 'any' END
  END) VIRTUAL;
ALTER TABLE jobs ADD COLUMN lane TEXT GENERATED ALWAYS AS (
  CASE WHEN lease_id IS NOT NULL THEN coalesce(codex_session_id, '')
  WHEN delayed THEN printf('%015d', available_at)
  ELSE json_array(kind, target_project_root, idea_id, world_id, target_orp_session_id, target_codex_session_id,
    session_fallback)
  END) VIRTUAL;

-- Its key changes with the claim and not again until the end: the claim writes one row of it, start and renewal none. The
-- last columns let a claim judge a job without reading its row.
DROP INDEX jobs_live;
CREATE INDEX jobs_live ON jobs (user_id, place, lane, priority DESC, id, available_at, expires_at)
WHERE finished_at IS NULL;

-- About how many jobs of an account have not ended. New jobs are added by the sample of `kept_jobs`, in the same written row:
-- one job in 32 counts for 32. Ended jobs are not taken off one by one: cron counts again where the number gets high.
ALTER TABLE account_usage ADD COLUMN live_jobs INTEGER NOT NULL DEFAULT 0;
UPDATE account_usage SET live_jobs = (
  SELECT count(*) FROM jobs j INDEXED BY jobs_live WHERE j.user_id = account_usage.user_id AND j.finished_at IS NULL);

DROP TRIGGER job_kept;
CREATE TRIGGER job_kept AFTER INSERT ON jobs WHEN substr(NEW.id, -1) = '0' BEGIN
  UPDATE account_usage SET kept_jobs = kept_jobs + 32, live_jobs = live_jobs + iif(NEW.finished_at IS NULL, 32, 0)
  WHERE user_id = NEW.user_id;
END;
CREATE TRIGGER job_retried AFTER UPDATE OF finished_at ON jobs
WHEN substr(NEW.id, -1) = '0' AND OLD.finished_at IS NOT NULL AND NEW.finished_at IS NULL BEGIN
  UPDATE account_usage SET live_jobs = live_jobs + 32 WHERE user_id = NEW.user_id;
END;
