-- Cron finds the machines that are due for maintenance without reading the others.
ALTER TABLE machines ADD COLUMN visit_at INTEGER NOT NULL DEFAULT 0;
CREATE INDEX machines_by_visit ON machines (visit_at);
