-- How many jobs an account keeps (`keptJobs` in spec/bounds.ts), ended ones included. A row written for each job to count it
-- would raise its price, so one job in 32 counts for 32: those whose id ends with 0. The server draws the end of an id, so
-- nobody can keep only the others, and a job that goes is taken off exactly as it was added.
ALTER TABLE account_usage ADD COLUMN kept_jobs INTEGER NOT NULL DEFAULT 0;
UPDATE account_usage SET kept_jobs = 32 * (
  SELECT count(*) FROM jobs j WHERE j.user_id = account_usage.user_id AND substr(j.id, -1) = '0');

CREATE TRIGGER job_kept AFTER INSERT ON jobs WHEN substr(NEW.id, -1) = '0' BEGIN
  UPDATE account_usage SET kept_jobs = kept_jobs + 32 WHERE user_id = NEW.user_id;
END;
CREATE TRIGGER job_gone AFTER DELETE ON jobs WHEN substr(OLD.id, -1) = '0' BEGIN
  UPDATE account_usage SET kept_jobs = kept_jobs - 32 WHERE user_id = OLD.user_id;
END;

-- A job that is tried again and again: from the second archived attempt on, its row (512 bytes) and its short texts count as
-- stored bytes. An answer of more than 4 KiB counts already.
CREATE TRIGGER further_attempt_archived AFTER INSERT ON attempts WHEN NEW.lease_count > 1 BEGIN
  UPDATE account_usage SET stored_bytes = stored_bytes + 512
    + coalesce(octet_length(NEW.error), 0) + coalesce(octet_length(NEW.summary), 0)
    + iif(octet_length(NEW.content) <= 4096, octet_length(NEW.content), 0)
  WHERE user_id = NEW.user_id;
END;
CREATE TRIGGER further_attempt_pruned AFTER DELETE ON attempts WHEN OLD.lease_count > 1 BEGIN
  UPDATE account_usage SET stored_bytes = stored_bytes - 512
    - coalesce(octet_length(OLD.error), 0) - coalesce(octet_length(OLD.summary), 0)
    - iif(octet_length(OLD.content) <= 4096, octet_length(OLD.content), 0)
  WHERE user_id = OLD.user_id;
END;
UPDATE account_usage SET stored_bytes = stored_bytes + (
  SELECT coalesce(sum(512 + coalesce(octet_length(a.error), 0) + coalesce(octet_length(a.summary), 0)
    + iif(octet_length(a.content) <= 4096, octet_length(a.content), 0)), 0)
  FROM attempts a WHERE a.user_id = account_usage.user_id AND a.lease_count > 1);

-- Orders about a job outlive it. One in 32, by the millisecond in which the server noted it, counts for 32.
CREATE TRIGGER order_noted AFTER INSERT ON audit_log WHEN NEW.at % 32 = 7 AND substr(NEW.subject, 1, 4) = 'job_' BEGIN
  UPDATE account_usage SET stored_bytes = stored_bytes + 32 * (256 + coalesce(octet_length(NEW.detail), 0))
  WHERE user_id = NEW.user_id;
END;
CREATE TRIGGER order_forgotten AFTER DELETE ON audit_log WHEN OLD.at % 32 = 7 AND substr(OLD.subject, 1, 4) = 'job_' BEGIN
  UPDATE account_usage SET stored_bytes = stored_bytes - 32 * (256 + coalesce(octet_length(OLD.detail), 0))
  WHERE user_id = OLD.user_id;
END;
UPDATE account_usage SET stored_bytes = stored_bytes + (
  SELECT coalesce(sum(32 * (256 + coalesce(octet_length(a.detail), 0))), 0) FROM audit_log a
  WHERE a.user_id = account_usage.user_id AND a.at % 32 = 7 AND substr(a.subject, 1, 4) = 'job_');
