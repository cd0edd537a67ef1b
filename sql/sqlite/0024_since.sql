-- Since when a phone has been registered without a break, seconds since 1970; 0: longer than this is written down.
ALTER TABLE bindings ADD COLUMN since_s INTEGER NOT NULL DEFAULT 0;
