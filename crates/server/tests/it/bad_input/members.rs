//! Bodies, parameters and members that are not what they should be.

use super::{Stage, error};
use crate::{
    ask::{self, Ask, percent},
    world::{SANDBOX, body},
};
use serde_json::json;

#[tokio::test]
async fn a_form_that_is_not_one_reading_is_invalid_and_says_where() {
    let stage = Stage::set().await;
    let doors = stage.doors();
    let words = |count: usize| vec!["word"; count].join(" ");
    let cases = [
        (
            "a parameter twice",
            "&scope=read&scope=read".to_owned(),
            400,
            "invalid_request",
        ),
        (
            "an unknown one twice",
            "&x=1&x=2".into(),
            400,
            "invalid_request",
        ),
        (
            "a grant twice",
            "&grant_type=client_credentials".into(),
            400,
            "invalid_request",
        ),
        (
            "a secret twice",
            "&client_secret=x".into(),
            400,
            "invalid_request",
        ),
        (
            "a name twice",
            "&client_id=x".into(),
            400,
            "invalid_request",
        ),
        (
            "twice in two spellings",
            "&scope=read&sc%6Fpe=read".into(),
            400,
            "invalid_request",
        ),
        (
            "bytes that are no text",
            "&scope=%ff".into(),
            401,
            "invalid_client",
        ),
        ("a NUL", "&scope=a%00b".into(), 401, "invalid_client"),
        ("half an escape", "&scope=%4".into(), 401, "invalid_client"),
        ("no escape", "&scope=%zz".into(), 401, "invalid_client"),
        (
            "a hundred thousand parameters",
            "&a=1".repeat(7_000),
            401,
            "invalid_client",
        ),
        (
            "a thousand words",
            format!("&scope={}", percent(&words(1000))),
            400,
            "invalid_scope",
        ),
        (
            "one long word",
            format!("&scope={}", "w".repeat(20_000)),
            400,
            "invalid_scope",
        ),
        (
            "a quote in a scope",
            "&scope=%22".into(),
            400,
            "invalid_scope",
        ),
        (
            "a line end in a scope",
            "&scope=read%0D%0Ax".into(),
            400,
            "invalid_scope",
        ),
        (
            "too many resources",
            "&resource=https%3A%2F%2Fa.example".repeat(17),
            400,
            "invalid_target",
        ),
        (
            "a resource with a fragment",
            "&resource=https%3A%2F%2Fa.example%23f".into(),
            400,
            "invalid_target",
        ),
    ];
    for (what, more, status, word) in cases {
        let answer = stage.token(&more).send(doors.public).await;
        let told = (answer.status, error(&answer));
        // A form that cannot be read shows nobody: a stranger is told 401, and nothing of the form.
        assert_eq!(told, (status, word.into()), "{what}: {answer:?}");
    }
    // The same, by someone who is known by the header.
    for (what, form) in [
        ("bytes that are no text", b"grant_type=%ff".to_vec()),
        ("raw bytes that are no text", b"grant_type=\xff".to_vec()),
        ("a raw NUL", b"grant_type=client_credentials\0".to_vec()),
        (
            "an encoded NUL",
            b"grant_type=client_credentials%00".to_vec(),
        ),
        ("too many parameters", b"a=1&".repeat(65)),
        ("no grant", b"scope=read".to_vec()),
        ("an empty grant", b"grant_type=".to_vec()),
        ("nothing", Vec::new()),
    ] {
        for path in ["/oauth2/token", "/auth/token"] {
            let ask = Ask::post(path)
                .at(SANDBOX)
                .basic(&stage.client, &stage.secret);
            let answer = ask.bytes(ask::FORM, form.clone()).send(doors.public).await;
            let told = (answer.status, error(&answer));
            assert_eq!(
                told,
                (400, "invalid_request".into()),
                "{what} at {path}: {answer:?}"
            );
        }
    }
    let words = format!("&scope={}", percent(&words(100_000)));
    let answer = stage.token(&words).send(doors.public).await;
    assert_eq!(answer.status, 413, "{answer:?}");
    stage.stop_sound().await;
}

#[tokio::test]
async fn a_json_body_that_is_not_one_reading_is_invalid_and_says_where() {
    let stage = Stage::set().await;
    let doors = stage.doors();
    let deep = |open: &str, close: &str| {
        format!(
            "{{\"display_name\":{}{}}}",
            open.repeat(10_000),
            close.repeat(10_000)
        )
    };
    let long = "x".repeat(60_000);
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("lists in lists", deep("[", "]").into(), "body"),
        ("members in members", deep("{\"a\":", "}").into(), "body"),
        ("lists without end", "[".repeat(10_000).into(), "body"),
        ("nothing", Vec::new(), "body"),
        ("a text", b"\"x\"".to_vec(), "body"),
        ("a list", b"[]".to_vec(), "body"),
        ("null", b"null".to_vec(), "body"),
        ("two values", b"{}{}".to_vec(), "body"),
        ("a comma too many", b"{\"id\":\"x\",}".to_vec(), "body"),
        (
            "bytes that are no text",
            b"{\"id\":\"\xff\"}".to_vec(),
            "body",
        ),
        (
            "half a surrogate pair",
            b"{\"id\":\"\\ud800\"}".to_vec(),
            "body",
        ),
        (
            "a NUL",
            b"{\"display_name\":\"a\\u0000b\"}".to_vec(),
            "body",
        ),
        ("a raw NUL", b"{\"display_name\":\"a\0b\"}".to_vec(), "body"),
        ("a byte order mark", b"\xef\xbb\xbf{}".to_vec(), "body"),
        (
            "a member twice",
            b"{\"id\":\"a\",\"id\":\"b\"}".to_vec(),
            "body",
        ),
        (
            "a member twice in two spellings",
            b"{\"id\":\"a\",\"\\u0069d\":\"b\"}".to_vec(),
            "body",
        ),
        ("NaN", b"{\"number\":NaN}".to_vec(), "body"),
        (
            "a number without end",
            format!("{{\"number\":1{}}}", "0".repeat(5000)).into(),
            "",
        ),
        (
            "an exponent without end",
            b"{\"number\":1e999999}".to_vec(),
            "",
        ),
        (
            "a long text",
            format!("{{\"display_name\":\"{long}\"}}").into(),
            "display_name",
        ),
        (
            "a line end",
            b"{\"display_name\":\"a\\r\\nb\"}".to_vec(),
            "display_name",
        ),
        (
            "an unknown member",
            b"{\"display_name\":\"a\",\"role\":\"owner\"}".to_vec(),
            "role",
        ),
        (
            "a member of the server's",
            b"{\"display_name\":\"a\",\"version\":7}".to_vec(),
            "version",
        ),
        (
            "a number for a text",
            b"{\"display_name\":1}".to_vec(),
            "display_name",
        ),
        (
            "an identifier with a slash",
            b"{\"id\":\"a/b\",\"display_name\":\"a\"}".to_vec(),
            "id",
        ),
        (
            "a long identifier",
            format!("{{\"id\":\"{}\",\"display_name\":\"a\"}}", "x".repeat(65)).into(),
            "id",
        ),
        (
            "a negative number",
            b"{\"display_name\":\"a\",\"number\":-1}".to_vec(),
            "number",
        ),
        (
            "a broken number",
            b"{\"display_name\":\"a\",\"number\":1.5}".to_vec(),
            "number",
        ),
    ];
    for (what, sent, field) in cases {
        let ask = Ask::post("/admin/v1/organizations").bytes("application/json", sent);
        let answer = doors.admin(ask).await;
        assert_eq!(answer.status, 400, "{what}: {answer:?}");
        let told = body(&answer);
        assert_eq!(
            told["type"], "urn:countersign:problem:invalid-request",
            "{what}: {told}"
        );
        let fields: Vec<&str> = told["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| error["field"].as_str().unwrap())
            .collect();
        assert!(
            field.is_empty() || fields.contains(&field),
            "{what}: {told}"
        );
        assert!(
            answer.body.len() < 4096,
            "{what}: an answer of {} bytes",
            answer.body.len()
        );
    }
    let page = doors.show("/admin/v1/organizations?limit=200").await;
    assert_eq!(
        page["items"].as_array().unwrap().len(),
        2,
        "nothing was made: {page}"
    );
    stage.stop_sound().await;
}

#[tokio::test]
async fn parameters_of_paths_and_queries_are_read_strictly() {
    let stage = Stage::set().await;
    let doors = stage.doors();
    for (path, expected) in [
        ("/admin/v1/environments/%00", 404),
        ("/admin/v1/environments/%ff", 400),
        ("/admin/v1/environments/%", 400),
        ("/admin/v1/environments/%2e%2e", 404),
        ("/admin/v1/environments/..", 404),
        ("/admin/v1/environments/sandbox%2Fclients", 404),
        (
            "/admin/v1/environments/sandbox/clients/'%20OR%20'1'='1",
            404,
        ),
        ("/admin/v1/environments/*", 404),
        ("/admin/v1/environments//clients", 404),
        ("/admin/v1/environments/sandbox/clients?limit=0", 400),
        ("/admin/v1/environments/sandbox/clients?limit=201", 400),
        (
            "/admin/v1/environments/sandbox/clients?limit=99999999999999999999",
            400,
        ),
        (
            "/admin/v1/environments/sandbox/clients?limit=1&limit=2",
            400,
        ),
        ("/admin/v1/environments/sandbox/clients?cursor=%00", 400),
        ("/admin/v1/environments/sandbox/clients?cursor=!!!", 400),
        (
            "/admin/v1/environments/sandbox/clients?organization=%ff",
            400,
        ),
        ("/admin/v1/environments/sandbox/clients?nonsense=1", 400),
        ("/admin/v1/audit?since=yesterday", 400),
        ("/admin/v1/audit?since=2026-02-30T00:00:00Z", 400),
    ] {
        let answer = doors.admin(Ask::get(path)).await;
        assert_eq!(answer.status, expected, "{path}: {answer:?}");
        let media_type = answer.header("content-type");
        assert_eq!(
            media_type,
            Some("application/problem+json"),
            "{path}: {answer:?}"
        );
    }
    stage.stop_sound().await;
}

#[tokio::test]
async fn cursors_keys_and_tags_that_were_never_given_are_refused() {
    let stage = Stage::set().await;
    let doors = stage.doors();
    let page = doors.show("/admin/v1/organizations?limit=1").await;
    let cursor = page["next_cursor"].as_str().unwrap();
    let next = doors
        .show(&format!("/admin/v1/organizations?limit=1&cursor={cursor}"))
        .await;
    assert_ne!(page["items"], next["items"]);
    for tag in [
        "1",
        "\"1",
        "\"x\"",
        "W/\"1\"",
        "*",
        "\"1\", \"2\"",
        "\"01\"",
        "\"-1\"",
        "\"99\"",
        "",
    ] {
        let ask = Ask::new("PATCH", "/admin/v1/organizations/acme").header("If-Match", tag);
        let answer = doors
            .admin(ask.json(&json!({ "display_name": "Changed" })))
            .await;
        assert!(matches!(answer.status, 400 | 412), "{tag}: {answer:?}");
    }
    let long = "k".repeat(256);
    for key in ["", long.as_str(), "a b", "\u{fc}"] {
        let ask = Ask::post("/admin/v1/organizations").header("Idempotency-Key", key);
        let answer = doors
            .admin(ask.json(&json!({ "display_name": "New" })))
            .await;
        assert_eq!(answer.status, 400, "{key}: {answer:?}");
    }
    let shown = doors.show("/admin/v1/organizations/acme").await;
    assert_eq!(shown["display_name"], "acme");
    stage.stop_sound().await;
}
