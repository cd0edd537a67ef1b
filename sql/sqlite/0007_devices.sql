-- Anything of a user's that can take calls or messages, by the name that his trees use: client "desk", "gsm".
CREATE TABLE devices (
    uid      TEXT    NOT NULL REFERENCES users (uid) ON DELETE CASCADE,
    name     TEXT    NOT NULL COLLATE NOCASE,  -- as a tree names it; a person may write it in any case
    slot     INTEGER NOT NULL,                 -- of the user
    kind     TEXT    NOT NULL,                 -- client, gsm, pager, mail, …
    address  TEXT,                             -- the number or address of one that is no client; NULL: none
    instance TEXT,                             -- of a client: its instance-id (RFC 5626 section 4.1), urn:uuid:…
    PRIMARY KEY (uid, name)
) STRICT, WITHOUT ROWID;

-- A client has one name.
CREATE UNIQUE INDEX devices_by_instance ON devices (uid, instance) WHERE instance IS NOT NULL;
