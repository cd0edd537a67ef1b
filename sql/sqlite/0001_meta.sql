-- What the cluster knows of itself: one row a fact.
--   epoch       counts the starts of a server on this database; a digest nonce of an older start is stale
--   seal_check  a known text sealed with the key that lies beside the database: proves that it is the right key
--   cid         the cluster whose users these are; their secrets are worth nothing in another
CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,  -- the fact
    value ANY  NOT NULL               -- its value
) STRICT, WITHOUT ROWID;
