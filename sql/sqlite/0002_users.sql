-- The people and services of the cluster.
-- `slot` is the piece of the user map that the UID falls into (0 to 4095); every table of a user's things
-- carries it, so that a slot can be found, counted and handed over as a whole.
CREATE TABLE users (
    uid        TEXT    NOT NULL PRIMARY KEY,  -- anne@north.test, lower case
    slot       INTEGER NOT NULL,              -- the piece of the user map
    name       TEXT,                          -- shown to those he calls; NULL: none
    account    TEXT    NOT NULL,              -- the account type, 'standard' unless the operator says otherwise
    created_ms INTEGER NOT NULL               -- milliseconds since 1970
) STRICT, WITHOUT ROWID;

-- The numbers that reach a user. A number has one owner.
CREATE TABLE numbers (
    number TEXT    NOT NULL PRIMARY KEY,  -- digits, with a leading + if it is international: +3545551234
    uid    TEXT    NOT NULL REFERENCES users (uid) ON DELETE CASCADE,
    slot   INTEGER NOT NULL               -- of the user
) STRICT, WITHOUT ROWID;

CREATE INDEX numbers_of_user ON numbers (uid);

-- What a password leaves behind: HA1 of RFC 7616 for the user names anne and anne@north.test, one after the other in
-- hexadecimal, sealed with XChaCha20-Poly1305 under the key beside the database and bound to user and algorithm.
-- Of no use without that key.
CREATE TABLE secrets (
    uid       TEXT    NOT NULL REFERENCES users (uid) ON DELETE CASCADE,
    algorithm TEXT    NOT NULL CHECK (algorithm IN ('MD5', 'SHA-256')),
    slot      INTEGER NOT NULL,  -- of the user
    sealed    BLOB    NOT NULL,  -- 24 bytes of nonce, then the sealed text and its tag
    PRIMARY KEY (uid, algorithm)
) STRICT, WITHOUT ROWID;
