-- What the tree was asked, every fact but the message itself, and what was done about it: `routing::Recorded` reads it.
-- Empty: recorded by an older version.
ALTER TABLE calls ADD COLUMN question TEXT NOT NULL DEFAULT '';
ALTER TABLE pages ADD COLUMN question TEXT NOT NULL DEFAULT '';
