-- The kinds of job are a table of the program (spec/job/kinds.ts): a new one needs no migration, so the column loses its CHECK.
ALTER TABLE jobs ADD COLUMN any_kind TEXT NOT NULL DEFAULT 'session.prompt';
UPDATE jobs SET any_kind = kind WHERE kind <> 'session.prompt';
ALTER TABLE jobs DROP COLUMN kind;
ALTER TABLE jobs RENAME COLUMN any_kind TO kind;

-- What the runner of a machine last announced: JSON {kinds}; NULL: nothing, so it is handed what v0.4.4 knows.
ALTER TABLE machines ADD COLUMN abilities TEXT;
