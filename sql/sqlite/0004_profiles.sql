-- The routing trees of users: named profiles, of which one may be active. None active: the cluster's default serves.
CREATE TABLE profiles (
    uid       TEXT    NOT NULL REFERENCES users (uid) ON DELETE CASCADE,
    name      TEXT    NOT NULL,            -- as in profile "at work" { … }
    slot      INTEGER NOT NULL,            -- of the user
    source    TEXT    NOT NULL,            -- the text of the tree
    active    INTEGER NOT NULL DEFAULT 0 CHECK (active IN (0, 1)),
    stored_ms INTEGER NOT NULL,            -- when it was stored: milliseconds since 1970
    PRIMARY KEY (uid, name)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX profiles_one_active ON profiles (uid) WHERE active = 1;
