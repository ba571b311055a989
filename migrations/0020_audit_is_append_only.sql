-- Where a job was queued from: address and program. With `created_by` and `created_at` the row of a job is its own audit entry.
ALTER TABLE jobs ADD COLUMN source TEXT;

-- The audit log in order of time, of all accounts and of one.
CREATE INDEX audit_log_by_time ON audit_log (at);
CREATE INDEX audit_log_of_account ON audit_log (user_id, at);

-- Nobody changes an entry, whatever a statement says.
CREATE TRIGGER audit_entries_stay BEFORE UPDATE ON audit_log BEGIN
  SELECT RAISE(ABORT, 'the audit log is append-only');
END;
-- A REPLACE would remove the earlier entry without a DELETE. The first entry stays.
CREATE TRIGGER audit_entries_are_not_replaced BEFORE INSERT ON audit_log
WHEN EXISTS (SELECT 1 FROM audit_log WHERE user_id = NEW.user_id AND subject = NEW.subject AND at = NEW.at
  AND action = NEW.action AND actor = NEW.actor) BEGIN
  SELECT RAISE(IGNORE);
END;
-- Only what is beyond the bounds may go: entries older than a year, and those after the newest 1,000 of one subject.
CREATE TRIGGER audit_entries_are_kept BEFORE DELETE ON audit_log
WHEN OLD.at > (SELECT max(at) FROM audit_log) - 31536000000
  AND (SELECT count(*) FROM (
    SELECT 1 FROM audit_log WHERE user_id = OLD.user_id AND subject = OLD.subject AND at > OLD.at LIMIT 1000)) < 1000 BEGIN
  SELECT RAISE(ABORT, 'the audit log is append-only');
END;
-- Each entry takes two of the oldest with it, once they are older than a year. No statement of the server deletes entries.
CREATE TRIGGER aged_audit_entries_go AFTER INSERT ON audit_log BEGIN
  DELETE FROM audit_log WHERE (user_id, subject, at, action, actor) IN (
    SELECT user_id, subject, at, action, actor FROM audit_log INDEXED BY audit_log_by_time
    WHERE at <= NEW.at - 31536000000 ORDER BY at LIMIT 2);
END;
