//! Listeners with certificates, as an operator writes them and replaces them.

use std::fs;

use ratatosk::config::TlsFiles;

use super::{Shell, golden};
use crate::secured::Authority;

/// Whatever can be wrong with a listener for TLS or browsers.
const BAD_LISTENERS: &str = r#"[[listen]]
transport = "tls"
address = "127.0.0.1:5061"

[[listen]]
transport = "wss"
address = "127.0.0.1:5061"
certificate = "north.pem"
origins = ["https://phone.north.test/", "phone.north.test"]

[[listen]]
transport = "udp"
address = "127.0.0.1:5060"
certificate = "north.pem"
origins = ["https://phone.north.test"]

[[listen]]
transport = "tls"
address = "127.0.0.1:5063"
certificate = "north.pem"
client_certificates = "ask"

[[listen]]
transport = "tls"
address = "127.0.0.1:5064"
certificate = "north.pem"
authorities = "authorities.pem"
client_certificates = "perhaps"

[[listen]]
transport = "tls"
address = "127.0.0.1:5065"
face = "federation"
certificate = "north.pem"
authorities = "authorities.pem"
client_certificates = "demand"

[[listen]]
transport = "tsl"
address = "127.0.0.1:5062"

[[listen]]
transport = "tcp"
address = "127.0.0.1:5061"
"#;

#[test]
fn faults_of_listeners_with_certificates_are_told_with_a_way_out() {
    let shell = Shell::new();
    shell.write("bad.toml", BAD_LISTENERS);
    golden("listener_faults.txt", &shell.fails(1, &["--config", "bad.toml", "config", "check"]));
}

#[test]
fn a_configuration_is_in_order_when_its_certificates_are() {
    let (shell, authority) = (Shell::new(), Authority::new());
    let files = authority.usual();
    let write = |files: &TlsFiles| {
        let (certificate, key) = (files.certificate.display(), files.key.display());
        let listen = format!(
            "[[listen]]\ntransport = \"tls\"\naddress = \"127.0.0.1:5061\"\ncertificate = \"{certificate}\"\nkey = \"{key}\"\n"
        );
        shell.write("ratatosk.toml", &listen);
    };
    write(&files);
    assert!(shell.ok(&["config", "check"]).contains("is in order"));
    let other = authority.issue("other", &["north.test"], [2020, 2100]);
    write(&TlsFiles { key: other.key, ..files.clone() });
    assert!(shell.fails(1, &["config", "check"]).contains("is not that of the certificate in"));
    fs::remove_file(&files.certificate).unwrap();
    write(&files);
    for command in [&["config", "check"][..], &["serve"]] {
        let told = shell.fails(1, command);
        assert!(told.contains("north.pem cannot be read") && told.contains("permissions"), "{told}");
    }
}

#[test]
fn faults_of_the_hook_are_told_with_a_way_out() {
    let shell = Shell::new();
    let absent = "authorities = \"nowhere.pem\"\n";
    for (url, more, words) in [
        ("https://push.north.test/wake", "", ["there are no `authorities`", "/etc/ssl/certs/"]),
        ("http://127.0.0.1:9000/wake", absent, ["nobody proves who he is by http", "https://"]),
        ("ftp://push.north.test/", "", ["is no http:// or https:// address", "127.0.0.1:9000"]),
        ("https://push.north.test/wake", absent, ["nowhere.pem cannot be read", "permissions"]),
    ] {
        shell.write("bad.toml", &format!("[push]\nurl = \"{url}\"\nproviders = [\"fcm\"]\n{more}"));
        let told = shell.fails(1, &["--config", "bad.toml", "config", "check"]);
        assert!(words.iter().all(|word| told.contains(word)), "{told}");
    }
}
