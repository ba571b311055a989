-- The sessions of a repository are stored once per machine, not in every (repository, idea) row.
-- `sessions`: JSON array in list order; a session that belongs to one idea names it in `ideaId`.
CREATE TABLE linked_sessions (
  user_id TEXT NOT NULL REFERENCES users (id),
  machine_id TEXT NOT NULL REFERENCES machines (id),
  project_root TEXT NOT NULL,
  synced_at INTEGER NOT NULL,
  sessions TEXT NOT NULL,
  PRIMARY KEY (user_id, machine_id, project_root)
) WITHOUT ROWID;

-- A session that stands at the same place in every row of its repository is stored once, for all ideas; any other once for
-- each idea that has it. Copies of more than 8 MB, or a list that no row could hold, are left out: the next sync of the
-- machine brings what the bounds allow.
INSERT INTO linked_sessions (user_id, machine_id, project_root, synced_at, sessions)
WITH repositories AS (
  SELECT user_id, machine_id, project_root, count(*) AS ideas, max(synced_at) AS synced_at
  FROM linked_projects GROUP BY user_id, machine_id, project_root HAVING sum(octet_length(sessions)) <= 8000000),
copies AS (
  SELECT p.user_id, p.machine_id, p.project_root, p.idea_id, r.ideas, r.synced_at, s.key AS place, s.value AS session,
    count(*) OVER same AS found, min(s.key) OVER same AS first_place, max(s.key) OVER same AS last_place,
    min(p.idea_id) OVER same AS first_idea
  FROM repositories r
  JOIN linked_projects p ON p.user_id = r.user_id AND p.machine_id = r.machine_id AND p.project_root = r.project_root,
    json_each(p.sessions) s
  WINDOW same AS (PARTITION BY p.user_id, p.machine_id, p.project_root, json_remove(s.value, '$.lastActiveAt'))),
marked AS (
  SELECT *, found = ideas AND first_place = last_place AS is_shared FROM copies),
kept AS (
  SELECT user_id, machine_id, project_root, idea_id, synced_at, place,
    iif(is_shared, session, json_set(session, '$.ideaId', idea_id)) AS session
  FROM marked WHERE NOT is_shared OR idea_id = first_idea),
sized AS (
  SELECT *, sum(octet_length(session)) OVER (PARTITION BY user_id, machine_id, project_root) AS bytes FROM kept)
SELECT user_id, machine_id, project_root, synced_at, json_group_array(json(session) ORDER BY place, idea_id)
FROM sized WHERE bytes <= 1000000 GROUP BY user_id, machine_id, project_root;

ALTER TABLE linked_projects DROP COLUMN sessions;
CREATE INDEX linked_projects_of_idea ON linked_projects (user_id, idea_id);

-- What an account stores, kept by triggers so that no writer can forget it. `stored_bytes` counts ideas, features, and
-- prompts and answers of more than 4 KiB: a smaller one costs less than a written row to count it.
CREATE TABLE account_usage (
  user_id TEXT PRIMARY KEY REFERENCES users (id),
  ideas INTEGER NOT NULL DEFAULT 0,
  features INTEGER NOT NULL DEFAULT 0,
  stored_bytes INTEGER NOT NULL DEFAULT 0,
  -- What an operator granted this account: a JSON object of limits. A limit it lacks is the deployment's.
  limits TEXT
) WITHOUT ROWID;

INSERT INTO account_usage (user_id, ideas, features, stored_bytes)
SELECT u.id,
  (SELECT count(*) FROM ideas i WHERE i.user_id = u.id),
  (SELECT count(*) FROM features f WHERE f.user_id = u.id),
  (SELECT coalesce(sum(octet_length(i.notes)), 0) FROM ideas i WHERE i.user_id = u.id)
  + (SELECT coalesce(sum(octet_length(f.details) + coalesce(octet_length(f.notes), 0)), 0) FROM features f WHERE f.user_id = u.id)
  + (SELECT coalesce(sum(octet_length(j.prompt)), 0) FROM jobs j WHERE j.user_id = u.id AND octet_length(j.prompt) > 4096)
  + (SELECT coalesce(sum(octet_length(j.content)), 0) FROM jobs j WHERE j.user_id = u.id AND octet_length(j.content) > 4096)
  + (SELECT coalesce(sum(octet_length(a.content)), 0) FROM attempts a WHERE a.user_id = u.id AND octet_length(a.content) > 4096)
FROM users u;

CREATE TRIGGER account_begins AFTER INSERT ON users BEGIN
  INSERT INTO account_usage (user_id) VALUES (NEW.id);
END;

CREATE TRIGGER idea_added AFTER INSERT ON ideas BEGIN
  UPDATE account_usage SET ideas = ideas + 1, stored_bytes = stored_bytes + octet_length(NEW.notes)
  WHERE user_id = NEW.user_id;
END;
CREATE TRIGGER idea_changed AFTER UPDATE OF notes ON ideas WHEN octet_length(NEW.notes) <> octet_length(OLD.notes) BEGIN
  UPDATE account_usage SET stored_bytes = stored_bytes + octet_length(NEW.notes) - octet_length(OLD.notes)
  WHERE user_id = NEW.user_id;
END;
CREATE TRIGGER idea_purged AFTER DELETE ON ideas BEGIN
  UPDATE account_usage SET ideas = ideas - 1, stored_bytes = stored_bytes - octet_length(OLD.notes)
  WHERE user_id = OLD.user_id;
END;

CREATE TRIGGER feature_added AFTER INSERT ON features BEGIN
  UPDATE account_usage SET features = features + 1,
    stored_bytes = stored_bytes + octet_length(NEW.details) + coalesce(octet_length(NEW.notes), 0)
  WHERE user_id = NEW.user_id;
END;
CREATE TRIGGER feature_changed AFTER UPDATE OF details, notes ON features
WHEN octet_length(NEW.details) + coalesce(octet_length(NEW.notes), 0)
  <> octet_length(OLD.details) + coalesce(octet_length(OLD.notes), 0) BEGIN
  UPDATE account_usage SET stored_bytes = stored_bytes
    + octet_length(NEW.details) + coalesce(octet_length(NEW.notes), 0)
    - octet_length(OLD.details) - coalesce(octet_length(OLD.notes), 0)
  WHERE user_id = NEW.user_id;
END;
CREATE TRIGGER feature_removed AFTER DELETE ON features BEGIN
  UPDATE account_usage SET features = features - 1,
    stored_bytes = stored_bytes - octet_length(OLD.details) - coalesce(octet_length(OLD.notes), 0)
  WHERE user_id = OLD.user_id;
END;

CREATE TRIGGER long_prompt_queued AFTER INSERT ON jobs WHEN octet_length(NEW.prompt) > 4096 BEGIN
  UPDATE account_usage SET stored_bytes = stored_bytes + octet_length(NEW.prompt) WHERE user_id = NEW.user_id;
END;
CREATE TRIGGER long_answer_arrived AFTER UPDATE OF content ON jobs WHEN octet_length(NEW.content) > 4096 BEGIN
  UPDATE account_usage SET stored_bytes = stored_bytes + octet_length(NEW.content) WHERE user_id = NEW.user_id;
END;
CREATE TRIGGER long_answer_replaced AFTER UPDATE OF content ON jobs WHEN octet_length(OLD.content) > 4096 BEGIN
  UPDATE account_usage SET stored_bytes = stored_bytes - octet_length(OLD.content) WHERE user_id = NEW.user_id;
END;
CREATE TRIGGER long_answer_archived AFTER INSERT ON attempts WHEN octet_length(NEW.content) > 4096 BEGIN
  UPDATE account_usage SET stored_bytes = stored_bytes + octet_length(NEW.content) WHERE user_id = NEW.user_id;
END;
CREATE TRIGGER long_archive_pruned AFTER DELETE ON attempts WHEN octet_length(OLD.content) > 4096 BEGIN
  UPDATE account_usage SET stored_bytes = stored_bytes - octet_length(OLD.content) WHERE user_id = OLD.user_id;
END;
CREATE TRIGGER long_job_pruned AFTER DELETE ON jobs
WHEN octet_length(OLD.prompt) > 4096 OR octet_length(OLD.content) > 4096 BEGIN
  UPDATE account_usage SET stored_bytes = stored_bytes
    - CASE WHEN octet_length(OLD.prompt) > 4096 THEN octet_length(OLD.prompt) ELSE 0 END
    - CASE WHEN octet_length(OLD.content) > 4096 THEN octet_length(OLD.content) ELSE 0 END
  WHERE user_id = OLD.user_id;
END;
