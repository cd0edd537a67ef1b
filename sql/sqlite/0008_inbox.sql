-- Pages that wait for their recipient's clients, and those that they have had. A serial is never given twice, so that a
-- delivery that is told late marks no other page.
CREATE TABLE inbox (
    serial       INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order of arrival
    uid          TEXT    NOT NULL REFERENCES users (uid) ON DELETE CASCADE,
    slot         INTEGER NOT NULL,  -- of the user
    id           TEXT    NOT NULL,  -- the page's record
    sender       TEXT    NOT NULL,  -- who sent it
    call_id      TEXT    NOT NULL,  -- of the sender's request
    cseq         INTEGER NOT NULL,  -- of the same request
    bytes        INTEGER NOT NULL,  -- of all its texts: what it takes of its user's share
    stored_ms    INTEGER NOT NULL,  -- when it was accepted: milliseconds since 1970
    copy         INTEGER NOT NULL CHECK (copy IN (0, 1)),  -- 1: delivered otherwise, never sent to clients
    delivered_ms INTEGER,           -- when a client has taken it, of a copy when it was accepted; NULL: it waits
    "from"       TEXT    NOT NULL,  -- what clients are shown: a name-addr without tag
    headers      TEXT    NOT NULL,  -- what passes with it, in lines
    body         BLOB    NOT NULL
) STRICT;

-- A page that is sent again is stored once.
CREATE UNIQUE INDEX inbox_once ON inbox (uid, sender, call_id, cseq);
-- What is asked whenever a user is loaded, and added up whenever a page comes in.
CREATE INDEX inbox_waiting ON inbox (uid, serial, bytes) WHERE delivered_ms IS NULL;
-- What gives way when there is too much of it.
CREATE INDEX inbox_kept ON inbox (uid, serial, bytes) WHERE delivered_ms IS NOT NULL;
-- What is forgotten when its time is over.
CREATE INDEX inbox_delivered ON inbox (delivered_ms) WHERE delivered_ms IS NOT NULL;
