-- What a token is good for: everything, or reading the metrics and nothing else.
ALTER TABLE tokens ADD COLUMN scope TEXT NOT NULL DEFAULT 'all' CHECK (scope IN ('all', 'metrics'));
