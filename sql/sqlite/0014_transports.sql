-- Phones register by TLS and WebSocket too: the bindings in a table that says so.
CREATE TABLE bindings_of_all (
    uid        TEXT    NOT NULL REFERENCES users (uid) ON DELETE CASCADE,
    key        TEXT    NOT NULL,  -- what makes it the same binding: instance-id and reg-id, else the Contact
    slot       INTEGER NOT NULL,  -- of the user
    contact    TEXT    NOT NULL,  -- the Contact URI as the phone wrote it
    target     TEXT    NOT NULL,  -- address and port that it is called at
    transport  TEXT    NOT NULL CHECK (transport IN ('udp', 'tcp', 'tls', 'ws', 'wss')),
    listener   TEXT    NOT NULL,  -- the listener it registered through: udp:127.0.0.1:5060
    path       TEXT    NOT NULL,  -- the Path header (RFC 3327); empty: none
    q          INTEGER NOT NULL,  -- preference in thousandths
    instance   TEXT    NOT NULL,  -- +sip.instance (RFC 5626); empty: none
    user_agent TEXT    NOT NULL,  -- what the phone calls itself
    call_id    TEXT    NOT NULL,  -- of the REGISTER that made or last renewed it
    cseq       INTEGER NOT NULL,  -- of the same REGISTER
    expires_s  INTEGER NOT NULL,  -- seconds since 1970 after which the row may go: the granted time and half again
    granted_s  INTEGER NOT NULL,  -- seconds that the phone was granted
    PRIMARY KEY (uid, key)
) STRICT, WITHOUT ROWID;

INSERT INTO bindings_of_all SELECT * FROM bindings;
DROP TABLE bindings;
ALTER TABLE bindings_of_all RENAME TO bindings;
CREATE INDEX bindings_by_expiry ON bindings (expires_s);
