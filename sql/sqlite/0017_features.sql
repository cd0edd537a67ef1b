-- What a phone says that it can do (RFC 3840), as parameters of its Contact: ;audio;mobility="fixed".
ALTER TABLE bindings ADD COLUMN features TEXT NOT NULL DEFAULT '';
