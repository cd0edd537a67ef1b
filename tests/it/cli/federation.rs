//! `[[federation]]` as people write it, and `ratatosk trunks`.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use ratatosk::config::{Config, Known, Sources, TlsFiles};
use ratatosk::effect::Transport;
use ratatosk::routing::Profile;

use super::{Shell, golden};
use crate::secured::Authority;

/// What may be wrong about other clusters.
#[test]
fn every_fault_of_a_federation_is_told() {
    let shell = Shell::new();
    shell.write("bad.toml", BAD);
    let told = shell.fails(1, &["--config", "bad.toml", "config", "check"]);
    golden("federation_faults.txt", &told);
    // Commands that do not serve need neither its names nor its secrets.
    let good = BAD.split("# bad").next().unwrap();
    shell.write("good.toml", good);
    shell.write("users.csv", "anne,x\n");
    shell.ok(&["--config", "good.toml", "user", "import", "users.csv"]);
    assert!(
        shell.fails(1, &["--config", "good.toml", "config", "check"]).contains("RATATOSK_NO_SUCH_SECRET")
    );
}

const BAD: &str = r#"[cluster]
id = "north.test"
aliases = ["sip.north.test"]

[[listen]]
transport = "udp"
address = "127.0.0.1:5060"

[[listen]]
transport = "udp"
address = "127.0.0.1:5070"
face = "federation"

[[federation]]
id = "fine.test"
address = "sip:127.0.0.1:5999"
secret = "env:RATATOSK_NO_SUCH_SECRET"

# bad
[[federation]]
address = "sip:192.0.2.1"
secret = "a"

[[federation]]
id = "North.Test"
address = "sip:192.0.2.1"
secret = "a"

[[federation]]
id = "sip.north.test"
address = "sip:192.0.2.1"
secret = "a"

[[federation]]
id = "not a name"
address = "sip:192.0.2.1"
secret = "a"

[[federation]]
id = "fine.test"
address = "sip:192.0.2.1"
secret = "a"

[[federation]]
id = "one.test"
address = "sip:192.0.2.1"

[[federation]]
id = "two.test"
address = "sip:192.0.2.1"
secret = ""

[[federation]]
id = "three.test"
secret = "a"

[[federation]]
id = "four.test"
address = "sips:192.0.2.1"
secret = "a"

[[federation]]
id = "five.test"
address = "sip:192.0.2.1;transport=tls"
secret = "a"

[[federation]]
id = "six.test"
address = "sip:anne@192.0.2.1"
secret = "a"

[[federation]]
id = "seven.test"
address = "sip:192.0.2.1:5070;transport=tcp"
secret = "a"

[[federation]]
id = "eight.test"
address = "sip:[2001:db8::1]:5070"
secret = "a"

[[federation]]
id = "nine.test"
address = "sip:127.0.0.1:5070"
secret = "a"
alow = ["voice"]

[[federation]]
id = "ten.test"
address = "sip:192.0.2.1"
secret = "a"
allow = ["vioce"]

[[federation]]
id = "eleven.test"
secret = "a"
tls = true

[[federation]]
id = "twelve.test"
tls = true

[[federation]]
id = "thirteen.test"
address = "sip:192.0.2.1:5070;transport=tcp"
tls = true

[[federation]]
id = "fourteen.test"
tls = "yes"
"#;

/// A cluster that is believed by its certificate needs a listener that shows one and knows whom to believe;
/// and whose own certificate names another domain is warned.
#[test]
fn faults_of_certificates_between_clusters_are_told() {
    let (shell, authority) = (Shell::new(), Authority::new());
    let write = |files: &TlsFiles, more: &str| {
        let (certificate, key) = (files.certificate.display(), files.key.display());
        let text = format!(
            "[cluster]\nid = \"north.test\"\n[[listen]]\ntransport = \"tls\"\naddress = \"127.0.0.1:5071\"\n\
             face = \"federation\"\ncertificate = \"{certificate}\"\nkey = \"{key}\"\n{more}\n\
             [[federation]]\nid = \"south.test\"\ntls = true\n"
        );
        shell.write("ratatosk.toml", &text);
    };
    let own = authority.issue("own", &["sip:north.test"], [2020, 2100]);
    write(&own, "");
    assert!(shell.fails(1, &["config", "check"]).contains("write `authorities = \"authorities.pem\"`"));
    let authorities = format!("authorities = \"{}\"", authority.file().display());
    write(&own, &authorities);
    assert!(!shell.remarks(&["config", "check"]).contains("certificate"));
    write(&authority.issue("other", &["sip:west.test"], [2020, 2100]), &authorities);
    let remarks = shell.remarks(&["config", "check"]);
    assert!(remarks.contains("is for west.test and not for north.test"), "{remarks}");
}

/// Reads a configuration with one peer at this address, where these names are known.
fn peer_at(address: &str) -> Result<(Transport, String, Option<u8>), String> {
    let text = format!(
        "[cluster]\nid = \"north.test\"\n\
         [[listen]]\ntransport = \"udp\"\naddress = \"127.0.0.1:5060\"\n\
         [[listen]]\ntransport = \"tcp\"\naddress = \"127.0.0.1:5070\"\nface = \"federation\"\n\
         [[listen]]\ntransport = \"udp\"\naddress = \"127.0.0.1:5070\"\nface = \"federation\"\n\
         [[listen]]\ntransport = \"udp\"\naddress = \"[::1]:5070\"\nface = \"federation\"\n\
         [[federation]]\nid = \"south.test\"\nsecret = \"a\"\naddress = \"{address}\"\n"
    );
    let read = |path: &Path| std::fs::read_to_string(path);
    let resolve = |name: &str| -> io::Result<Vec<IpAddr>> {
        match name {
            "both.test" => Ok(vec!["2001:db8::7".parse().unwrap(), "192.0.2.7".parse().unwrap()]),
            "six.test" => Ok(vec!["2001:db8::7".parse().unwrap()]),
            "none.test" => Ok(Vec::new()),
            _ => Err(io::Error::other("nobody knows it")),
        }
    };
    let sources = Sources {
        name: "north.toml",
        text: &text,
        directory: Path::new("."),
        environment: &BTreeMap::new(),
        read: &read,
        resolve: Some(&resolve),
    };
    let config = Config::read(&sources).map_err(|faults| format!("{faults:?}"))?;
    let profile = "profile \"p\" {\n incoming {\n otherwise -> decline\n }\n}\n";
    let settings = config.settings(Known {
        key: [0; 32],
        epoch: 1,
        addresses: &[],
        default_profile: Arc::new(Profile::compile(profile).unwrap()),
        processors: 1,
    });
    let peer = settings.peers.first().ok_or("no peer")?;
    let at = peer.at.unwrap();
    Ok((at.transport, at.address.to_string(), settings.listener_for(at)))
}

/// A name is looked up once, and its first address counts that a listener of ours reaches.
#[test]
fn names_of_other_clusters_are_looked_up() {
    let found = |address: &str| peer_at(address).unwrap();
    assert_eq!(found("sip:192.0.2.7"), (Transport::Udp, "192.0.2.7:5060".to_owned(), Some(2)));
    assert_eq!(
        found("sip:192.0.2.7:5999;transport=TCP"),
        (Transport::Tcp, "192.0.2.7:5999".to_owned(), Some(1))
    );
    assert_eq!(found("sip:both.test"), (Transport::Udp, "[2001:db8::7]:5060".to_owned(), Some(3)));
    assert_eq!(found("sip:both.test;transport=tcp"), (Transport::Tcp, "192.0.2.7:5060".to_owned(), Some(1)));
    assert!(peer_at("sip:six.test;transport=tcp").unwrap_err().contains("no address that a listener"));
    assert!(peer_at("sip:none.test").unwrap_err().contains("no address that a listener"));
    let told = peer_at("sip:unknown.test").unwrap_err();
    assert!(told.contains("`unknown.test` cannot be resolved") && told.contains("nobody knows it"), "{told}");
}
