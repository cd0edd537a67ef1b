-- Phones that sleep have to be woken in time, whether their users are in memory or not.
ALTER TABLE bindings ADD COLUMN wake_s INTEGER;  -- seconds since 1970 when its phone is woken to renew it; NULL: it is not

-- Two minutes before the end, or when half of what was granted is left, as the registrar has it.
UPDATE bindings SET wake_s = expires_s - min(120, granted_s / 2)
    WHERE instr(lower(contact), ';pn-provider=') > 0 AND instr(lower(contact), ';pn-prid=') > 0
    AND instr(lower(features), '+sip.pnsreg') = 0;

CREATE INDEX bindings_by_wake ON bindings (wake_s, uid) WHERE wake_s IS NOT NULL;
