-- Who may use the HTTP API. A token is 256 bits that nobody can guess, so that a plain hash of it is enough.
CREATE TABLE tokens (
    name    TEXT    NOT NULL PRIMARY KEY COLLATE NOCASE,  -- whose or what for, as the operator calls it
    hash    BLOB    NOT NULL UNIQUE,                      -- SHA-256 of the token
    made_ms INTEGER NOT NULL                              -- milliseconds since 1970
) STRICT, WITHOUT ROWID;
