-- Halves of calls: what the caller's outgoing tree did and what the callee's incoming tree did are two rows with
-- one id. Rows outlive their users.
CREATE TABLE calls (
    serial      INTEGER PRIMARY KEY,  -- the order in which they were first written
    id          TEXT    NOT NULL,     -- the call: the same for both halves
    direction   TEXT    NOT NULL CHECK (direction IN ('outgoing', 'incoming')),  -- whose half
    owner       TEXT    NOT NULL,     -- the UID whose tree decided
    slot        INTEGER NOT NULL,     -- of the owner
    caller      TEXT    NOT NULL,     -- who asked
    callee      TEXT    NOT NULL,     -- who was asked for
    mode        TEXT    NOT NULL,     -- voice, video, …
    started_ms  INTEGER NOT NULL,     -- milliseconds since 1970
    answered_ms INTEGER,              -- NULL: nobody answered
    ended_ms    INTEGER NOT NULL,
    status      INTEGER NOT NULL,     -- the final SIP status that the caller was given
    "end"       TEXT    NOT NULL,     -- what ended it, in plain words
    rule        TEXT    NOT NULL,     -- the deciding rule in one line
    path        TEXT    NOT NULL      -- the whole decision, one step a line
) STRICT;

CREATE UNIQUE INDEX calls_by_id ON calls (id, direction, owner);
CREATE INDEX calls_of_user ON calls (owner, serial);

-- Pages, without their text. Rows outlive their users.
CREATE TABLE pages (
    serial    INTEGER PRIMARY KEY,  -- the order in which they were first written
    id        TEXT    NOT NULL,     -- the page: the same for both halves
    direction TEXT    NOT NULL CHECK (direction IN ('outgoing', 'incoming')),  -- whose half
    owner     TEXT    NOT NULL,     -- the UID whose tree decided
    slot      INTEGER NOT NULL,     -- of the owner
    sender    TEXT    NOT NULL,     -- who sent it
    recipient TEXT    NOT NULL,     -- to whom
    at_ms     INTEGER NOT NULL,     -- milliseconds since 1970
    status    INTEGER NOT NULL,     -- the final SIP status that the sender was given
    rule      TEXT    NOT NULL,     -- the deciding rule in one line
    path      TEXT    NOT NULL      -- the whole decision, one step a line
) STRICT;

CREATE UNIQUE INDEX pages_by_id ON pages (id, direction, owner);
CREATE INDEX pages_of_user ON pages (owner, serial);
