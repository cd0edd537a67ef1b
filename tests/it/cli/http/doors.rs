//! Who is let in, and what becomes of those who behave badly.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use super::{Answer, Api, CONFIG, Client, Shell, free_port};

#[test]
fn a_token_is_shown_once_and_opens_until_it_is_removed() {
    let api = Api::new();
    assert!(api.token.starts_with("ratatosk-") && api.token.len() == 73, "{}", api.token);
    let listed = api.shell.ok(&["token", "list", "--json"]);
    assert!(
        listed.contains("\"test\"") && !listed.contains(api.token.trim_start_matches("ratatosk-")),
        "{listed}"
    );
    let database = std::fs::read(api.shell.directory.path().join("north.db")).unwrap();
    let token = api.token.as_bytes();
    assert!(!database.windows(token.len()).any(|bytes| bytes == token), "only its hash is kept");
    assert_eq!(api.get("/v1/users").status, 200);
    let told = api.shell.fails(1, &["token", "add", "TEST"]);
    assert!(told.contains("already") && told.contains("token remove"), "{told}");
    assert!(api.shell.fails(1, &["token", "remove", "tst"]).contains("did you mean \"test\"?"));

    let other = api.shell.ok(&["token", "add", "other"]);
    api.shell.ok(&["token", "remove", "test"]);
    let told = api.get("/v1/users");
    assert_eq!(told.problem(401)["detail"], "this token lets nobody in");
    assert_eq!(told.header("WWW-Authenticate"), Some("Bearer realm=\"north.test\", error=\"invalid_token\""));
    assert_eq!(Client::new(api.port, Some(other.trim().into())).ask("GET", "/v1/users", None).status, 200);
}

#[test]
fn without_a_token_nobody_is_let_in_and_is_told_why() {
    let (shell, port) = (Shell::new(), free_port());
    shell.write("ratatosk.toml", &format!("{CONFIG}\n[http]\naddress = \"127.0.0.1:{port}\"\n"));
    let server = shell.serve(&["serve"]);
    for path in ["/v1/users", "/openapi.json", "/metrics", "/", "/nothing"] {
        let refused = Client::new(port, None).ask("GET", path, None);
        let problem = refused.problem(401);
        assert!(problem["help"].as_str().unwrap().contains("ratatosk token add"), "{path}: {problem}");
        assert_eq!(refused.header("WWW-Authenticate"), Some("Bearer realm=\"north.test\""));
    }
    assert_eq!(Client::new(port, None).ask("GET", "/healthz", None).status, 200);
    let token = shell.ok(&["token", "add", "first"]).trim().to_owned();
    let ask = |authorization: &str| {
        Client::new(port, None).with("Authorization", authorization).ask("GET", "/v1/users", None).status
    };
    assert_eq!(ask(&format!("Bearer {token}")), 200, "at once, without a restart");
    assert_eq!(ask(&format!("bearer  {token}")), 200);
    for bad in
        ["", "Bearer", "Bearer ", "Basic YTpi", &token, &format!("Bearer {token}x"), &"y".repeat(9_000)]
    {
        assert_eq!(ask(bad), 401, "{bad}");
    }
    drop(server);
    // An address that is taken is told, with a way out.
    let held = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let told = shell.fails(1, &["serve"]);
    assert!(told.contains("cannot be opened") && told.contains("[http]"), "{told}");
    drop(held);
}

#[test]
fn wrong_methods_types_and_lengths_are_told() {
    let api = Api::with("[limits]\nhttp_body_bytes = 100000\n");
    let wrong = api.client().ask("DELETE", "/v1/users", None);
    assert_eq!(wrong.problem(405)["help"], "what does something is GET, POST, HEAD");
    assert_eq!(wrong.header("Allow"), Some("GET, POST, HEAD"));
    assert_eq!(api.client().ask("BREW", "/healthz", None).header("Allow"), Some("GET, HEAD"));
    let head = api.client().ask("HEAD", "/v1/users", None);
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(api.get("/v1/user").problem(404)["detail"], "there is nothing at this path");
    assert_eq!(api.get("/v1/users/").status, 404);

    for media in ["text/html", "application/x-www-form-urlencoded", "text/csv", "", "text/plain"] {
        let told = api.client().ask("POST", "/v1/users", Some((media, b"x")));
        assert_eq!((told.status, told.header("Accept")), (415, Some("application/json")), "{media}");
    }
    let tree = api.client().ask("POST", "/v1/trees/check", Some(("text/html", b"x")));
    assert_eq!(tree.header("Accept"), Some("application/json, text/plain"));
    let charset = Some(("Application/JSON; charset=utf-8", b"{}".as_slice()));
    assert_eq!(api.client().ask("PATCH", "/v1/users/anne", charset).status, 400, "nothing to change");

    let ten = vec![b'x'; 10 << 20];
    let told = api.client().ask("POST", "/v1/trees/check", Some(("text/plain", &ten)));
    assert!(told.problem(413)["help"].as_str().unwrap().contains("http_body_bytes"));
    let stranger = Client::new(api.port, None).ask("POST", "/v1/trees/check", Some(("text/plain", &ten)));
    assert_eq!(stranger.status, 401, "whoever may not come in is not listened to");
    let tree = api.client().ask("POST", "/v1/trees/check", Some(("text/plain", b"\xff\xfe")));
    assert!(tree.problem(400)["detail"].as_str().unwrap().contains("UTF-8"));
    assert_eq!(api.get("/v1/users").status, 200, "all is well");
}

#[test]
fn garbage_and_half_requests_are_ended() {
    let api = Api::with("[limits]\nhttp_head_s = 1\nhttp_body_s = 1\nhttp_head_bytes = 8192\n");
    let client = api.client();
    for (bytes, status) in [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(), 400),
        (b"INVITE sip:anne@north.test SIP/2.0\r\n\r\n".to_vec(), 400),
        (b"GET / HTTP/9.9\r\n\r\n".to_vec(), 400),
        (b"\r\n\r\n\r\nGET\r\n\r\n".to_vec(), 400),
        ([b"GET /healthz HTTP/1.1\r\nX: ".as_slice(), &vec![b'x'; 20_000], b"\r\n\r\n"].concat(), 431),
        ([b"GET /".as_slice(), &vec![b'x'; 100_000], b" HTTP/1.1\r\n\r\n"].concat(), 414),
    ] {
        let all = client.throw(&bytes);
        let answer = Answer::of(&all).map(|answer| answer.status);
        assert!(
            answer == Some(status) || status != 400 && matches!(answer, Some(431 | 414 | 400) | None),
            "{answer:?} {status}"
        );
    }
    // A head or body that does not come to its end is not waited for.
    let slow = Instant::now();
    client.throw(b"GET /healthz HTTP/1.1\r\nHost: x\r\n");
    client.throw(b"");
    let authorization = format!("Authorization: Bearer {}\r\n", api.token);
    let half = format!(
        "POST /v1/trees/check HTTP/1.1\r\nHost: x\r\n{authorization}Content-Type: text/plain\r\nContent-Length: 50\r\n\r\nprofile"
    );
    let answer = Answer::of(&client.throw(half.as_bytes())).unwrap();
    assert_eq!(answer.status, 408, "{answer:?}");
    assert!(slow.elapsed() < Duration::from_secs(15), "{:?}", slow.elapsed());
    // One byte after the other does not help either.
    let mut stream = client.connect();
    for byte in b"GET /healthz HTTP/1.1\r\nHost: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" {
        if stream.write_all(&[*byte]).is_err() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert!(!String::from_utf8_lossy(&rest).contains(" 200 "), "{rest:?}");
    assert_eq!(api.get("/healthz").status, 200, "all is well");
}

#[test]
fn one_source_has_its_share_of_connections_and_pipelines_are_answered_in_order() {
    let api = Api::with("[limits]\nhttp_connections_per_source = 3\nhttp_head_s = 2\n");
    let held: Vec<_> = (0..3).map(|_| api.client().connect()).collect();
    let mut fourth = api.client().connect();
    let mut nothing = Vec::new();
    // Closed at once, or with a reset: its request was never read.
    let closed =
        fourth.write_all(b"GET /healthz HTTP/1.1\r\n\r\n").and_then(|()| fourth.read_to_end(&mut nothing));
    assert!(closed.is_err() || nothing.is_empty(), "{nothing:?}");
    drop(held);
    let patience = Instant::now();
    let mut stream = loop {
        let mut stream = api.client().connect();
        let two = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        let mut first = [0; 12];
        if stream.write_all(two.as_bytes()).is_ok() && stream.read_exact(&mut first).is_ok() {
            assert_eq!(&first, b"HTTP/1.1 200");
            break stream;
        }
        assert!(patience.elapsed() < Duration::from_secs(10), "it has its share again");
    };
    let mut rest = String::new();
    stream.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("HTTP/1.1 401"), "{rest}");
}

/// Whoever takes nothing of a long answer is not waited for, and is in nobody's way.
#[test]
fn a_client_that_does_not_read_is_cut_off() {
    let api = Api::with("[limits]\nstall_s = 1\nhttp_connections_per_source = 2\nhttp_head_s = 60\n");
    let request =
        format!("GET /openapi.json HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", api.token);
    // More than the buffers of both ends hold.
    let mut idle = api.client().connect();
    let many = request.repeat(400);
    idle.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
    let _ = idle.write_all(many.as_bytes());
    let patience = Instant::now();
    let mut one = api.client().connect();
    loop {
        // Two are held now; a third is let in once the idle one is cut off.
        let mut third = api.client().connect();
        let mut begin = [0; 12];
        let asked = third.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
        if asked.is_ok() && third.read_exact(&mut begin).is_ok() {
            break;
        }
        assert!(patience.elapsed() < Duration::from_secs(30), "it is still there");
        std::thread::sleep(Duration::from_millis(100));
    }
    one.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    assert_eq!(Answer::read(&mut one).unwrap().status, 200);
}

/// What a request says is said once, and so that it can be read.
#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    let api = Api::new();
    let send =
        |body: &str| api.client().ask("POST", "/v1/users", Some(("application/json", body.as_bytes())));
    let told = send(r#"{"uid": "zed", "uid": "zod", "password": "x"}"#);
    assert!(told.problem(400)["detail"].as_str().unwrap().contains("`uid` is said twice"));
    let packed = api.client().with("Content-Encoding", "gzip");
    let told = packed.ask("POST", "/v1/users", Some(("application/json", b"{}")));
    assert!(told.problem(415)["help"].as_str().unwrap().contains("send it as it is"));
    for hosts in ["", "Host: x\r\nHost: y\r\n"] {
        let mut stream = api.client().connect();
        write!(stream, "GET /healthz HTTP/1.1\r\nConnection: close\r\n{hosts}\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
    assert_eq!(api.get("/v1/users").ok().as_array().unwrap().len(), 2);
}
