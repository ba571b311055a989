-- Workspaces of later clients: the tabs of a person's terminals with their sessions, and a timeline.
CREATE TABLE workspaces (
  user_id TEXT NOT NULL REFERENCES users (id),
  id TEXT NOT NULL,
  title TEXT NOT NULL,
  description TEXT,
  visibility TEXT NOT NULL,
  -- The idea may be known from another server only, or be purged.
  idea_id TEXT,
  relationship TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  -- The last pushed state. A list shows the number of its tabs without reading the state.
  state_version INTEGER NOT NULL,
  snapshot_id TEXT NOT NULL,
  state_at INTEGER NOT NULL,
  tab_count INTEGER NOT NULL,
  -- JSON object as the client pushed it.
  state TEXT NOT NULL,
  PRIMARY KEY (user_id, id)
) WITHOUT ROWID;

CREATE TABLE workspace_events (
  user_id TEXT NOT NULL,
  workspace_id TEXT NOT NULL,
  id TEXT NOT NULL,
  at INTEGER NOT NULL,
  -- JSON object.
  event TEXT NOT NULL,
  PRIMARY KEY (user_id, workspace_id, id),
  FOREIGN KEY (user_id, workspace_id) REFERENCES workspaces (user_id, id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX workspace_events_by_time ON workspace_events (user_id, workspace_id, at, id);

-- States and events count as stored bytes.
CREATE TRIGGER workspace_added AFTER INSERT ON workspaces BEGIN
  UPDATE account_usage SET stored_bytes = stored_bytes + octet_length(NEW.state) WHERE user_id = NEW.user_id;
END;
CREATE TRIGGER workspace_changed AFTER UPDATE OF state ON workspaces
WHEN octet_length(NEW.state) <> octet_length(OLD.state) BEGIN
  UPDATE account_usage SET stored_bytes = stored_bytes + octet_length(NEW.state) - octet_length(OLD.state)
  WHERE user_id = NEW.user_id;
END;
CREATE TRIGGER workspace_event_added AFTER INSERT ON workspace_events BEGIN
  UPDATE account_usage SET stored_bytes = stored_bytes + octet_length(NEW.event) WHERE user_id = NEW.user_id;
END;
CREATE TRIGGER workspace_event_removed AFTER DELETE ON workspace_events BEGIN
  UPDATE account_usage SET stored_bytes = stored_bytes - octet_length(OLD.event) WHERE user_id = OLD.user_id;
END;
