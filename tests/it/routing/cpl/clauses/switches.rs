//! §4 of RFC 3880: addresses, texts, languages, times and priorities.

use ratatosk::routing::Code;
use ratatosk::routing::Outcome::{Busy, NoAnswer};

use super::Means::{Fails, Goes, Remarks};
use super::{CLIENTS, Clause, VOICEMAIL};

pub(super) const SWITCHES: &[Clause] = &[
    ("4", "", Goes(&[("voice x@y.test mode", &[NoAnswer], &[CLIENTS, VOICEMAIL])])),
    ("4", "<priority-switch/>", Goes(&[("voice x@y.test", &[Busy], &[CLIENTS, "returned"])])),
    (
        "4",
        "<priority-switch><otherwise><reject status='busy'/></otherwise></priority-switch>",
        Goes(&[("voice x@y.test", &[], &["busy"])]),
    ),
    // The first output that matches, and without `<otherwise>` the default behaviour.
    (
        "4",
        "<address-switch field='origin' subfield='user'><address is='x'><reject status='busy'/></address>\
         <address is='x'><redirect/></address></address-switch>",
        Goes(&[("voice x@y.test", &[], &["busy"]), ("voice z@y.test", &[Busy], &[CLIENTS, "returned"])]),
    ),
    (
        "4",
        "<priority-switch><otherwise><redirect/></otherwise><priority equal='urgent'/></priority-switch>",
        Fails(Code::DeadRule),
    ),
    // `<not-present>` stands anywhere, and is one condition among others.
    (
        "4",
        "<string-switch field='subject'><not-present><reject status='busy'/></not-present>\
         <string contains='lunch'><reject status='reject'/></string></string-switch>",
        Goes(&[
            ("voice x@y.test", &[], &["busy"]),
            ("voice x@y.test subject:Lunch!", &[], &["decline"]),
            ("voice x@y.test subject:tea", &[Busy], &[CLIENTS, "returned"]),
        ]),
    ),
    // ---- addresses ----
    ("4.1", "<address-switch subfield='user'><address is='x'/></address-switch>", Fails(Code::Syntax)),
    (
        "4.1",
        "<address-switch field='sender'><address is='sip:x@y.test'/></address-switch>",
        Fails(Code::NoCounterpart),
    ),
    (
        "4.1",
        "<address-switch field='origin' subfield='shoe'><address is='x'/></address-switch>",
        Fails(Code::NoCounterpart),
    ),
    (
        "4.1",
        "<address-switch field='origin'><address is='sip:x@y.test' contains='x'/></address-switch>",
        Fails(Code::Syntax),
    ),
    (
        "4.1",
        "<address-switch field='origin'><address contains='x'/></address-switch>",
        Fails(Code::NoCounterpart),
    ),
    (
        "4.1",
        "<address-switch field='origin' subfield='user'><address subdomain-of='x'/></address-switch>",
        Fails(Code::NoCounterpart),
    ),
    (
        "4.1",
        "<address-switch field='origin' subfield='host'><address is='Y.test'><reject status='busy'/></address></address-switch>",
        Goes(&[("voice x@y.test", &[], &["busy"]), ("voice x@sub.y.test", &[Busy], &[CLIENTS, "returned"])]),
    ),
    // Domains below it, the domain itself, and nothing that only ends like it; a leading dot is nothing.
    (
        "4.1",
        "<address-switch field='origin' subfield='host'><address subdomain-of='.Y.test'><reject status='busy'/></address></address-switch>",
        Goes(&[
            ("voice x@y.test", &[], &["busy"]),
            ("voice x@a.b.y.test", &[], &["busy"]),
            ("voice x@my.test", &[Busy], &[CLIENTS, "returned"]),
        ]),
    ),
    (
        "4.1",
        "<address-switch field='origin' subfield='host'><address subdomain-of='10.0.0.1'><reject status='busy'/></address></address-switch>",
        Goes(&[
            ("voice x@10.0.0.1", &[], &["busy"]),
            ("voice x@2.10.0.0.1", &[Busy], &[CLIENTS, "returned"]),
        ]),
    ),
    // Separators are nothing in a number, and a beginning of it is its domain.
    (
        "4.1",
        "<address-switch field='origin' subfield='tel'><address is='+1 (212) 555-1212'><reject status='busy'/></address>\
         <address subdomain-of='+1-212-555'><reject status='reject'/></address></address-switch>",
        Goes(&[
            ("voice +12125551212", &[], &["busy"]),
            ("voice +12125559", &[], &["decline"]),
            ("voice +12129", &[Busy], &[CLIENTS, "returned"]),
            ("voice x@y.test", &[Busy], &[CLIENTS, "returned"]),
        ]),
    ),
    (
        "4.1.1",
        "<address-switch field='origin' subfield='tel'><not-present><reject status='busy'/></not-present></address-switch>",
        Goes(&[("voice x@y.test", &[], &["busy"]), ("voice +1212", &[Busy], &[CLIENTS, "returned"])]),
    ),
    // The user of a telephone number is the number.
    (
        "4.1",
        "<address-switch field='origin' subfield='user'><address is='+1212'><reject status='busy'/></address></address-switch>",
        Goes(&[("voice +1212", &[], &["busy"]), ("voice +1213", &[Busy], &[CLIENTS, "returned"])]),
    ),
    (
        "4.1.1",
        "<address-switch field='origin'><address is='tel:+1-212'><reject status='busy'/></address>\
         <address is='sip:X@Y.test'><reject status='reject'/></address></address-switch>",
        Goes(&[("voice +1212", &[], &["busy"]), ("voice x@y.test", &[], &["decline"])]),
    ),
    (
        "4.1.1",
        "<address-switch field='origin' subfield='display'><address contains='x'/></address-switch>",
        Fails(Code::NoCounterpart),
    ),
    (
        "4.1.1",
        "<address-switch field='origin' subfield='password'><address is='x'/></address-switch>",
        Fails(Code::NoCounterpart),
    ),
    (
        "B.1",
        "<address-switch field='origin' subfield='alias-type'><address is='dialedDigits'/></address-switch>",
        Fails(Code::NoCounterpart),
    ),
    // ---- texts ----
    ("4.2", "<string-switch><string is='x'/></string-switch>", Fails(Code::Syntax)),
    ("4.2", "<string-switch field='subject'><string/></string-switch>", Fails(Code::Syntax)),
    (
        "4.2",
        "<string-switch field='organization'><string is='x'/></string-switch>",
        Fails(Code::NoCounterpart),
    ),
    (
        "4.2",
        "<string-switch field='subject'><string is='LUNCH'><reject status='busy'/></string></string-switch>",
        Goes(&[
            ("voice x@y.test subject:lunch", &[], &["busy"]),
            ("voice x@y.test subject:lunches", &[Busy], &[CLIENTS, "returned"]),
        ]),
    ),
    (
        "4.2.1",
        "<string-switch field='user-agent'><string is='x'/></string-switch>",
        Fails(Code::NoCounterpart),
    ),
    // In SIP there never is such a text.
    (
        "4.2.1",
        "<string-switch field='display'><string is='x'><reject status='reject'/></string>\
         <not-present><reject status='busy'/></not-present></string-switch>",
        Goes(&[("voice x@y.test", &[], &["busy"])]),
    ),
    (
        "4.2.1",
        "<string-switch field='display'><string is='x'><reject status='reject'/></string></string-switch>",
        Goes(&[("voice x@y.test", &[Busy], &[CLIENTS, "returned"])]),
    ),
    // ---- languages ----
    (
        "4.3",
        "<language-switch><language matches='IS'><reject status='busy'/></language>\
         <not-present><reject status='reject'/></not-present></language-switch>",
        Goes(&[
            ("voice x@y.test language:da,is;q=0.1", &[], &["busy"]),
            ("voice x@y.test language:is;q=0,da", &[Busy], &[CLIENTS, "returned"]),
            // Whoever takes every language names none to a script; a tree takes him at his word, and a remark says so.
            ("voice x@y.test language:*", &[], &["busy"]),
            ("voice x@y.test", &[], &["decline"]),
        ]),
    ),
    ("4.3", "<language-switch><language/></language-switch>", Fails(Code::Syntax)),
    ("4.3", "<language-switch><language matches='en_GB'/></language-switch>", Fails(Code::NoCounterpart)),
    (
        "4.3",
        "<language-switch><language matches='es'><reject status='busy'/></language></language-switch>",
        Remarks("who asks for a kind of `es`, or takes any, is taken to ask for it"),
    ),
    (
        "4.3",
        "<language-switch><language matches='en-gb'><reject status='busy'/></language></language-switch>",
        Remarks("who asks for `en` and says no more is not taken to ask for `en-gb`"),
    ),
    // ---- priorities ----
    (
        "4.5",
        "<priority-switch><priority equal='Normal'><reject status='busy'/></priority>\
         <priority greater='non-urgent'><reject status='reject'/></priority></priority-switch>",
        Goes(&[
            ("voice x@y.test", &[], &["busy"]),
            ("voice x@y.test priority:NORMAL", &[], &["busy"]),
            ("voice x@y.test priority:urgent", &[], &["decline"]),
            // What nobody knows is as normal as can be, and equal to itself alone.
            ("voice x@y.test priority:purple", &[], &["decline"]),
            ("voice x@y.test priority:non-urgent", &[Busy], &[CLIENTS, "returned"]),
        ]),
    ),
    (
        "4.5",
        "<priority-switch><priority equal='purple'><reject status='busy'/></priority>\
         <priority less='urgent'><reject status='reject'/></priority></priority-switch>",
        Goes(&[
            ("voice x@y.test priority:Purple", &[], &["busy"]),
            ("voice x@y.test priority:green", &[], &["decline"]),
            ("voice x@y.test priority:emergency", &[Busy], &[CLIENTS, "returned"]),
        ]),
    ),
    (
        "4.5",
        "<priority-switch><not-present><redirect/></not-present></priority-switch>",
        Remarks("never reached"),
    ),
    (
        "4.5",
        "<priority-switch><priority greater='emergency'><redirect/></priority></priority-switch>",
        Remarks("never reached"),
    ),
    (
        "4.5",
        "<priority-switch><priority less='urgent' equal='normal'/></priority-switch>",
        Fails(Code::Syntax),
    ),
];

pub(super) const TIMES: &[Clause] = &[
    ("4.4", "<time-switch><time duration='PT1H'/></time-switch>", Fails(Code::Syntax)),
    ("4.4", "<time-switch><time dtstart='20260105T090000'/></time-switch>", Fails(Code::NoCounterpart)),
    (
        "4.4",
        "<time-switch><time dtstart='20260105T090000' duration='PT1H' dtend='20260105T100000'/></time-switch>",
        Fails(Code::NoCounterpart),
    ),
    (
        "4.4",
        "<time-switch><time dtstart='20260105T090000' duration='PT0S'/></time-switch>",
        Fails(Code::NoCounterpart),
    ),
    (
        "4.4",
        "<time-switch><time dtstart='20260105T090000' duration='-PT1H'/></time-switch>",
        Fails(Code::NoCounterpart),
    ),
    // Only by its zone can a time be told, and only by a name.
    (
        "4.4",
        "<time-switch tzid='Europe/Nowhere'><time dtstart='20260105T090000' duration='PT1H'/></time-switch>",
        Fails(Code::UnknownZone),
    ),
    (
        "4.4",
        "<time-switch tzurl='http://zones.test/oslo'><time dtstart='20260105T090000' duration='PT1H'/></time-switch>",
        Fails(Code::NoCounterpart),
    ),
    (
        "4.4",
        "<time-switch><time dtstart='20260105T090000' duration='PT1H'><reject status='busy'/></time></time-switch>",
        Remarks("times without a `Z` are universal time too"),
    ),
    // One period; what belongs to a recurrence is nothing without `freq`.
    (
        "4.4",
        "<time-switch tzid='/Europe/Oslo'><time dtstart='20260105T090000' duration='PT1H' interval='2' count='3' byday='TU'>\
         <reject status='busy'/></time></time-switch>",
        Goes(&[
            ("voice x@y.test at:2026-01-05T08:00:00Z", &[], &["busy"]),
            ("voice x@y.test at:2026-01-05T08:59:00Z", &[], &["busy"]),
            ("voice x@y.test at:2026-01-05T09:00:00Z", &[Busy], &[CLIENTS, "returned"]),
            ("voice x@y.test at:2026-01-06T08:30:00Z", &[Busy], &[CLIENTS, "returned"]),
        ]),
    ),
    // Every day if nothing else is said, for ever; in any case of letters.
    (
        "4.4",
        "<time-switch><time dtstart='20260105T090000' duration='PT1H' freq='Daily'><reject status='busy'/></time></time-switch>",
        Goes(&[
            ("voice x@y.test at:2036-03-04T09:30:00Z", &[], &["busy"]),
            ("voice x@y.test at:2026-01-04T09:30:00Z", &[Busy], &[CLIENTS, "returned"]),
        ]),
    ),
    (
        "4.4",
        "<time-switch><time dtstart='20260105T090000' duration='PT1H' freq='weekly' byday='mo,We' count='3'><reject status='busy'/></time></time-switch>",
        Goes(&[
            ("voice x@y.test at:2026-01-07T09:30:00Z", &[], &["busy"]),
            ("voice x@y.test at:2026-01-12T09:30:00Z", &[], &["busy"]),
            ("voice x@y.test at:2026-01-14T09:30:00Z", &[Busy], &[CLIENTS, "returned"]),
        ]),
    ),
    // A bound is the last that counts.
    (
        "4.4",
        "<time-switch><time dtstart='20260105T090000' duration='PT1H' freq='daily' until='20260107T090000Z'><reject status='busy'/></time></time-switch>",
        Goes(&[
            ("voice x@y.test at:2026-01-07T09:30:00Z", &[], &["busy"]),
            ("voice x@y.test at:2026-01-08T09:30:00Z", &[Busy], &[CLIENTS, "returned"]),
        ]),
    ),
    (
        "4.4",
        "<time-switch><time dtstart='20260105T090000' duration='PT1H' freq='daily' until='20260107' count='3'/></time-switch>",
        Fails(Code::NoCounterpart),
    ),
    // The last working day of a month.
    (
        "4.4",
        "<time-switch><time dtstart='20260101T090000' duration='PT1H' freq='monthly' byday='MO,TU,WE,TH,FR' bysetpos='-1'><reject status='busy'/></time></time-switch>",
        Goes(&[
            ("voice x@y.test at:2026-01-30T09:30:00Z", &[], &["busy"]),
            ("voice x@y.test at:2026-01-31T09:30:00Z", &[Busy], &[CLIENTS, "returned"]),
        ]),
    ),
    (
        "4.4",
        "<time-switch><time dtstart='20260101T090000' duration='PT1H' freq='monthly' bysetpos='-1'/></time-switch>",
        Fails(Code::NoCounterpart),
    ),
    // What is beyond the month is left out.
    (
        "4.4",
        "<time-switch><time dtstart='20260130T090000' duration='PT1H' freq='monthly' bymonthday='30'><reject status='busy'/></time></time-switch>",
        Goes(&[
            ("voice x@y.test at:2026-03-30T08:30:00Z", &[Busy], &[CLIENTS, "returned"]),
            ("voice x@y.test at:2026-03-30T09:30:00Z", &[], &["busy"]),
            ("voice x@y.test at:2026-03-02T09:30:00Z", &[Busy], &[CLIENTS, "returned"]),
        ]),
    ),
    // Every other year, the Sundays of January, from half past eight and from half past nine.
    (
        "4.4",
        "<time-switch><time dtstart='19970105T083000' duration='PT10M' freq='yearly' interval='2' bymonth='1' byday='SU' byhour='8,9' byminute='30'>\
         <reject status='busy'/></time></time-switch>",
        Goes(&[
            ("voice x@y.test at:1999-01-10T09:39:00Z", &[], &["busy"]),
            ("voice x@y.test at:1999-01-10T09:40:00Z", &[Busy], &[CLIENTS, "returned"]),
            ("voice x@y.test at:1998-01-04T08:35:00Z", &[Busy], &[CLIENTS, "returned"]),
        ]),
    ),
    (
        "4.4",
        "<time-switch><time dtstart='20260105T090000' duration='PT1M' freq='secondly'/></time-switch>",
        Fails(Code::NoCounterpart),
    ),
    (
        "4.4",
        "<time-switch><time dtstart='20260105T090000' duration='PT1M' freq='daily' bysecond='60'/></time-switch>",
        Fails(Code::NoCounterpart),
    ),
    ("4.4", "<time-switch><not-present><redirect/></not-present></time-switch>", Remarks("never reached")),
];
