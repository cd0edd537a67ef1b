//! The torture messages of RFC 4475 and RFC 5118 against the parser.
//!
//! The messages and the table of what may be answered lie beside the project, in
//! `../shared/torture`, or where `RATATOSK_TORTURE` says. Here only what parsing decides is
//! judged: a fault has to be a status that the table allows, and what only parsing could refuse
//! has to be refused. [`read`] also serves the test that sends each message through a server.

use std::path::PathBuf;

use bytes::Bytes;
use ratatosk::base::Limits;
use ratatosk::sip::Message;

use crate::process::skip;

/// One row of `expectations.csv`, with its message.
#[derive(Debug)]
pub(crate) struct Torture {
    pub(crate) name: String,
    pub(crate) section: String,
    /// `valid`, `invalid`, `response`, `transaction`, `app` or `compat`.
    pub(crate) kind: String,
    /// Whether the host of the Request-URI may be swapped for a domain that is served.
    #[allow(dead_code, reason = "for the table that goes through a server")]
    pub(crate) retarget: bool,
    /// Statuses that are right; `PO` is any sensible answer to a request that was understood.
    pub(crate) right: Vec<String>,
    /// Whether silence is right too.
    pub(crate) may_drop: bool,
    pub(crate) bytes: Bytes,
}

impl Torture {
    /// Whether this status is right.
    pub(crate) fn allows(&self, status: u16) -> bool {
        self.right.iter().any(|right| *right == status.to_string())
    }

    /// Whether it is right to act on the request.
    pub(crate) fn may_be_understood(&self) -> bool {
        self.allows(200) || self.right.iter().any(|right| right == "PO")
    }
}

/// As many messages as RFC 4475 and RFC 5118 have.
const LEAST: usize = 60;

/// The table; empty, with a word about it, where it is not at hand.
pub(crate) fn read() -> Vec<Torture> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/torture");
    let folder = std::env::var_os("RATATOSK_TORTURE").map_or_else(beside, PathBuf::from);
    let Ok(table) = std::fs::read_to_string(folder.join("expectations.csv")) else {
        skip(&format!("no torture messages in {}", folder.display()));
        return Vec::new();
    };
    let row = |line: &str| {
        let fields: Vec<&str> = line.splitn(7, ',').collect();
        Torture {
            name: fields[0].to_owned(),
            section: fields[1].to_owned(),
            kind: fields[2].to_owned(),
            retarget: fields[3] == "1",
            right: fields[4].split(' ').map(str::to_owned).collect(),
            may_drop: fields[5] == "yes",
            bytes: std::fs::read(folder.join(format!("{}.sip", fields[0]))).unwrap().into(),
        }
    };
    let rows: Vec<_> = table.lines().skip(1).filter(|line| !line.is_empty()).map(row).collect();
    assert!(rows.len() >= LEAST, "{} messages are not all of RFC 4475 and RFC 5118", rows.len());
    rows
}

fn parse(torture: &Torture) -> Option<Message> {
    Message::parse(torture.bytes.clone(), &Limits::default()).ok()
}

/// What parsing cannot decide: it is for those who act on the message.
const DECIDED_LATER: [&str; 5] = ["unksm2", "bext01", "regaut01", "bcast", "zeromf"];

#[test]
fn every_fault_is_one_that_the_table_allows() {
    let mut wrong = Vec::new();
    for torture in read() {
        let message = parse(&torture);
        let fault = message.as_ref().map(Message::fault);
        let verdict = match fault {
            None => "unreadable".to_owned(),
            Some(None) => "sound".to_owned(),
            Some(Some(fault)) => fault.to_string(),
        };
        let right = match fault {
            None => torture.may_drop,
            Some(None) => {
                torture.may_be_understood()
                    || DECIDED_LATER.contains(&&*torture.name)
                    || (torture.kind == "response" && torture.name != "scalarlg" && torture.name != "bigcode")
            }
            Some(Some(fault)) => torture.allows(fault.status) || torture.may_drop,
        };
        println!(
            "{:8} {:42} {verdict:50} {}",
            if right { "ok" } else { "WRONG" },
            torture.name,
            torture.right.join(" ")
        );
        if !right {
            wrong.push(torture.name.clone());
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn what_has_to_be_accepted_is_sound() {
    for torture in read() {
        if torture.kind == "valid" || torture.kind == "compat" {
            assert_eq!(parse(&torture).unwrap().fault(), None, "{} ({})", torture.name, torture.section);
        }
    }
}
