-- How phones name a profile: by a digit that is dialled, or because a client sends under it.
ALTER TABLE profiles ADD COLUMN code INTEGER CHECK (code BETWEEN 1 AND 9);  -- NULL: it cannot be dialled
CREATE UNIQUE INDEX profiles_by_code ON profiles (uid, code) WHERE code IS NOT NULL;
ALTER TABLE devices ADD COLUMN profile TEXT;  -- of a client: what it sends under; NULL, or one that is gone: the active one
