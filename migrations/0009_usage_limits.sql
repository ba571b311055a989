-- What a usage limit of the agent's account does to the job: `wait` or `fail`.
ALTER TABLE jobs ADD COLUMN on_usage_limit TEXT NOT NULL DEFAULT 'wait';
-- How often the job was returned until a usage limit resets, since the last order of a person.
ALTER TABLE jobs ADD COLUMN usage_waits INTEGER NOT NULL DEFAULT 0;
