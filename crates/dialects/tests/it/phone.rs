//! The device protocol: signed requests as they go over the wire, what devices are told, and the page.

use crate::wire::{context, decode, print, route, shown};
use countersign_dialects::{Decoded, Delivery, Reply, Response, dialect};
use countersign_engine::{
    call::{ApprovalCall, Call, Callers, DeviceCall, Presented, Shown},
    denied::{Denied, Problem, ProblemKind, Reason, Refusal, Unapproved},
    digest::Digest,
    id::{ApprovalId, ApproverId, AssetId, DeviceId, EnvironmentId, OrganizationId, SubjectId},
    model::{
        approval::{Approval, ApprovalState, Asked, Bound},
        asset::{Asset, AssetState},
        device::{Device, Link},
        held_key::{HeldKey, HeldPrivate},
        ticket::KeptCode,
    },
    outcome::{ApprovalOutcome, DeviceFacts, DeviceOutcome, News, Outcome, TypedIn},
    row::Key,
    sealed::Sealed,
    time::Timestamp,
};
use countersign_jose::{Algorithm, Jwk, VerifyingKey};
use std::sync::Arc;

const ID: &str = "ydQXMtvbsOsZyFir-Y7A8t7fKEM1gbKPvyFkdpu4fvI";

/// Signed by Node's crypto with the key of RFC 9421 appendix B.1.3.
const ENROLMENT: &str = r#"POST /phone/v1/devices HTTP/1.1
Content-Type: application/json
Content-Digest: sha-256=:KX8xTAPl09xYY4RhuK9sXaMXv8HTLOFFTLmgaY6lboU=:
Signature-Input: countersign=("@method" "@authority" "@request-target" "content-digest");created=1700000000;nonce="qzXh0Fw9m3N1pK2sVtYb7A";keyid="ydQXMtvbsOsZyFir-Y7A8t7fKEM1gbKPvyFkdpu4fvI";alg="ecdsa-p256-sha256"
Signature: countersign=:k0XxvE9Dl4JZwWqM5TkSXufA/mGeVvxGauXeLsEhvJkAT69VQQDwMkR/Ipki5eGZ+gHjebjtoMtbsbAHJ2bjzA==:

{"key":{"kty":"EC","crv":"P-256","x":"qIVYZVLCrPZHGHjP17CTW0_-D9Lfw0EkjqF7xB4FivA","y":"Mc4nN9LTDOBhfoUeg8Ye9WedFRhnZXZJA12Qp0zZ6F0"},"name":"Ada's phone","pin":"402311","pin_again":"402311"}"#;

const ANSWER: &str = r#"POST /phone/v1/requests/0123456789abcdef0123456789abcdef/answer HTTP/1.1
Content-Type: application/json
Content-Digest: sha-256=:WiC1BiFEyC2jZBa4W03JpX7cR487rfSYo18AKF/iyxM=:
Signature-Input: countersign=("@method" "@authority" "@request-target" "content-digest");created=1700000000;nonce="AAECAwQFBgcICQoLDA0ODw";keyid="ydQXMtvbsOsZyFir-Y7A8t7fKEM1gbKPvyFkdpu4fvI";alg="ecdsa-p256-sha256"
Signature: countersign=:RIF1+ay60+AT6n82/LB6jpn6o1W+STgQHLI3BwjVtm/CV1Fi8rUWokd6D+BNVFuL7h1Q7SBstkjnu4bC+Se0RQ==:

{"decision":"reject","statement":"{\"v\":1}","signature":"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBw"}"#;

/// The signature verifies with this key.
fn assert_signed(decoded: &Decoded, key: &Jwk) {
    let Presented::Present(Shown::DeviceSignature(signed)) = &decoded.presented else {
        panic!("{}", shown(decoded));
    };
    assert_eq!(signed.device, ID);
    let key = VerifyingKey::from_jwk(Algorithm::Es256, key).unwrap();
    key.verify(&signed.base, &signed.signature).unwrap();
}

fn key() -> Jwk {
    Jwk {
        kty: "EC".into(),
        crv: Some("P-256".into()),
        x: Some("qIVYZVLCrPZHGHjP17CTW0_-D9Lfw0EkjqF7xB4FivA".into()),
        y: Some("Mc4nN9LTDOBhfoUeg8Ye9WedFRhnZXZJA12Qp0zZ6F0".into()),
        ..Jwk::default()
    }
}

#[test]
fn a_device_enrols_with_the_key_that_it_signs_with() {
    let decoded = decode("phone.enrol", ENROLMENT.as_bytes());
    assert_signed(&decoded, &key());
    let Presented::Present(Shown::DeviceSignature(signed)) = &decoded.presented else {
        panic!("{}", shown(&decoded));
    };
    assert_eq!(signed.new_key.as_ref().unwrap().thumbprint(), ID);
    match decoded.call.unwrap() {
        Call::Device(DeviceCall::Enrol { name, pin }) => {
            assert_eq!(name, "Ada's phone");
            assert_eq!(pin.expose(), "402311");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_answer_is_read_whole() {
    let decoded = decode("phone.answer", ANSWER.as_bytes());
    assert_signed(&decoded, &key());
    match decoded.call.unwrap() {
        Call::Device(DeviceCall::Answer(answer)) => {
            assert_eq!(answer.approval.as_str(), "0123456789abcdef0123456789abcdef");
            assert!(!answer.approves && answer.pin.is_none());
            assert_eq!(answer.statement, r#"{"v":1}"#);
            assert_eq!(answer.signature, [7; 64]);
        }
        other => panic!("{other:?}"),
    }
}

/// What a route makes of a body, unsigned: who shows nothing is refused before this is looked at.
fn body(name: &str, path: &str, body: &str) -> Result<Call, Denied> {
    let text = format!("POST {path} HTTP/1.1\nContent-Type: application/json\n\n{body}");
    let decoded = decode(name, text.as_bytes());
    assert!(matches!(decoded.presented, Presented::Absent));
    decoded.call
}

fn wrong(called: Result<Call, Denied>) -> Vec<String> {
    match called {
        Err(Denied::Invalid(problems)) => problems
            .iter()
            .map(|Problem { field, kind }| match kind {
                ProblemKind::Expected(what) => format!("{field}: {what}"),
                other => format!("{field}: {other:?}"),
            })
            .collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_wrong_with_an_enrolment_is_told_member_by_member() {
    let enrol = |text: &str| wrong(body("phone.enrol", "/phone/v1/devices", text));
    assert_eq!(
        enrol(r#"{"name":7,"pin":"402311","pin_again":"402312","more":1}"#),
        [
            "key: Missing",
            "name: a text",
            "pin_again: the same as `pin`",
            "more: UnknownMember"
        ]
    );
    assert_eq!(enrol("[]"), ["body: an object"]);
    assert_eq!(enrol("{"), ["body: JSON"]);
}

#[test]
fn what_is_wrong_with_an_answer_is_told_member_by_member() {
    let path = "/phone/v1/requests/0123456789abcdef0123456789abcdef/answer";
    let answer = |text: &str| wrong(body("phone.answer", path, text));
    let signature = "B".repeat(84) + "Bw";
    assert_eq!(
        answer(&format!(
            r#"{{"decision":"approve","statement":"","signature":"{signature}"}}"#
        )),
        ["pin: Missing"]
    );
    assert_eq!(
        answer(r#"{"decision":"maybe","statement":1,"signature":"AA"}"#),
        [
            "decision: `approve` or `reject`",
            "statement: a text",
            "signature: 64 bytes in base64url"
        ]
    );
    let long = "4".repeat(49);
    assert_eq!(
        answer(&format!(
            r#"{{"decision":"approve","pin":"{long}","statement":"","signature":"{signature}"}}"#
        )),
        ["pin: TooLong { max: 48 }"]
    );
    let elsewhere = body("phone.answer", "/phone/v1/requests/a~b/answer", "{}");
    assert_eq!(
        elsewhere.unwrap_err(),
        Denied::NotFound { noun: "request" },
        "an identifier that cannot be one"
    );
}

#[test]
fn a_nonce_is_nine_digits_however_it_is_grouped() {
    let typed = |nonce: &str| {
        let text = format!(r#"{{"nonce":"{nonce}"}}"#);
        body("phone.type_in", "/phone/v1/identifications", &text)
    };
    for nonce in ["194197169", "194 197 169", " 1 9 4197169 "] {
        match typed(nonce).unwrap() {
            Call::Device(DeviceCall::TypeIn { nonce }) => assert_eq!(nonce, "194197169"),
            other => panic!("{other:?}"),
        }
    }
    for nonce in ["19419716", "1941971690", "19419716x", "１９４197169", ""] {
        assert_eq!(wrong(typed(nonce)), ["nonce: nine digits"], "{nonce}");
    }
}

#[test]
fn what_was_seen_is_a_number_or_nothing() {
    let asked = |query: &str| {
        let text = format!("GET /phone/v1/requests{query} HTTP/1.1\nX: y\n\n");
        decode("phone.requests", text.as_bytes()).call
    };
    for (query, expected) in [
        ("", None),
        ("?", None),
        ("?seen=0", Some(0)),
        ("?seen=7", Some(7)),
    ] {
        match asked(query).unwrap() {
            Call::Device(DeviceCall::Waiting { seen }) => assert_eq!(seen, expected, "{query}"),
            other => panic!("{other:?}"),
        }
    }
    for (query, problem) in [
        ("?seen=", "seen: a `version` of an earlier answer"),
        ("?seen=-1", "seen: a `version` of an earlier answer"),
        ("?seen=+1", "seen: a `version` of an earlier answer"),
        (
            "?seen=99999999999999999999",
            "seen: a `version` of an earlier answer",
        ),
        ("?seen=1&seen=2", "seen: Repeated"),
        ("?wait=1", "wait: UnknownMember"),
    ] {
        assert_eq!(wrong(asked(query)), [problem], "{query}");
    }
    let beside = decode(
        "phone.device",
        b"GET /phone/v1/device?x=1 HTTP/1.1\nX: y\n\n",
    );
    assert_eq!(wrong(beside.call), ["query: UnknownMember"]);
}

#[test]
fn only_about_and_the_page_are_for_everybody_and_two_routes_wait() {
    for route in dialect("phone").unwrap().routes {
        let callers = match route.name {
            "phone.page" | "phone.file" | "phone.about" => Callers::Anyone,
            "phone.enrol" => Callers::NewDevice,
            _ => Callers::Device,
        };
        assert_eq!(route.callers, callers, "{}", route.name);
        let delivery = match route.name {
            "phone.requests" => Delivery::LongPoll,
            "phone.events" => Delivery::Events,
            _ => Delivery::Once,
        };
        assert_eq!(route.delivery, delivery, "{}", route.name);
    }
}

fn held_key() -> HeldKey {
    HeldKey {
        public: vec![1],
        private: HeldPrivate::Sealed(Sealed(vec![2])),
    }
}

fn facts() -> DeviceFacts {
    let environment = EnvironmentId::parse("sandbox").unwrap();
    let asset = AssetId::parse("ce9b7947b4964751af345f58c3435d33").unwrap();
    let at = Timestamp::from_seconds(1_700_000_000);
    let device = Device {
        environment: environment.clone(),
        id: DeviceId::parse(ID).unwrap(),
        public_key: key(),
        name: "Ada's phone".into(),
        pin: KeptCode {
            pepper: Sealed::default(),
            mac: Digest::from_bytes([0; 32]),
        },
        wrong_pins: 2,
        locked_at: None,
        assets: Vec::new(),
        links: vec![
            Link::Subject(SubjectId::parse("1b4e28ba-2fa1-11d2-883f-0016d3cca427").unwrap()),
            Link::Approver(
                OrganizationId::parse("acme").unwrap(),
                ApproverId::parse("ada").unwrap(),
            ),
        ],
        waiting: Vec::new(),
        created_at: at,
        updated_at: at,
    };
    let own = Asset {
        environment,
        id: asset,
        provider: None,
        organization: None,
        device: device.id.clone(),
        sign: held_key(),
        decrypt: held_key(),
        authenticate: held_key(),
        state: AssetState::Active,
        created_at: at,
        updated_at: at,
    };
    let bank = Asset {
        state: AssetState::Locked,
        ..own.clone()
    };
    DeviceFacts {
        device,
        environment: "Sandbox".into(),
        assets: vec![(own, None), (bank, Some("Example Bank".into()))],
    }
}

fn request(expires_s: i64) -> Approval {
    let at = Timestamp::from_seconds(1_700_000_000);
    Approval {
        environment: EnvironmentId::parse("sandbox").unwrap(),
        id: ApprovalId::parse("0123456789abcdef0123456789abcdef").unwrap(),
        organization: None,
        asked: Asked::Countersignature(Bound {
            guard: "payouts".into(),
            client: None,
            subject: "ada".into(),
            method: "POST".into(),
            host: "api.example".into(),
            target: "/payouts?to=x".into(),
            content_digest: None,
        }),
        token: "0".repeat(32),
        otp: "1".repeat(32),
        record: r#"{"v":1}"#.into(),
        seats: Vec::new(),
        needed: 1,
        votes: Vec::new(),
        state: ApprovalState::Pending,
        signature: None,
        used: None,
        receipt: None,
        created_at: at,
        updated_at: at,
        expires_at: Timestamp::from_seconds(expires_s),
    }
}

fn encode(name: &str, outcome: Outcome) -> Response {
    (route(name).encode)(&Ok(outcome), &Reply::Plain, &context())
}

fn json(name: &str, outcome: DeviceOutcome, status: u16) -> String {
    let response = encode(name, Outcome::Device(outcome));
    assert_eq!(response.status(), status);
    assert_eq!(response.headers()["cache-control"], "no-store");
    String::from_utf8(response.body().to_vec()).unwrap()
}

#[test]
fn devices_are_told_of_themselves() {
    let expected = r#"{"id":"ydQXMtvbsOsZyFir-Y7A8t7fKEM1gbKPvyFkdpu4fvI","name":"Ada's phone","environment":"Sandbox","locked":false,"tries_left":3,"assets":[{"id":"ce9b7947b4964751af345f58c3435d33","provider":null,"state":"active"},{"id":"ce9b7947b4964751af345f58c3435d33","provider":"Example Bank","state":"locked"}],"links":[{"kind":"subject","id":"1b4e28ba-2fa1-11d2-883f-0016d3cca427"},{"kind":"approver","organization":"acme","id":"ada"}]}"#;
    for (name, status) in [("phone.device", 200), ("phone.enrol", 201)] {
        assert_eq!(json(name, DeviceOutcome::Device(facts()), status), expected);
    }
    let mut locked = facts();
    locked.device.locked_at = Some(Timestamp::from_seconds(1));
    let told = json("phone.device", DeviceOutcome::Device(locked), 200);
    assert!(told.contains(r#""locked":true,"tries_left":0"#), "{told}");
}

#[test]
fn devices_are_told_what_waits_and_what_came_of_it() {
    let id = DeviceId::parse(ID).unwrap();
    let waiting = || DeviceOutcome::Waiting {
        news: News {
            is_there: true,
            of: Key::Device(context().environment, id.clone()),
        },
        version: 7,
        requests: vec![Arc::new(request(1_700_000_300))],
    };
    let row = r#"{"id":"0123456789abcdef0123456789abcdef","state":"pending","record":"{\"v\":1}","expires_at":"2023-11-14T22:18:20.000000Z"}"#;
    for name in ["phone.requests", "phone.events"] {
        let told = json(name, waiting(), 200);
        assert_eq!(told, format!(r#"{{"version":7,"requests":[{row}]}}"#));
        assert!(!told.contains('\n'), "an event's data is one line");
    }
    let one = |expires_s| DeviceOutcome::Request(Box::new(request(expires_s)));
    assert_eq!(json("phone.request", one(1_700_000_300), 200), row);
    assert_eq!(json("phone.answer", one(1_700_000_300), 200), row);
    let late = json("phone.request", one(1_700_000_000), 200);
    assert!(
        late.contains(r#""state":"expired""#),
        "swept or not: {late}"
    );
}

#[test]
fn devices_are_told_whom_a_nonce_was_from_and_anybody_what_time_it_is() {
    let typed = DeviceOutcome::TypedIn(TypedIn {
        shown_by: "Example Bank".into(),
        purpose: "provider",
        asset: AssetId::parse("ce9b7947b4964751af345f58c3435d33").unwrap(),
    });
    assert_eq!(
        json("phone.type_in", typed, 200),
        r#"{"shown_by":"Example Bank","purpose":"provider","asset":"ce9b7947b4964751af345f58c3435d33"}"#
    );
    let about = ApprovalOutcome::About {
        environment: "Sandbox".into(),
    };
    let told = print(&encode("phone.about", Outcome::Approval(about)));
    assert!(
        told.ends_with(
            r#"{"protocol":1,"environment":"Sandbox","now":"2023-11-14T22:13:20.000000Z"}"#
        ),
        "{told}"
    );
}

fn refused(denied: Denied) -> (u16, serde_json::Value) {
    let refusal: Refusal = denied.into();
    let response = (route("phone.answer").encode)(&Err(refusal), &Reply::Plain, &context());
    let body = serde_json::from_slice(response.body()).unwrap();
    (response.status().as_u16(), body)
}

#[test]
fn a_wrong_pin_a_lock_and_lateness_have_their_own_words() {
    for (denied, status, word) in [
        (Denied::WrongPin { tries_left: 4 }, 403, "wrong-pin"),
        (Denied::WrongPin { tries_left: 0 }, 403, "wrong-pin"),
        (Denied::Forbidden(Reason::Locked), 403, "device-locked"),
        (Denied::Forbidden(Reason::Mismatch), 403, "forbidden"),
        (Denied::Conflict("answered"), 409, "conflict"),
        (
            Denied::Unapproved(Box::new(Unapproved::Expired)),
            410,
            "approval-expired",
        ),
    ] {
        let (told, body) = refused(denied.clone());
        assert_eq!(told, status, "{denied:?}");
        assert_eq!(body["status"], status);
        assert_eq!(body["type"], format!("urn:countersign:problem:{word}"));
        let tries = match denied {
            Denied::WrongPin { tries_left } => serde_json::Value::from(tries_left),
            _ => serde_json::Value::Null,
        };
        assert_eq!(body["tries_left"], tries, "{denied:?}");
    }
}

/// A file of the page, as a browser gets it.
fn page(path: &str, header: &str) -> Response {
    let name = match path {
        "/phone" => "phone.page",
        _ => "phone.file",
    };
    let text = format!("GET {path} HTTP/1.1\n{header}\n\n");
    let decoded = decode(name, text.as_bytes());
    assert!(matches!(decoded.presented, Presented::Absent));
    let result = match decoded.call {
        Ok(Call::Approval(ApprovalCall::About)) => Ok(Outcome::Approval(ApprovalOutcome::About {
            environment: "Sandbox".into(),
        })),
        Ok(other) => panic!("{other:?}"),
        Err(denied) => Err(denied.into()),
    };
    (route(name).encode)(&result, &decoded.reply, &context())
}

#[test]
fn the_pages_files_say_what_they_are_and_may_run_nothing_else() {
    for (path, media_type) in [
        ("/phone", "text/html; charset=utf-8"),
        ("/phone/style.css", "text/css; charset=utf-8"),
        ("/phone/app.js", "text/javascript; charset=utf-8"),
        ("/phone/worker.js", "text/javascript; charset=utf-8"),
        ("/phone/manifest.webmanifest", "application/manifest+json"),
        ("/phone/icon.svg", "image/svg+xml"),
        ("/phone/icon-192.png", "image/png"),
    ] {
        let answer = page(path, "Accept: */*");
        assert_eq!(answer.status(), 200, "{path}");
        let headers = answer.headers();
        assert_eq!(headers["content-type"], media_type, "{path}");
        assert_eq!(headers["cache-control"], "no-cache", "{path}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["referrer-policy"], "no-referrer", "{path}");
        assert!(headers.contains_key("permissions-policy"), "{path}");
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"));
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(
            !policy.contains("unsafe") && !policy.contains("http"),
            "{policy}"
        );
        assert_eq!(
            headers.contains_key("service-worker-allowed"),
            path == "/phone/worker.js",
            "{path}"
        );
    }
    let html = page("/phone", "Accept: text/html");
    let html = std::str::from_utf8(html.body()).unwrap();
    assert!(!html.contains("<script>") && !html.contains("style=") && !html.contains(" on"));
}

#[test]
fn every_file_that_the_page_names_is_served() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/phone/page");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        // The compiler's own: no browser asks for it.
        let is_served = !name.starts_with("tsconfig");
        let path = match name.as_str() {
            "index.html" => "/phone".to_owned(),
            _ => format!("/phone/{name}"),
        };
        let status = page(&path, "Accept: */*").status().as_u16();
        assert_eq!(status, if is_served { 200 } else { 404 }, "{name}");
    }
    assert_eq!(page("/phone/../phone.rs", "Accept: */*").status(), 404);
}

#[test]
fn a_browser_that_has_a_file_is_not_sent_it_again() {
    let first = page("/phone/app.js", "Accept: */*");
    let tag = first.headers()["etag"].to_str().unwrap().to_owned();
    for header in [
        format!("If-None-Match: {tag}"),
        format!("If-None-Match: \"other\", W/{tag}"),
    ] {
        let again = page("/phone/app.js", &header);
        assert_eq!(again.status(), 304, "{header}");
        assert!(again.body().is_empty());
        assert_eq!(again.headers()["etag"].to_str().unwrap(), tag);
    }
    let other = page("/phone/style.css", &format!("If-None-Match: {tag}"));
    assert_eq!(other.status(), 200);
}
