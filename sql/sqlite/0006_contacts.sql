-- Whom a user knows: his contact list, and groups of contacts that his trees name (`caller in "Friends"`).
-- A contact is anne@south.test, @south.test (everybody there), +3545551234, or the beginning or end of one: +354*, *.test.
CREATE TABLE contacts (
    uid     TEXT    NOT NULL REFERENCES users (uid) ON DELETE CASCADE,
    contact TEXT    NOT NULL,  -- in its one form
    slot    INTEGER NOT NULL,  -- of the user
    PRIMARY KEY (uid, contact)
) STRICT, WITHOUT ROWID;

-- Groups have names that a person may write in any case. "Invisible", which every user has, is here once it is used.
CREATE TABLE groups (
    uid  TEXT    NOT NULL REFERENCES users (uid) ON DELETE CASCADE,
    name TEXT    NOT NULL COLLATE NOCASE,  -- as a tree names it
    slot INTEGER NOT NULL,                 -- of the user
    PRIMARY KEY (uid, name)
) STRICT, WITHOUT ROWID;

-- Who is in a group himself. Somebody who is blocked is in a group and on no contact list.
CREATE TABLE members (
    uid     TEXT    NOT NULL,
    "group" TEXT    NOT NULL COLLATE NOCASE,
    contact TEXT    NOT NULL,  -- in its one form
    slot    INTEGER NOT NULL,  -- of the user
    PRIMARY KEY (uid, "group", contact),
    FOREIGN KEY (uid, "group") REFERENCES groups (uid, name) ON DELETE CASCADE ON UPDATE CASCADE
) STRICT, WITHOUT ROWID;

-- Which group is in which: who is in the inner one is in the outer one too.
CREATE TABLE subgroups (
    uid     TEXT    NOT NULL,
    "group" TEXT    NOT NULL COLLATE NOCASE,  -- the outer one
    inner   TEXT    NOT NULL COLLATE NOCASE,
    slot    INTEGER NOT NULL,                 -- of the user
    PRIMARY KEY (uid, "group", inner),
    FOREIGN KEY (uid, "group") REFERENCES groups (uid, name) ON DELETE CASCADE ON UPDATE CASCADE,
    FOREIGN KEY (uid, inner) REFERENCES groups (uid, name) ON DELETE CASCADE ON UPDATE CASCADE
) STRICT, WITHOUT ROWID;

-- Also what finds the groups around a group.
CREATE INDEX subgroups_by_inner ON subgroups (uid, inner);

-- No group is inside itself, however long the way round.
CREATE TRIGGER subgroups_have_no_circle BEFORE INSERT ON subgroups
BEGIN
    SELECT raise(ABORT, 'a group cannot be inside itself') WHERE new.inner = new."group" COLLATE NOCASE OR EXISTS (
        WITH RECURSIVE inside (name) AS (
            SELECT inner FROM subgroups WHERE uid = new.uid AND "group" = new.inner
            UNION
            SELECT s.inner FROM subgroups s JOIN inside ON s.uid = new.uid AND s."group" = inside.name
        )
        SELECT 1 FROM inside WHERE name = new."group" COLLATE NOCASE
    );
END;
