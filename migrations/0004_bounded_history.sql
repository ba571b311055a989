-- What one job, machine or network leaves behind has a bound (spec/bounds.ts): a loop of retries, releases or failed
-- sign-ins fills no table.

-- `shownAttempts`: nothing shows an older one.
CREATE TRIGGER old_attempts_go AFTER INSERT ON attempts WHEN NEW.lease_count > 100 BEGIN
  DELETE FROM attempts
  WHERE user_id = NEW.user_id AND job_id = NEW.job_id AND lease_count <= NEW.lease_count - 100;
END;

-- `auditEntries`.
CREATE TRIGGER old_audit_entries_go AFTER INSERT ON audit_log BEGIN
  DELETE FROM audit_log
  WHERE user_id = NEW.user_id AND subject = NEW.subject AND at < (
    SELECT at FROM audit_log WHERE user_id = NEW.user_id AND subject = NEW.subject ORDER BY at DESC LIMIT 1 OFFSET 999);
END;

-- Reviews count for the stored bytes of their account, and go with their job or their idea.
CREATE TRIGGER long_review_queued AFTER INSERT ON checkpoints WHEN octet_length(NEW.context) > 4096 BEGIN
  UPDATE account_usage SET stored_bytes = stored_bytes + octet_length(NEW.context) WHERE user_id = NEW.user_id;
END;
CREATE TRIGGER long_review_changed AFTER UPDATE OF body, structured_output ON checkpoints
WHEN (coalesce(octet_length(NEW.body), 0) + coalesce(octet_length(NEW.structured_output), 0)) > 4096
  OR (coalesce(octet_length(OLD.body), 0) + coalesce(octet_length(OLD.structured_output), 0)) > 4096 BEGIN
  UPDATE account_usage SET stored_bytes = stored_bytes
    + iif((coalesce(octet_length(NEW.body), 0) + coalesce(octet_length(NEW.structured_output), 0)) > 4096, (coalesce(octet_length(NEW.body), 0) + coalesce(octet_length(NEW.structured_output), 0)), 0)
    - iif((coalesce(octet_length(OLD.body), 0) + coalesce(octet_length(OLD.structured_output), 0)) > 4096, (coalesce(octet_length(OLD.body), 0) + coalesce(octet_length(OLD.structured_output), 0)), 0)
  WHERE user_id = NEW.user_id;
END;
CREATE TRIGGER long_review_removed AFTER DELETE ON checkpoints
WHEN octet_length(OLD.context) > 4096 OR (coalesce(octet_length(OLD.body), 0) + coalesce(octet_length(OLD.structured_output), 0)) > 4096 BEGIN
  UPDATE account_usage SET stored_bytes = stored_bytes
    - iif(octet_length(OLD.context) > 4096, octet_length(OLD.context), 0)
    - iif((coalesce(octet_length(OLD.body), 0) + coalesce(octet_length(OLD.structured_output), 0)) > 4096, (coalesce(octet_length(OLD.body), 0) + coalesce(octet_length(OLD.structured_output), 0)), 0)
  WHERE user_id = OLD.user_id;
END;
UPDATE account_usage SET stored_bytes = stored_bytes + (
  SELECT coalesce(sum(
    iif(octet_length(c.context) > 4096, octet_length(c.context), 0)
    + iif((coalesce(octet_length(c.body), 0) + coalesce(octet_length(c.structured_output), 0)) > 4096, (coalesce(octet_length(c.body), 0) + coalesce(octet_length(c.structured_output), 0)), 0)), 0)
  FROM checkpoints c WHERE c.user_id = account_usage.user_id);

CREATE TRIGGER review_goes_with_job AFTER DELETE ON jobs WHEN OLD.checkpoint_id IS NOT NULL BEGIN
  DELETE FROM checkpoints WHERE user_id = OLD.user_id AND id = OLD.checkpoint_id;
END;
-- A review that is still awaited stays: its answer must find it.
CREATE TRIGGER reviews_go_with_idea AFTER DELETE ON ideas BEGIN
  DELETE FROM checkpoints WHERE user_id = OLD.user_id AND idea_id = OLD.id AND status <> 'queued';
END;
