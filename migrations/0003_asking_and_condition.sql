-- Why the runner of a machine has paused claiming: JSON {code, message, until, since}; NULL while it claims.
ALTER TABLE machines ADD COLUMN condition TEXT;

-- Since when a person at the machine is being asked whether a handed-out job may run.
ALTER TABLE jobs ADD COLUMN asking_since INTEGER;
