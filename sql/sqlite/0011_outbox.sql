-- Pages that wait for another cluster, which is not there or not well. A serial is never given twice.
CREATE TABLE outbox (
    serial       INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order of arrival
    owner        TEXT    NOT NULL REFERENCES users (uid) ON DELETE CASCADE,  -- who sent it
    slot         INTEGER NOT NULL,  -- of the owner
    id           TEXT    NOT NULL,  -- the page's record
    peer         TEXT    NOT NULL,  -- the cluster it waits for
    recipient    TEXT    NOT NULL,  -- a user there
    call_id      TEXT    NOT NULL,  -- of every try, the same for the same page
    "from"       TEXT    NOT NULL,  -- what is shown: a name-addr without tag
    headers      TEXT    NOT NULL,  -- what goes with it, in lines
    body         BLOB    NOT NULL,
    max_forwards INTEGER NOT NULL,
    stored_ms    INTEGER NOT NULL,  -- when it was accepted: milliseconds since 1970
    due_ms       INTEGER NOT NULL,  -- when it is to be tried again: milliseconds since 1970
    tries        INTEGER NOT NULL   -- how often it was tried
) STRICT;

-- What is tried when the cluster is there again, and what is counted when a page comes in.
CREATE INDEX outbox_of_peer ON outbox (peer, serial);
CREATE INDEX outbox_due ON outbox (peer, due_ms);
CREATE UNIQUE INDEX outbox_of_owner ON outbox (owner, call_id);

-- What became of a page after its sender was told 202: 'waiting', 'delivered', 'refused 404', 'expired after 48 h'.
-- Empty: there was nothing to wait for.
ALTER TABLE pages ADD COLUMN receipt TEXT NOT NULL DEFAULT '';
ALTER TABLE pages ADD COLUMN receipt_ms INTEGER;
