-- The jobs that need a person, found whatever the history. Only a job that is lost or fails writes a row here.
CREATE INDEX jobs_in_trouble ON jobs (user_id, status, updated_at) WHERE status IN ('lost', 'failed');

-- What the runner of a machine last reported of its spool and its agent: JSON {spool, agent}; NULL: nothing.
ALTER TABLE machines ADD COLUMN report TEXT;
