use super::*;
use countersign_jose::{Algorithm, VerifyingKey};
use http::{HeaderValue, Method};

/// The key of RFC 9421 appendix B.1.3, and its thumbprint.
const X: &str = "qIVYZVLCrPZHGHjP17CTW0_-D9Lfw0EkjqF7xB4FivA";
const Y: &str = "Mc4nN9LTDOBhfoUeg8Ye9WedFRhnZXZJA12Qp0zZ6F0";
const ID: &str = "ydQXMtvbsOsZyFir-Y7A8t7fKEM1gbKPvyFkdpu4fvI";

const DIGEST: &str = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";
const INPUT: &str = r#"countersign=("@method" "@authority" "@request-target" "content-digest");created=1700000000;nonce="AAECAwQFBgcICQoLDA0ODw";keyid="ydQXMtvbsOsZyFir-Y7A8t7fKEM1gbKPvyFkdpu4fvI";alg="ecdsa-p256-sha256""#;
/// Made by Node's crypto, not by us.
const SIGNED: &str = "countersign=:i7DHaEjI2TmikUPIgibHZT4fV8QqmXcp45AjgKbiEdH/0jvBolDHn/XPKyHUp2vhUPhlM04wkDVNY3H/OZnYtA==:";

fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in list {
        let value = HeaderValue::from_str(value).unwrap();
        headers.append(HeaderName::from_static(name), value);
    }
    headers
}

fn shown(headers: &HeaderMap, host: &str, body: &[u8]) -> Presented {
    let request = Request {
        method: &Method::GET,
        host,
        path: "/phone/v1/requests",
        parameters: &[],
        query: Some("seen=7"),
        headers,
        body,
    };
    presented(&request, None)
}

fn whole() -> [(&'static str, &'static str); 3] {
    [
        ("content-digest", DIGEST),
        ("signature-input", INPUT),
        ("signature", SIGNED),
    ]
}

fn malformed(list: &[(&'static str, &str)], body: &[u8]) -> Malformed {
    match shown(&headers(list), "restapi.ayyeka.com", body) {
        Presented::Malformed(how) => how,
        other => panic!("{list:?}: {other:?}"),
    }
}

#[test]
fn the_one_form_is_read_and_its_base_is_the_rfcs() {
    let Presented::Present(Shown::DeviceSignature(signed)) =
        shown(&headers(&whole()), "restapi.ayyeka.com", b"")
    else {
        panic!("it shows a signature");
    };
    let base = format!(
        "\"@method\": GET\n\"@authority\": restapi.ayyeka.com\n\"@request-target\": /phone/v1/requests?seen=7\n\
         \"content-digest\": {DIGEST}\n\"@signature-params\": {}",
        INPUT.strip_prefix("countersign=").unwrap()
    );
    assert_eq!(std::str::from_utf8(&signed.base).unwrap(), base);
    assert_eq!(signed.device, ID);
    assert_eq!(signed.created_s, 1_700_000_000);
    assert_eq!(signed.nonce, "AAECAwQFBgcICQoLDA0ODw");
    let jwk = Jwk {
        kty: "EC".into(),
        crv: Some("P-256".into()),
        x: Some(X.into()),
        y: Some(Y.into()),
        ..Jwk::default()
    };
    assert_eq!(jwk.thumbprint(), ID);
    let key = VerifyingKey::from_jwk(Algorithm::Es256, &jwk).unwrap();
    key.verify(&signed.base, &signed.signature).unwrap();
}

#[test]
fn a_default_port_is_no_part_of_the_authority() {
    for (host, authority) in [
        ("phone.example", "phone.example"),
        ("phone.example:443", "phone.example"),
        ("phone.example:80", "phone.example"),
        ("phone.example:8443", "phone.example:8443"),
        ("phone.example:4430", "phone.example:4430"),
        ("[::1]:443", "[::1]"),
        ("127.0.0.1:18081", "127.0.0.1:18081"),
    ] {
        let Presented::Present(Shown::DeviceSignature(signed)) =
            shown(&headers(&whole()), host, b"")
        else {
            panic!("it shows a signature");
        };
        let line = format!("\n\"@authority\": {authority}\n");
        let base = String::from_utf8(signed.base).unwrap();
        assert!(base.contains(&line), "{host}: {base}");
    }
}

#[test]
fn who_signs_nothing_shows_nothing() {
    let none = shown(&headers(&[]), "localhost", b"");
    assert!(matches!(none, Presented::Absent));
    // A digest alone is no credential: any client may send one.
    let digest = shown(&headers(&[("content-digest", DIGEST)]), "localhost", b"");
    assert!(matches!(digest, Presented::Absent));
    let bearer = [("authorization", "Bearer cs_key_test_x")];
    assert_eq!(malformed(&bearer, b""), Malformed::Form);
}

#[test]
fn another_body_is_not_the_signed_one() {
    assert_eq!(malformed(&whole(), b"{}"), Malformed::Form);
}

#[test]
fn what_stands_twice_or_beside_is_refused() {
    for name in 0..3 {
        let mut list = whole().to_vec();
        list.push(whole()[name]);
        assert_eq!(malformed(&list, b""), Malformed::Repeated, "{list:?}");
        let mut list = whole().to_vec();
        list.remove(name);
        assert_eq!(malformed(&list, b""), Malformed::Form, "{list:?}");
    }
    let mut list = whole().to_vec();
    list.push(("authorization", "Basic YTpi"));
    assert_eq!(malformed(&list, b""), Malformed::Two);
}

#[test]
fn no_other_form_of_the_parameters_is_taken() {
    let other = |from: &str, to: &str| {
        assert!(INPUT.contains(from), "{from}");
        INPUT.replacen(from, to, 1)
    };
    let inputs = [
        // Another label, fewer, more or other components, another order.
        other("countersign=", "sig1="),
        other(" \"@request-target\"", ""),
        other("\"@request-target\"", "\"@path\""),
        other("\"@method\" \"@authority\"", "\"@authority\" \"@method\""),
        other("\"content-digest\"", "\"content-digest\" \"date\""),
        other("\"content-digest\"", "\"content-digest\";req"),
        // Parameters that lack, are more, or stand elsewhere.
        other(";created=1700000000", ""),
        other(
            ";created=1700000000",
            ";expires=1700000060;created=1700000000",
        ),
        other(";alg=\"ecdsa-p256-sha256\"", ""),
        format!("{INPUT};tag=\"x\""),
        format!("{INPUT}, sig1=()"),
        // Another algorithm, spelling or length.
        other("ecdsa-p256-sha256", "hmac-sha256"),
        other("ecdsa-p256-sha256", "ECDSA-P256-SHA256"),
        other("created=1700000000", "created=+1700000000"),
        other("created=1700000000", "created=01700000000"),
        other("created=1700000000", "created=1700000000.0"),
        other("created=1700000000", "created="),
        other("created=1700000000", "created=-1"),
        other("created=1700000000", "created=9999999999999"),
        other("AAECAwQFBgcICQoLDA0ODw", "AAECAwQFBgcICQoLDA0OD"),
        other("AAECAwQFBgcICQoLDA0ODw", "AAECAwQFBgcICQoLDA0OD="),
        other("AAECAwQFBgcICQoLDA0ODw", ""),
        other(ID, "ada"),
        other(ID, &format!("{ID}A")),
        other("\" \"@authority", "\"  \"@authority"),
        other(";nonce", "; nonce"),
    ];
    for input in inputs {
        let list = [
            ("content-digest", DIGEST),
            ("signature-input", input.as_str()),
            ("signature", SIGNED),
        ];
        assert_eq!(malformed(&list, b""), Malformed::Form, "{input}");
    }
}

#[test]
fn no_other_form_of_the_signature_or_digest_is_taken() {
    let short = format!("countersign=:{}:", BASE64.encode(&[7; 63]));
    let long = format!("countersign=:{}:", BASE64.encode(&[7; 65]));
    let der = format!("countersign=:{}:", BASE64.encode(&[0x30; 70]));
    let url_safe = SIGNED.replace('/', "_");
    let renamed = SIGNED.replace("countersign", "sig1");
    let bare = SIGNED.replace(':', "");
    let two = format!("{SIGNED}, sig1=:AA==:");
    let unpadded = SIGNED.replace("==", "");
    for signature in [
        &short, &long, &der, &url_safe, &renamed, &bare, &two, &unpadded,
    ] {
        let list = [
            ("content-digest", DIGEST),
            ("signature-input", INPUT),
            ("signature", signature.as_str()),
        ];
        assert_eq!(malformed(&list, b""), Malformed::Form, "{signature}");
    }
    let two = format!("{DIGEST}, {DIGEST}");
    let other = DIGEST.replace("sha-256", "sha-512");
    let upper = DIGEST.replace("sha-256", "SHA-256");
    for digest in [two, other, upper, String::new()] {
        let list = [
            ("content-digest", digest.as_str()),
            ("signature-input", INPUT),
            ("signature", SIGNED),
        ];
        assert_eq!(malformed(&list, b""), Malformed::Form, "{digest}");
    }
}
