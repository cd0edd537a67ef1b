//! The HTTP API as programs use it, and as strangers try to.

mod client;
mod doors;
mod profiles;

use serde_json::{Value, json};

use super::{CONFIG, Server, Shell};
use crate::process::free_port;
use client::{Answer, Client};

/// A server with an HTTP listener, the users anne and carl, and a token.
struct Api {
    shell: Shell,
    port: u16,
    token: String,
    server: Server,
}

impl Api {
    fn new() -> Self {
        Self::with("")
    }

    /// One whose configuration says more.
    fn with(more: &str) -> Self {
        let (shell, port) = (Shell::new(), free_port());
        shell.write("ratatosk.toml", &format!("{CONFIG}\n[http]\naddress = \"127.0.0.1:{port}\"\n{more}"));
        for user in ["anne", "carl"] {
            shell.ok(&["user", "add", user, "--password", "x"]);
        }
        let token = shell.ok(&["token", "add", "test"]).trim().to_owned();
        let server = shell.serve(&["serve"]);
        Self { shell, port, token, server }
    }

    fn client(&self) -> Client {
        Client::new(self.port, Some(self.token.clone()))
    }

    fn get(&self, path: &str) -> Answer {
        self.client().ask("GET", path, None)
    }

    fn send(&self, method: &str, path: &str, body: Value) -> Answer {
        self.client().ask(method, path, Some(("application/json", body.to_string().as_bytes())))
    }

    fn delete(&self, path: &str) -> Answer {
        self.client().ask("DELETE", path, None)
    }

    fn tree(&self, method: &str, path: &str, tree: &str) -> Answer {
        self.client().ask(method, path, Some(("text/plain", tree.as_bytes())))
    }
}

#[test]
fn the_server_says_whether_it_is_well_and_describes_itself() {
    let api = Api::new();
    let health = Client::new(api.port, None).ask("GET", "/healthz", None);
    assert_eq!((health.status, &health.json()["status"]), (200, &json!("ok")));
    let document = api.get("/openapi.json").ok();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document, api.shell.json(&["openapi"]), "both doors say the same");
    // As its form says: each reference leads somewhere, each name in a path is a parameter.
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (verb, operation) in operations.as_object().unwrap() {
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let placed = |parameter: &&Value| parameter["in"] == "path";
            let named: Vec<&Value> = parameters.iter().filter(placed).map(|one| &one["name"]).collect();
            for name in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
                assert!(named.contains(&&json!(name)), "{verb} {path}: {name}");
            }
            assert_eq!(named.len(), path.matches('{').count(), "{verb} {path}");
            assert_eq!(operation["responses"]["default"]["$ref"], "#/components/responses/Problem");
        }
    }
    assert!(document["components"]["responses"]["Problem"].is_object());
    assert_eq!(api.server.end_by("-TERM"), Some(0));
}

/// Everything that commands write can be written and read by HTTP, and both see the same.
#[test]
fn users_and_all_that_is_theirs_are_written_and_read() {
    let api = Api::new();
    let made = api.send(
        "POST",
        "/v1/users",
        json!({
            "uid": "dora", "password": "y", "name": "Dora", "number": ["+3545551234", "100"],
        }),
    );
    assert_eq!(made.ok()["said"], json!(["dora@north.test is there"]));
    let list = api.get("/v1/users").ok();
    assert_eq!(list, api.shell.json(&["user", "list", "--json"]));
    assert_eq!(list.as_array().unwrap().len(), 3);
    api.send("PATCH", "/v1/users/dora", json!({ "credit": -5, "property": ["lunch=yes"], "name": "D" })).ok();
    let shown = api.get("/v1/users/dora@north.test").ok();
    assert_eq!(shown["credit"], -5);
    assert_eq!(shown["properties"], json!({ "lunch": "yes" }));
    assert_eq!(shown["numbers"].as_array().unwrap().len(), 2);
    api.send("PUT", "/v1/users/dora/password", json!({ "password": "z" })).ok();
    api.send("PUT", "/v1/users/anne/presence", json!({ "status": "away" })).ok();
    assert_eq!(api.get("/v1/users/anne/presence").ok()["status"], "away");

    api.send("PUT", "/v1/users/anne/groups/Friends", json!({})).ok();
    api.send("PUT", "/v1/users/anne/contacts/carl", json!({ "group": ["Friends"] })).ok();
    api.send("PUT", "/v1/users/anne/contacts/%2B354%2A", json!({})).ok();
    let contacts = api.get("/v1/users/anne/contacts?group=Friends").ok();
    assert_eq!(contacts[0]["contact"], "carl@north.test");
    assert_eq!(api.get("/v1/users/anne/contacts").ok().as_array().unwrap().len(), 2);
    api.send("PATCH", "/v1/users/anne/groups/Friends", json!({ "name": "The band" })).ok();
    api.delete("/v1/users/anne/groups/The%20band").ok();
    api.client().ask("PUT", "/v1/users/anne/blocked/anonymous", None).ok();
    api.delete("/v1/users/anne/blocked/anonymous").ok();
    api.delete("/v1/users/anne/contacts/carl").ok();

    api.send("PUT", "/v1/users/anne/devices/gsm", json!({ "type": "gsm", "address": "+3545550000" })).ok();
    assert_eq!(api.get("/v1/users/anne/devices").ok()[0]["name"], "gsm");
    api.delete("/v1/users/anne/devices/gsm").ok();
    api.send("PUT", "/v1/users/anne/stock/back%20soon", json!({ "text": "In an hour." })).ok();
    assert_eq!(api.get("/v1/users/anne/stock").ok()[0]["text"], "In an hour.");
    api.delete("/v1/users/anne/stock/back%20soon").ok();

    for (path, is_list) in [
        ("/v1/users/anne/inbox", true),
        ("/v1/calls?limit=5&user=anne", false),
        ("/v1/pages", true),
        ("/v1/registrations", true),
        ("/v1/trunks", true),
        ("/v1/trees/loops", true),
        ("/v1/profiles/unreadable", true),
    ] {
        assert_eq!(api.get(path).ok().is_array(), is_list, "{path}");
    }
    let imported =
        api.client().ask("POST", "/v1/users/import", Some(("text/csv", b"uid,password\nemil,e\n")));
    assert_eq!(imported.ok()["said"], json!(["1 users added, 0 changed"]));
    let reloaded = api.client().ask("POST", "/v1/reload", None).ok();
    assert!(reloaded["said"][0].as_str().unwrap().contains("read again"), "{reloaded}");
    api.delete("/v1/users/dora").ok();
    assert_eq!(api.get("/v1/users/dora").problem(404)["detail"], "there is no user dora@north.test");
}

/// What is wrong is told as the command line tells it, with the status that it deserves.
#[test]
fn what_is_wrong_is_told_with_a_way_out() {
    let api = Api::new();
    let long = "x".repeat(70);
    for (method, path, body, status, told) in [
        ("GET", "/v1/users/anna", None, 404, "there is no user anna@north.test"),
        ("GET", "/v1/users/a%20b", None, 400, "\"a b\" is no user"),
        ("GET", "/v1/users/%ff", None, 400, "the path is no text"),
        ("GET", "/v1/calls/nothing", None, 404, "there is no call"),
        ("GET", "/v1/calls?limit=many", None, 400, "invalid value 'many'"),
        ("GET", "/v1/calls?limt=5", None, 400, "there is no `limt` here"),
        ("GET", "/v1/calls?limit=5&limit=6", None, 400, "`limit` is said twice"),
        ("GET", "/v1/calls?json=true", None, 400, "there is no `json` here"),
        ("POST", "/v1/users", Some(json!({ "uid": "anne", "password": "x" })), 409, "is there already"),
        ("POST", "/v1/users", Some(json!({ "uid": "emil" })), 400, "a password is needed"),
        ("POST", "/v1/users", Some(json!({ "password": "x" })), 400, "required arguments"),
        (
            "POST",
            "/v1/users",
            Some(json!({ "uid": "emil", "password_stdin": true })),
            400,
            "there is no `password_stdin`",
        ),
        ("POST", "/v1/users", Some(json!({ "uid": ["a", "b"], "password": "x" })), 400, "said twice"),
        ("POST", "/v1/users", Some(json!([])), 400, "no JSON object"),
        ("PATCH", "/v1/users/anne", Some(json!({})), 400, "nothing to change"),
        ("PATCH", "/v1/users/anne", Some(json!({ "uid": "carl", "name": "x" })), 400, "`uid` is said twice"),
        (
            "PUT",
            "/v1/users/anne/presence",
            Some(json!({ "status": "awry" })),
            400,
            "there is no status `awry`",
        ),
        ("DELETE", "/v1/users/anne/inbox/77", None, 404, "there is no page 77"),
        ("DELETE", "/v1/users/anne/groups/Invisible", None, 409, "every user has the group"),
        ("PUT", &format!("/v1/users/anne/groups/{long}"), None, 400, "is no name for a group"),
        // A file of this machine is none of a request's.
        (
            "POST",
            "/v1/trees/explain",
            Some(json!({ "tree": "/etc/passwd" })),
            400,
            "/etc/passwd did not come with the request",
        ),
        (
            "POST",
            "/v1/trees/format",
            Some(json!({ "files": ["ratatosk.toml"] })),
            400,
            "did not come with the request",
        ),
        (
            "POST",
            "/v1/trees/format",
            Some(
                json!({ "files": ["x"], "texts": { "x": "profile \"x\" { outgoing {\notherwise -> send } }" } }),
            ),
            400,
            "did not come with the request",
        ),
    ] {
        let body = body.map(|body| body.to_string());
        let body = body.as_ref().map(|body| ("application/json", body.as_bytes()));
        let problem = api.client().ask(method, path, body).problem(status);
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(told), "{method} {path}: {problem}");
        assert!(!detail.contains('\n'), "{problem}");
    }
    assert_eq!(api.get("/v1/users/ann").problem(404)["help"], "did you mean anne@north.test?");
    // A value is a value, however it looks.
    api.send("PATCH", "/v1/users/anne", json!({ "name": "--config=/etc/passwd" })).ok();
    assert_eq!(api.get("/v1/users/anne").ok()["name"], "--config=/etc/passwd");
    assert_eq!(api.delete("/v1/users/--help").status, 404);
}

/// The table in the documentation is the registry's.
#[test]
fn the_documentation_tells_every_route() {
    const BEGIN: &str =
        "<!-- The table of routes is made by a test: UPDATE_GOLDEN=1 cargo test cli::http -->\n";
    const END: &str = "<!-- end of the table -->\n";
    let table = Shell::new().ok(&["openapi", "--table"]);
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/http.md");
    let there = std::fs::read_to_string(&path).unwrap();
    let (head, rest) = there.split_once(BEGIN).expect("there is a place for the table");
    let (_, tail) = rest.split_once(END).expect("the table ends");
    let written = format!("{head}{BEGIN}{table}{END}{tail}");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &written).unwrap();
    } else {
        assert!(written == there, "docs/http.md is out of date: UPDATE_GOLDEN=1 cargo test cli::http");
    }
}
