//! RFC 3880 clause by clause: what a script means where it says little, and what it may not say.

mod switches;

use ratatosk::base::Limits;
use ratatosk::routing::Outcome::{Busy, Declined, Failed, NoAnswer, Unreachable};
use ratatosk::routing::{Code, Direction, Outcome, import_cpl};

use super::super::shipped::way;
use super::super::{compiled, uid};
use super::{CLIENTS, VOICEMAIL};
use switches::{SWITCHES, TIMES};

/// What a script comes to.
enum Means {
    /// A question, what comes of each `try`, and the lines on the way.
    Goes(&'static [(&'static str, &'static [Outcome], &'static [&'static str])]),
    /// The same of what goes out.
    GoesOut(&'static [(&'static str, &'static [Outcome], &'static [&'static str])]),
    /// There is no tree.
    Fails(Code),
    /// There is one, and a sentence that says what is otherwise.
    Remarks(&'static str),
}
use Means::{Fails, Goes, GoesOut, Remarks};

/// What calls come to for which nobody is there.
const NOBODY: &[&str] = &["refuse nobody is there"];
const CARL: &str = "try carl@north.test+0";
const CARL_20: &str = "try carl@north.test+0 20s";
const DORA: &str = "try dora@north.test+0";

/// The number of a section, what stands in `<incoming>` (or all in `<cpl>`), and what it means.
type Clause = (&'static str, &'static str, Means);

const LOCATIONS: &[Clause] = &[
    ("5.1", "<location><proxy/></location>", Fails(Code::Syntax)),
    ("5.1", "<location url='http://x.test'><proxy/></location>", Fails(Code::NoCounterpart)),
    ("5.1", "<location url='sip:carl@north.test' priority='1.1'><proxy/></location>", Fails(Code::Syntax)),
    ("5.1", "<location url='sip:carl@north.test' clear='maybe'><proxy/></location>", Fails(Code::Syntax)),
    // The priority is 1 and nothing is cleared unless it is said.
    (
        "5.1",
        "<location url='sip:carl@north.test' priority='0.9'><location url='sip:dora@north.test'><proxy ordering='first-only'>\
         <default><proxy/></default></proxy></location></location>",
        Goes(&[("voice x@y.test", &[Busy], &["try dora@north.test+0 20s", CARL])]),
    ),
    (
        "5.1",
        "<location url='sip:carl@north.test'><location url='sip:dora@north.test' clear='yes'><proxy/></location></location>",
        Goes(&[("voice x@y.test", &[], &[DORA])]),
    ),
    ("5.2", "<lookup><success><proxy/></success></lookup>", Fails(Code::Syntax)),
    (
        "5.2",
        "<lookup source='http://x.test/list'><success><proxy/></success></lookup>",
        Fails(Code::NoCounterpart),
    ),
    (
        "5.2",
        "<lookup source='registration'><success><proxy/></success><notfound><reject status='busy'/></notfound></lookup>",
        Goes(&[("voice x@y.test mode", &[Busy], &[CLIENTS, "returned"]), ("voice x@y.test", &[], &["busy"])]),
    ),
    // Outputs that are not there are the default behaviour: what was found is tried.
    (
        "5.2",
        "<lookup source='registration'/>",
        Goes(&[
            ("voice x@y.test mode", &[NoAnswer], &[CLIENTS, "returned"]),
            ("voice x@y.test", &[], NOBODY),
        ]),
    ),
    (
        "5.2",
        "<lookup source='registration'><failure><redirect/></failure></lookup>",
        Remarks("`<failure>` is never reached"),
    ),
    (
        "5.2",
        "<location url='sip:carl@north.test'><lookup source='registration' clear='yes'><success><proxy/></success></lookup></location>",
        Goes(&[("voice x@y.test mode", &[], &[CLIENTS]), ("voice x@y.test", &[], &[CARL])]),
    ),
    (
        "5.3",
        "<location url='sip:carl@north.test'><location url='sip:dora@north.test'><remove-location location='sip:CARL@north.test'><proxy/>\
         </remove-location></location></location>",
        Goes(&[("voice x@y.test", &[], &[DORA])]),
    ),
    // All of them.
    (
        "5.3",
        "<location url='sip:carl@north.test'><remove-location/></location>",
        Goes(&[("voice x@y.test mode", &[], NOBODY)]),
    ),
];

const OPERATIONS: &[Clause] = &[
    // Twenty seconds if something follows when nobody answers; else for as long as may be.
    (
        "6.1",
        "<location url='sip:carl@north.test'><proxy><noanswer><reject status='busy'/></noanswer></proxy></location>",
        Goes(&[
            ("voice x@y.test", &[NoAnswer], &[CARL_20, "busy"]),
            ("voice x@y.test", &[Busy], &[CARL_20, "returned"]),
        ]),
    ),
    (
        "6.1",
        "<location url='sip:carl@north.test'><proxy><default><reject status='busy'/></default></proxy></location>",
        Goes(&[
            ("voice x@y.test", &[NoAnswer], &[CARL_20, "busy"]),
            ("voice x@y.test", &[Declined], &[CARL_20, "busy"]),
        ]),
    ),
    (
        "6.1",
        "<location url='sip:carl@north.test'><proxy><busy><reject status='reject'/></busy></proxy></location>",
        Goes(&[
            ("voice x@y.test", &[NoAnswer], &[CARL, "returned"]),
            ("voice x@y.test", &[Busy], &[CARL, "decline"]),
        ]),
    ),
    ("6.1", "<location url='sip:carl@north.test'><proxy timeout='0'/></location>", Fails(Code::Syntax)),
    ("6.1", "<location url='sip:carl@north.test'><proxy timeout='2.5'/></location>", Fails(Code::Syntax)),
    ("6.1", "<location url='sip:carl@north.test'><proxy ordering='random'/></location>", Fails(Code::Syntax)),
    (
        "6.1",
        "<location url='sip:carl@north.test'><proxy recurse='no'/></location>",
        Fails(Code::NoCounterpart),
    ),
    // Phones that send calls elsewhere are followed unless it is forbidden.
    (
        "6.1",
        "<location url='sip:carl@north.test'><proxy><redirection><redirect/></redirection></proxy></location>",
        Remarks("`<redirection>` is never reached"),
    ),
    // Nobody to be tried has failed.
    (
        "6.1",
        "<proxy><failure><reject status='busy'/></failure><default><reject status='reject'/></default></proxy>",
        Goes(&[("voice x@y.test mode", &[], &["busy"])]),
    ),
    // All at once, unless one after the other is asked for, the highest first.
    (
        "6.1",
        "<location url='sip:carl@north.test'><location url='sip:dora@north.test'><proxy/></location></location>",
        Goes(&[("voice x@y.test", &[], &["try carl@north.test+0,dora@north.test+0"])]),
    ),
    (
        "6.1",
        "<location url='sip:carl@north.test' priority='0.1'><location url='sip:dora@north.test' priority='0.2'>\
         <proxy ordering='sequential' timeout='5'/></location></location>",
        Goes(&[
            (
                "voice x@y.test",
                &[Busy, Failed],
                &["try dora@north.test+0 5s", "try carl@north.test+0 5s", "returned"],
            ),
            // A 6xx speaks for all.
            ("voice x@y.test", &[Declined], &["try dora@north.test+0 5s", "returned"]),
        ]),
    ),
    // What was tried is gone afterwards.
    (
        "6.1",
        "<location url='sip:carl@north.test'><proxy><busy><location url='sip:dora@north.test'><proxy/></location></busy></proxy></location>",
        Goes(&[("voice x@y.test", &[Busy], &[CARL, DORA])]),
    ),
    // Busy is 486 and 600; everything else but silence has failed.
    (
        "6.1.1",
        "<location url='sip:carl@north.test'><proxy><failure><reject status='busy'/></failure></proxy></location>",
        Goes(&[
            ("voice x@y.test", &[Unreachable], &[CARL, "busy"]),
            ("voice x@y.test", &[Declined], &[CARL, "busy"]),
            ("voice x@y.test", &[Failed], &[CARL, "busy"]),
            ("voice x@y.test", &[Busy], &[CARL, "returned"]),
            ("voice x@y.test", &[NoAnswer], &[CARL, "returned"]),
        ]),
    ),
    (
        "6.2",
        "<location url='sip:carl@north.test'><redirect/></location>",
        Goes(&[("voice x@y.test", &[], &["redirect carl@north.test"])]),
    ),
    (
        "6.2",
        "<location url='sip:carl@north.test'><redirect permanent='never'/></location>",
        Fails(Code::Syntax),
    ),
    (
        "6.2.1",
        "<location url='sip:carl@north.test'><redirect permanent='yes'/></location>",
        Remarks("for this once, not for ever"),
    ),
    ("6.3", "<reject/>", Fails(Code::Syntax)),
    ("6.3", "<reject status='grumpy'/>", Fails(Code::Syntax)),
    ("6.3.1", "<reject status='399'/>", Fails(Code::Syntax)),
    ("6.3.1", "<reject status='Busy'/>", Goes(&[("voice x@y.test", &[], &["busy"])])),
    ("6.3.1", "<reject status='486'/>", Goes(&[("voice x@y.test", &[], &["busy"])])),
    ("6.3.1", "<reject status='reject'/>", Goes(&[("voice x@y.test", &[], &["decline"])])),
    ("6.3.1", "<reject status='603'/>", Goes(&[("voice x@y.test", &[], &["decline"])])),
    ("6.3.1", "<reject status='notfound'/>", Remarks("refused with 403, not with 404")),
    ("6.3.1", "<reject status='error'/>", Remarks("refused with 403, not with 500")),
    (
        "6.3.1",
        "<reject status='403' reason='not today'/>",
        Goes(&[("voice x@y.test", &[], &["refuse not today"])]),
    ),
    ("7.1", "<mail><reject status='busy'/></mail>", Fails(Code::Syntax)),
    (
        "7.1",
        "<mail url='mailto:anne@mail.test'><reject status='busy'/></mail>",
        Goes(&[("voice x@y.test", &[], &["log mail to anne@mail.test, busy"])]),
    ),
    (
        "7.2",
        "<log><reject status='busy'/></log>",
        Goes(&[("voice x@y.test", &[], &["log a call was logged, busy"])]),
    ),
    (
        "7.2",
        "<log name='n' comment='c'><reject status='busy'/></log>",
        Goes(&[("voice x@y.test", &[], &["log n: c, busy"])]),
    ),
];

/// Here all that stands in `<cpl>` is written.
const SCRIPTS: &[Clause] = &[
    ("3", "<incoming/><incoming/>", Fails(Code::Repeated)),
    ("3", "<incoming><log/><log/></incoming>", Fails(Code::Syntax)),
    ("8", "<incoming/><subaction id='s'/>", Fails(Code::Syntax)),
    ("8", "<subaction/><incoming/>", Fails(Code::Syntax)),
    ("8", "<subaction id='s'/><subaction id='s'/><incoming/>", Fails(Code::Repeated)),
    ("8", "<subaction id='s'/><incoming><sub ref='S'/></incoming>", Fails(Code::UnknownName)),
    (
        "8",
        "<subaction id='s'><sub ref='s'/></subaction><incoming><sub ref='s'/></incoming>",
        Fails(Code::UnknownName),
    ),
    (
        "8",
        "<subaction id='s'><sub ref='t'/></subaction><subaction id='t'/><incoming><sub ref='s'/></incoming>",
        Fails(Code::UnknownName),
    ),
    // Also where nothing comes there.
    (
        "8",
        "<subaction id='s'><log><sub ref='t'/></log></subaction><subaction id='t'/><incoming/>",
        Fails(Code::UnknownName),
    ),
    ("8", "<incoming><sub ref='outgoing'/></incoming>", Fails(Code::UnknownName)),
    (
        "8",
        "<subaction id='a'><reject status='busy'/></subaction><subaction id='b'><sub ref='a'/></subaction><incoming><sub ref='b'/></incoming>",
        Goes(&[("voice x@y.test", &[], &["busy"])]),
    ),
    ("9", "<ancillary/><incoming/>", Goes(&[("voice x@y.test", &[Busy], &[CLIENTS, "returned"])])),
    // Without anything said: as if there were no script.
    (
        "10",
        "<incoming><log comment='c'/></incoming>",
        Goes(&[("voice x@y.test", &[NoAnswer], &["log c, try clients+0", VOICEMAIL])]),
    ),
    ("10", "<outgoing/>", GoesOut(&[("voice x@y.test", &[], &["send"]), ("voice +1212", &[], &["send"])])),
    ("10", "<outgoing><proxy/></outgoing>", GoesOut(&[("voice x@y.test", &[], &["send"])])),
    // Addresses and no operation: they are tried.
    (
        "10",
        "<incoming><location url='sip:carl@north.test'/></incoming>",
        Goes(&[("voice x@y.test", &[NoAnswer], &[CARL, "returned"])]),
    ),
    // Silence, and nothing that says for how long: as long as may be.
    (
        "10",
        "<incoming><location url='sip:carl@north.test'><proxy><noanswer/></proxy></location></incoming>",
        Goes(&[("voice x@y.test", &[NoAnswer], &[CARL, "returned"])]),
    ),
    ("11", "<incoming><x:y xmlns:x='urn:x'/></incoming>", Fails(Code::NoCounterpart)),
    ("11", "<incoming><frobnicate/></incoming>", Fails(Code::UnknownWord)),
    ("11", "<incoming><reject status='busy' colour='red'/></incoming>", Fails(Code::UnknownWord)),
];

fn holds((section, script, means): &Clause, whole: bool) {
    let body = if whole { (*script).to_owned() } else { format!("<incoming>{script}</incoming>") };
    let text = format!("<cpl xmlns=\"urn:ietf:params:xml:ns:cpl\">{body}</cpl>");
    let imported = import_cpl(&text, "cpl", &Limits::default(), Some(&uid("anne@north.test")));
    let goes = |direction, table: &[(&str, &[Outcome], &[&str])]| {
        let imported = imported.as_ref().unwrap_or_else(|faults| panic!("§{section} {script}: {faults}"));
        let profile = compiled(&imported.text);
        for (question, outcomes, lines) in table {
            let found = way(&profile, direction, question, outcomes);
            assert_eq!(found, *lines, "§{section} {script}: {question} {outcomes:?}\n{}", imported.text);
        }
    };
    match means {
        Goes(table) => goes(Direction::Incoming, table),
        GoesOut(table) => goes(Direction::Outgoing, table),
        Fails(code) => {
            let faults = imported.as_ref().map(|it| &it.text).expect_err(&format!("§{section} {script}"));
            assert!(faults.iter().any(|fault| fault.code == *code), "§{section} {script}: {faults}");
        }
        Remarks(told) => {
            let imported = imported.as_ref().unwrap_or_else(|faults| panic!("§{section} {script}: {faults}"));
            let remarks = &imported.remarks;
            assert!(remarks.iter().any(|it| it.text.contains(told)), "§{section} {script}: {remarks:?}");
        }
    }
}

#[test]
fn every_clause_holds() {
    for clause in [SWITCHES, TIMES, LOCATIONS, OPERATIONS].into_iter().flatten() {
        holds(clause, false);
    }
    for clause in SCRIPTS {
        holds(clause, true);
    }
}

/// §13: nothing is drawn in from elsewhere.
#[test]
fn no_document_type_is_taken() {
    for head in
        ["<!DOCTYPE cpl SYSTEM 'cpl.dtd'>", "<!DOCTYPE cpl [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>"]
    {
        let faults = import_cpl(&format!("{head}<cpl/>"), "cpl", &Limits::default(), None).unwrap_err();
        assert_eq!(faults.iter().map(|fault| fault.code).collect::<Vec<_>>(), [Code::Xml]);
    }
}
