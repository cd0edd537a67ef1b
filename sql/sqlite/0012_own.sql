-- What a user's trees may look at besides: how he says that he can be reached, what is left on his account, and
-- properties that he, his trees and the operator set.
ALTER TABLE users ADD COLUMN status TEXT CHECK (status IN ('available', 'occupied', 'away', 'offline'));  -- NULL: as the server sees it
ALTER TABLE users ADD COLUMN credit INTEGER NOT NULL DEFAULT 0;  -- in the operator's own unit

CREATE TABLE properties (
    uid   TEXT    NOT NULL REFERENCES users (uid) ON DELETE CASCADE,
    key   TEXT    NOT NULL,  -- as a tree names it: property "lunch"
    slot  INTEGER NOT NULL,  -- of the user
    value TEXT    NOT NULL,
    PRIMARY KEY (uid, key)
) STRICT, WITHOUT ROWID;

-- Texts that a tree answers with: reply "back soon". A ready-made one of the same name gives way to it.
CREATE TABLE stock (
    uid  TEXT    NOT NULL REFERENCES users (uid) ON DELETE CASCADE,
    name TEXT    NOT NULL COLLATE NOCASE,  -- as a tree names it; a person may write it in any case
    slot INTEGER NOT NULL,                 -- of the user
    text TEXT    NOT NULL,
    PRIMARY KEY (uid, name)
) STRICT, WITHOUT ROWID;

-- A page that is held waits until its reader says that he is available.
ALTER TABLE inbox ADD COLUMN held INTEGER NOT NULL DEFAULT 0 CHECK (held IN (0, 1));
