//! What is asked, and by whom.

use crate::wire::{decode, shown};
use countersign_dialects::{Decoded, Reply, ubiqu::Flavour};
use countersign_engine::{
    call::{Call, NewOperation, ProviderCall},
    denied::{Denied, Problem, ProblemKind},
    model::{approval::OperationKind, held_key::Oaep},
};

const UUID: &str = "deadbeefdeadbeefdeadbeefdeadbeef";
const FINGERPRINT: &str = "cafebabecafebabecafebabecafebabecafebabecafebabecafebabecafebabe";
const KEY: &str = "X-Api-Key: deadbeefdeadbeefdeadbeefdeadbeef";
const V1: &str = "Accept: application/vnd.free.v1+json";

/// A request as the tutorial prints it; `more` stands among its headers.
fn ask(route: &str, line: &str, more: &str, body: &str) -> Decoded {
    let text = format!(
        "{line} HTTP/1.1\nHost: free.ubiqu.com\nContent-Type: application/json\n{more}\n\n{body}"
    );
    decode(route, text.as_bytes())
}

fn printed(route: &str, line: &str, body: &str) -> Decoded {
    ask(route, line, &format!("Accept: */*\n{KEY}"), body)
}

fn v1(route: &str, line: &str, body: &str) -> Decoded {
    ask(route, line, &format!("{V1}\n{KEY}"), body)
}

fn call(decoded: Decoded) -> Result<ProviderCall, Denied> {
    match decoded.call? {
        Call::Provider(call) => Ok(call),
        other => panic!("{other:?}"),
    }
}

fn operation(decoded: Decoded) -> Result<NewOperation, Denied> {
    match call(decoded)? {
        ProviderCall::Ask(new) => Ok(new),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_printed_requests_ask_for_what_the_tutorial_says() {
    let identify = printed("ubiqu.identify", "POST /api/identification", "{}");
    assert_eq!(shown(&identify), format!("bearer {UUID}"));
    assert_eq!(identify.reply, Reply::Ubiqu(Flavour::Tutorial));
    assert!(matches!(call(identify), Ok(ProviderCall::Identify)));

    let line = format!("GET /api/identification?uuid={UUID}");
    let read = call(printed("ubiqu.identification", &line, ""));
    assert!(matches!(read, Ok(ProviderCall::ShowIdentification(id)) if id.as_str() == UUID));

    let line = format!("GET /api/asset?uuid={UUID}");
    let read = call(printed("ubiqu.asset", &line, ""));
    assert!(matches!(read, Ok(ProviderCall::ShowAsset(id)) if id.as_str() == UUID));

    let body = format!("{{\"asset_uuid\": \"{UUID}\", \"fingerprint\":\"{FINGERPRINT}\"}}");
    let asked = printed("ubiqu.ask_authenticate", "POST /api/authenticate", &body);
    let asked = operation(asked).unwrap();
    assert_eq!(asked.kind, OperationKind::Authenticate);
    assert_eq!(asked.pair, OperationKind::Authenticate);
    assert_eq!(asked.asset.as_str(), UUID);
    let fingerprint = asked.fingerprint.unwrap();
    assert_eq!(data_encoding::HEXLOWER.encode(&fingerprint), FINGERPRINT);
    assert!(asked.notify && asked.cipher.is_none() && asked.resource_uri.is_none());

    let line = format!("GET /api/authenticate?uuid={UUID}");
    let read = call(printed("ubiqu.authenticate", &line, ""));
    let kind = OperationKind::Authenticate;
    assert!(
        matches!(read, Ok(ProviderCall::ShowOperation(k, id)) if k == kind && id.as_str() == UUID)
    );
}

#[test]
fn every_object_is_read_by_query_and_by_path() {
    for (noun, name) in [
        ("identification", "identification.show"),
        ("asset", "asset.show"),
        ("authenticate", "approval.show"),
        ("sign", "approval.show"),
        ("decrypt", "approval.show"),
        ("serviceprovider", "provider.show"),
    ] {
        let by_query = format!("GET /api/{noun}?uuid={UUID}");
        let by_query = printed(&format!("ubiqu.{noun}"), &by_query, "");
        let by_path = format!("GET /api/{noun}/{UUID}");
        let by_path = v1(&format!("ubiqu.{noun}_by_path"), &by_path, "");
        assert_eq!(by_path.reply, Reply::Ubiqu(Flavour::V1), "{noun}");
        let told = [by_query, by_path].map(|decoded| call(decoded).unwrap());
        assert_eq!(told[0].name(), name);
        assert_eq!(format!("{:?}", told[0]), format!("{:?}", told[1]));
        for (query, kind) in [
            ("", ProblemKind::Missing),
            ("?uuid=", ProblemKind::Missing),
            ("?id=1", ProblemKind::Missing),
            ("?uuid=a&uuid=b", ProblemKind::Repeated),
        ] {
            let line = format!("GET /api/{noun}{query}");
            let denied = call(printed(&format!("ubiqu.{noun}"), &line, "")).unwrap_err();
            assert_eq!(denied, Denied::invalid("uuid", kind), "{line}");
        }
        let line = format!("GET /api/{noun}?uuid=%2e%2f");
        let denied = call(printed(&format!("ubiqu.{noun}"), &line, "")).unwrap_err();
        assert_eq!(denied, Denied::NotFound { noun });
    }
}

#[test]
fn a_key_is_32_lower_case_digits_in_its_own_header_and_nothing_else_beside_it() {
    for (headers, expected) in [
        ("", "nothing"),
        (KEY, "bearer deadbeefdeadbeefdeadbeefdeadbeef"),
        (
            "x-api-key: deadbeefdeadbeefdeadbeefdeadbeef",
            "bearer deadbeefdeadbeefdeadbeefdeadbeef",
        ),
        ("X-Api-Key:", "malformed: Form"),
        (
            "X-Api-Key: deadbeefdeadbeefdeadbeefdeadbee",
            "malformed: Form",
        ),
        (
            "X-Api-Key: deadbeefdeadbeefdeadbeefdeadbeefd",
            "malformed: Form",
        ),
        (
            "X-Api-Key: DEADBEEFDEADBEEFDEADBEEFDEADBEEF",
            "malformed: Form",
        ),
        (
            "X-Api-Key: deadbeef-dead-beef-dead-beefdeadbeef",
            "malformed: Form",
        ),
        (
            "X-Api-Key: cs_key_live_deadbeefdeadbeefdead",
            "malformed: Form",
        ),
        (
            "X-Api-Key: \u{e9}eadbeefdeadbeefdeadbeefdeadbee",
            "malformed: Form",
        ),
        (
            "X-Api-Key: deadbeefdeadbeefdeadbeefdeadbeef\nX-Api-Key: deadbeefdeadbeefdeadbeefdeadbeef",
            "malformed: Repeated",
        ),
        (
            "X-Api-Key: deadbeefdeadbeefdeadbeefdeadbeef\nAuthorization: Bearer x",
            "malformed: Two",
        ),
        (
            "X-Api-Key: nonsense\nAuthorization: Bearer x",
            "malformed: Two",
        ),
        (
            "Authorization: Bearer deadbeefdeadbeefdeadbeefdeadbeef",
            "malformed: Form",
        ),
        ("Authorization: Basic YTpi", "malformed: Form"),
        (
            "Cookie: X-Api-Key=deadbeefdeadbeefdeadbeefdeadbeef",
            "nothing",
        ),
    ] {
        let decoded = ask("ubiqu.identify", "POST /api/identification", headers, "{}");
        assert_eq!(shown(&decoded), expected, "{headers}");
        // To register, nobody shows anything, whatever is shown.
        let decoded = ask("ubiqu.register", "POST /api/serviceprovider", headers, "{}");
        assert_eq!(shown(&decoded), "nothing", "{headers}");
    }
}

#[test]
fn the_v1_client_posts_null_and_spells_a_path_with_two_slashes() {
    let identify = v1("ubiqu.identify", "POST /api/identification", "null");
    assert_eq!(identify.reply, Reply::Ubiqu(Flavour::V1));
    assert!(matches!(call(identify), Ok(ProviderCall::Identify)));
    for (route, path) in [
        (
            "ubiqu.validate_domain",
            "/api/serviceprovider/validatedomain",
        ),
        (
            "ubiqu.validate_domain_spelled_twice",
            "/api//serviceprovider/validatedomain",
        ),
    ] {
        let decoded = v1(route, &format!("POST {path}"), "null");
        assert!(
            matches!(call(decoded), Ok(ProviderCall::ShowSelf)),
            "{path}"
        );
    }
    let body = r#"{"name": "Example Bank", "template": "ubiqu_nourl", "url": "https://bank.example",
        "callback_url": "https://bank.example/cb", "challenge_url": null}"#;
    let register = v1("ubiqu.register", "POST /api/serviceprovider", body);
    let Ok(ProviderCall::Register(new)) = call(register) else {
        panic!("no registration");
    };
    assert_eq!(new.name, "Example Bank");
    assert_eq!(new.url.as_deref(), Some("https://bank.example"));
    assert_eq!(new.callback_url.as_deref(), Some("https://bank.example/cb"));
    assert_eq!(new.notification_url, None);
    let denied = call(v1("ubiqu.register", "POST /api/serviceprovider", "null")).unwrap_err();
    assert_eq!(denied, Denied::invalid("name", ProblemKind::Missing));
}

#[test]
fn v1_uses_one_pair_for_everything_and_the_tutorial_the_pair_of_the_operation() {
    for (kind, noun) in [
        (OperationKind::Authenticate, "authenticate"),
        (OperationKind::Sign, "sign"),
        (OperationKind::Decrypt, "decrypt"),
    ] {
        let body = format!(
            r#"{{"asset_uuid": "{UUID}", "fingerprint": "{}", "notify": false, "cipher_data": "00ff",
                "cipher_key": "AB", "resource_uri": "https://bank.example/a.pdf", "unknown": [1]}}"#,
            FINGERPRINT.to_uppercase(),
        );
        let route = format!("ubiqu.ask_{noun}");
        let line = format!("POST /api/{noun}");
        let old = operation(printed(&route, &line, &body)).unwrap();
        let new = operation(v1(&route, &line, &body)).unwrap();
        assert_eq!((old.kind, old.pair), (kind, kind));
        assert_eq!((new.kind, new.pair), (kind, OperationKind::Authenticate));
        for asked in [old, new] {
            let decrypts = kind == OperationKind::Decrypt;
            assert!(!asked.notify);
            assert_eq!(asked.fingerprint.is_some(), !decrypts);
            assert_eq!(asked.resource_uri.is_some(), kind == OperationKind::Sign);
            let cipher = asked
                .cipher
                .map(|cipher| (cipher.data.0, cipher.key.0, cipher.form));
            let expected = (vec![0, 0xff], vec![0xab], Oaep::Sha1);
            assert_eq!(cipher, decrypts.then_some(expected));
        }
    }
}

#[test]
fn without_a_fingerprint_v1_gets_a_random_one_and_the_tutorials_callers_are_told() {
    let body = format!("{{\"asset_uuid\": \"{UUID}\"}}");
    for noun in ["authenticate", "sign"] {
        let (route, line) = (format!("ubiqu.ask_{noun}"), format!("POST /api/{noun}"));
        let asked = operation(v1(&route, &line, &body)).unwrap();
        assert_eq!(asked.fingerprint, None);
        let denied = operation(printed(&route, &line, &body)).unwrap_err();
        assert_eq!(denied, Denied::invalid("fingerprint", ProblemKind::Missing));
    }
}

#[test]
fn the_form_of_oaep_is_a_member_of_ours() {
    for (told, expected) in [
        ("", Ok(Oaep::Sha1)),
        (r#", "oaep": null"#, Ok(Oaep::Sha1)),
        (r#", "oaep": "sha1""#, Ok(Oaep::Sha1)),
        (r#", "oaep": "sha256""#, Ok(Oaep::Sha256)),
        (r#", "oaep": "sha256-mgf1-sha1""#, Ok(Oaep::Sha256Mgf1Sha1)),
        (
            r#", "oaep": "SHA-256""#,
            Err(ProblemKind::Expected("sha1, sha256 or sha256-mgf1-sha1")),
        ),
        (r#", "oaep": 1"#, Err(ProblemKind::Expected("a string"))),
    ] {
        let body =
            format!(r#"{{"asset_uuid": "{UUID}", "cipher_data": "00", "cipher_key": "00"{told}}}"#);
        let asked = operation(v1("ubiqu.ask_decrypt", "POST /api/decrypt", &body));
        let form = asked.map(|asked| asked.cipher.unwrap().form);
        assert_eq!(
            form,
            expected.map_err(|kind| Denied::invalid("oaep", kind)),
            "{told}"
        );
    }
}

#[test]
fn all_that_is_wrong_with_a_body_is_named() {
    let hex = ProblemKind::Expected("32 lower-case hexadecimal digits");
    let sha = ProblemKind::Expected("64 hexadecimal digits of SHA-256");
    let even = ProblemKind::Expected("an even number of hexadecimal digits");
    let string = ProblemKind::Expected("a string");
    let flag = ProblemKind::Expected("true or false");
    for (noun, body, expected) in [
        (
            "authenticate",
            r"{}",
            vec![
                ("asset_uuid", ProblemKind::Missing),
                ("fingerprint", ProblemKind::Missing),
            ],
        ),
        (
            "sign",
            r#"{"asset_uuid": "DEADBEEFDEADBEEFDEADBEEFDEADBEEF", "fingerprint": "cafe", "notify": "no", "resource_uri": 1}"#,
            vec![
                ("asset_uuid", hex),
                ("notify", flag),
                ("fingerprint", sha.clone()),
                ("resource_uri", string.clone()),
            ],
        ),
        (
            "authenticate",
            r#"{"asset_uuid": 1, "fingerprint": 1}"#,
            vec![
                ("asset_uuid", string.clone()),
                ("fingerprint", string.clone()),
            ],
        ),
        (
            "authenticate",
            r#"{"asset_uuid": "deadbeefdeadbeefdeadbeefdeadbeef",
                "fingerprint": "zafebabecafebabecafebabecafebabecafebabecafebabecafebabecafebabe"}"#,
            vec![("fingerprint", sha)],
        ),
        (
            "decrypt",
            r#"{"asset_uuid": "deadbeefdeadbeefdeadbeefdeadbeef", "cipher_data": "abc", "oaep": true}"#,
            vec![
                ("cipher_data", even),
                ("cipher_key", ProblemKind::Missing),
                ("oaep", string),
            ],
        ),
    ] {
        let (route, line) = (format!("ubiqu.ask_{noun}"), format!("POST /api/{noun}"));
        let denied = operation(printed(&route, &line, body)).unwrap_err();
        let expected = expected.into_iter();
        let expected = expected
            .map(|(field, kind)| Problem::new(field, kind))
            .collect();
        assert_eq!(denied, Denied::Invalid(expected), "{body}");
    }
}

#[test]
fn bodies_are_json_by_either_name_and_read_strictly() {
    let body = format!("{{\"asset_uuid\":\"{UUID}\",\"fingerprint\":\"{FINGERPRINT}\"}}");
    let post = |media_type: &str, body: &str| {
        let text = format!(
            "POST /api/authenticate HTTP/1.1\nHost: free.ubiqu.com\n{media_type}\n{KEY}\n\n{body}"
        );
        operation(decode("ubiqu.ask_authenticate", text.as_bytes())).map(|_| ())
    };
    for good in [
        "Content-Type: application/json",
        "Content-Type: application/json; charset=utf-8",
        "Content-Type: application/vnd.free.v1+json",
    ] {
        assert_eq!(post(good, &body), Ok(()), "{good}");
    }
    let expected = "application/json";
    for bad in [
        "X: y",
        "Content-Type: text/plain",
        "Content-Type: application/x-www-form-urlencoded",
    ] {
        assert_eq!(
            post(bad, &body),
            Err(Denied::UnsupportedMediaType { expected }),
            "{bad}"
        );
    }
    for (bad, expected) in [
        ("", "JSON"),
        ("[]", "an object or null"),
        ("\"{}\"", "an object or null"),
        (
            "{\"asset_uuid\":\"a\",\"asset_uuid\":\"b\"}",
            "objects whose member names differ",
        ),
        ("{} {}", "one JSON value and nothing after it"),
    ] {
        let denied = Denied::invalid("body", ProblemKind::Expected(expected));
        assert_eq!(
            post("Content-Type: application/json", bad),
            Err(denied),
            "{bad}"
        );
    }
}
