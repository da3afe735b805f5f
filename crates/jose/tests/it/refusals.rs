//! Tokens that attackers send, each refused for its own reason. Every one is signed with the
//! right key where that is possible, so that nothing else can be why.

use aws_lc_rs::hmac;
use countersign_jose::{
    Algorithm, Compact, HeaderError, Limits, Malformed, Part, StrictJsonError, VerifyError,
    VerifyingKey, base64url_encode,
};

use crate::support::{key, signed};

const CLAIMS: &[u8] = br#"{"iss":"a"}"#;

fn parse(token: &str) -> Result<Compact<'_>, Malformed> {
    Compact::parse(token, &Limits::default())
}

fn with_header(header: &str) -> String {
    signed(key(Algorithm::EdDsa), header.as_bytes(), CLAIMS)
}

#[test]
fn headers_are_refused_for_what_they_say() {
    use HeaderError as H;
    let cases = [
        // Criticality: unknown, empty, not an array, naming an absent member, detached payloads.
        (r#"{"alg":"EdDSA","crit":["x"],"x":1}"#, H::Critical),
        (r#"{"alg":"EdDSA","crit":["x"]}"#, H::Critical),
        (r#"{"alg":"EdDSA","crit":[]}"#, H::Critical),
        (r#"{"alg":"EdDSA","crit":"x"}"#, H::Critical),
        (r#"{"alg":"EdDSA","crit":null}"#, H::Critical),
        (r#"{"alg":"EdDSA","crit":["b64"],"b64":false}"#, H::Critical),
        (r#"{"alg":"EdDSA","b64":false}"#, H::Critical),
        (r#"{"alg":"EdDSA","b64":true}"#, H::Critical),
        // Compression and encryption.
        (r#"{"alg":"EdDSA","zip":"DEF"}"#, H::Encrypted),
        (r#"{"alg":"EdDSA","zip":null}"#, H::Encrypted),
        (r#"{"alg":"EdDSA","enc":"A256GCM"}"#, H::Encrypted),
        (r#"{"alg":"EdDSA","epk":{}}"#, H::Encrypted),
        // Keys that come with the token.
        (r#"{"alg":"EdDSA","jwk":{"kty":"OKP"}}"#, H::EmbeddedKey),
        (r#"{"alg":"EdDSA","jwk":null}"#, H::EmbeddedKey),
        (
            r#"{"alg":"EdDSA","jku":"https://a.example"}"#,
            H::EmbeddedKey,
        ),
        (
            r#"{"alg":"EdDSA","x5u":"https://a.example"}"#,
            H::EmbeddedKey,
        ),
        (r#"{"alg":"EdDSA","x5c":["AA"]}"#, H::EmbeddedKey),
        // No signature.
        (r#"{"alg":"none"}"#, H::Unsigned),
        (r#"{"alg":"None"}"#, H::Unsigned),
        (r#"{"alg":"nOnE"}"#, H::Unsigned),
        (r#"{"alg":" NONE "}"#, H::Unsigned),
        (r#"{"alg":""}"#, H::NoAlgorithm),
        (r#"{"typ":"JWT"}"#, H::NoAlgorithm),
        ("{}", H::NoAlgorithm),
        // Types.
        (r#"{"alg":null}"#, H::NotAString("alg")),
        (r#"{"alg":["EdDSA"]}"#, H::NotAString("alg")),
        (r#"{"alg":"EdDSA","typ":1}"#, H::NotAString("typ")),
        (r#"{"alg":"EdDSA","typ":null}"#, H::NotAString("typ")),
        (r#"{"alg":"EdDSA","cty":{}}"#, H::NotAString("cty")),
        (r#"{"alg":"EdDSA","kid":7}"#, H::NotAString("kid")),
        (r#"{"alg":"EdDSA","kid":null}"#, H::NotAString("kid")),
        (r#"{"alg":"EdDSA","kid":["a"]}"#, H::NotAString("kid")),
        (r#"{"alg":"EdDSA","x5t":1}"#, H::NotAString("x5t")),
        ("[]", H::NotAnObject),
        ("\"EdDSA\"", H::NotAnObject),
        ("null", H::NotAnObject),
    ];
    for (header, reason) in cases {
        assert_eq!(
            parse(&with_header(header)).unwrap_err(),
            Malformed::Header(reason),
            "{header}"
        );
    }
}

#[test]
fn headers_are_refused_for_how_they_say_it() {
    use StrictJsonError as J;
    let deep = format!(
        r#"{{"alg":"EdDSA","a":{}{}}}"#,
        "[".repeat(8),
        "]".repeat(8)
    );
    let long = format!(r#"{{"alg":"EdDSA","a":[{}0]}}"#, "0,".repeat(64));
    let cases = [
        (r#"{"alg":"EdDSA","alg":"EdDSA"}"#, J::DuplicateMember),
        (r#"{"alg":"none","alg":"EdDSA"}"#, J::DuplicateMember),
        (r#"{"alg":"EdDSA","\u0061lg":"none"}"#, J::DuplicateMember),
        ("\u{feff}{\"alg\":\"EdDSA\"}", J::ByteOrderMark),
        (r#"{"alg":"EdDSA","kid":"\u0000"}"#, J::Nul),
        (r#"{"alg":"EdDSA","kid":"\ud800"}"#, J::Syntax),
        (r#"{"alg":"EdDSA"}{}"#, J::TrailingBytes),
        (r#"{"alg":"EdDSA",}"#, J::Syntax),
        (&deep, J::TooDeep),
        (&long, J::ArrayTooLong),
    ];
    for (header, reason) in cases {
        assert_eq!(
            parse(&with_header(header)).unwrap_err(),
            Malformed::HeaderJson(reason),
            "{header}"
        );
    }
    let not_utf8 = signed(
        key(Algorithm::EdDsa),
        b"{\"alg\":\"EdDSA\",\"k\":\"\xff\"}",
        CLAIMS,
    );
    assert_eq!(
        parse(&not_utf8).unwrap_err(),
        Malformed::HeaderJson(J::NotUtf8)
    );
}

#[test]
fn texts_of_another_shape_are_refused() {
    let good = with_header(r#"{"alg":"EdDSA"}"#);
    let parts: Vec<&str> = good.split('.').collect();
    let [h, p, s] = [parts[0], parts[1], parts[2]];
    let cases = [
        (String::new(), Malformed::Parts),
        (".".to_owned(), Malformed::Parts),
        ("..".to_owned(), Malformed::Empty(Part::Header)),
        (format!("{h}.{p}"), Malformed::Parts),
        (format!("{h}.{p}.{s}."), Malformed::Parts),
        (format!(".{h}.{p}.{s}"), Malformed::Parts),
        (format!("{h}.{p}.{s}.{s}.{s}"), Malformed::Encrypted),
        ("....".to_owned(), Malformed::Encrypted),
        (".".repeat(5), Malformed::Parts),
        (format!(".{p}.{s}"), Malformed::Empty(Part::Header)),
        (format!("{h}..{s}"), Malformed::Empty(Part::Payload)),
        (format!("{h}.{p}."), Malformed::Empty(Part::Signature)),
        (format!(" {good}"), Malformed::Base64(Part::Header)),
        (format!("{good} "), Malformed::Base64(Part::Signature)),
        (format!("{good}\n"), Malformed::Base64(Part::Signature)),
        (format!("{h}=.{p}.{s}"), Malformed::Base64(Part::Header)),
        (format!("{h}.{p}=.{s}"), Malformed::Base64(Part::Payload)),
        (format!("{h}.{p}.{s}=="), Malformed::Base64(Part::Signature)),
        (
            format!("{h}.{p}\u{0}.{s}"),
            Malformed::Base64(Part::Payload),
        ),
        (format!("{h}.é.{s}"), Malformed::Base64(Part::Payload)),
        (format!("{h}.{p}.+/{s}"), Malformed::Base64(Part::Signature)),
    ];
    for (token, reason) in cases {
        assert_eq!(parse(&token).unwrap_err(), reason, "{token}");
    }
    assert!(parse(&good).is_ok());
}

#[test]
fn long_tokens_cost_nothing() {
    // CVE-2025-30204, CVE-2025-27144: splitting at every dot.
    let dots = ".".repeat(1024 * 1024);
    assert_eq!(parse(&dots).unwrap_err(), Malformed::TooLong);
    let roomy = Limits {
        token_bytes_max: 2 * 1024 * 1024,
        ..Limits::default()
    };
    assert_eq!(Compact::parse(&dots, &roomy).unwrap_err(), Malformed::Parts);
    let token = with_header(r#"{"alg":"EdDSA"}"#);
    let exact = |token_bytes_max| Limits {
        token_bytes_max,
        ..Limits::default()
    };
    assert!(Compact::parse(&token, &exact(token.len())).is_ok());
    assert_eq!(
        Compact::parse(&token, &exact(token.len() - 1)).unwrap_err(),
        Malformed::TooLong
    );
}

#[test]
fn long_headers_are_refused() {
    let header =
        |kid_bytes: usize| format!(r#"{{"alg":"EdDSA","kid":"{}"}}"#, "k".repeat(kid_bytes));
    let room = 2048 - header(0).len();
    assert!(parse(&with_header(&header(room))).is_ok());
    assert_eq!(
        parse(&with_header(&header(room + 1))).unwrap_err(),
        Malformed::HeaderTooLong
    );
    assert_eq!(
        parse(&with_header(&header(4096))).unwrap_err(),
        Malformed::HeaderTooLong
    );
}

/// CVE-2026-11800 and its kind: the partner is registered with RS512.
#[test]
fn the_algorithm_is_never_the_tokens_to_choose() {
    let registered = key(Algorithm::Rs512).verifying_key().unwrap();
    let jwk = registered.to_jwk().unwrap();
    let pem = registered.to_pem().unwrap();
    let modulus = countersign_jose::base64url_decode(jwk.n.as_deref().unwrap()).unwrap();
    let mut public_bytes: Vec<Vec<u8>> = vec![
        pem.clone().into_bytes(),
        pem.trim().as_bytes().to_vec(),
        pem.replace('\n', "\r\n").into_bytes(),
        registered.to_spki_der().unwrap(),
        serde_json::to_vec(&jwk).unwrap(),
        modulus,
    ];
    public_bytes.push(jwk.n.clone().unwrap().into_bytes());
    public_bytes.push(Vec::new());
    for (alg, hash) in [
        ("HS256", hmac::HMAC_SHA256),
        ("HS384", hmac::HMAC_SHA384),
        ("HS512", hmac::HMAC_SHA512),
        // The same confusion under the registered name.
        ("RS512", hmac::HMAC_SHA512),
    ] {
        for secret in &public_bytes {
            let input = format!(
                "{}.{}",
                base64url_encode(format!(r#"{{"alg":"{alg}"}}"#).as_bytes()),
                base64url_encode(CLAIMS)
            );
            let tag = hmac::sign(&hmac::Key::new(hash, secret), input.as_bytes());
            let token = format!("{input}.{}", base64url_encode(tag.as_ref()));
            let refused = parse(&token).unwrap().verify(&registered).unwrap_err();
            if alg == "RS512" {
                assert!(matches!(refused, VerifyError::Signature(_)));
            } else {
                assert_eq!(refused, VerifyError::Algorithm);
            }
        }
    }
    // Rightly signed with the same pair, under every other name.
    for alg in [
        "RS256", "RS384", "PS256", "PS512", "ES256", "rs512", "RS512 ",
    ] {
        let by = Algorithm::from_name(alg).map_or(key(Algorithm::Rs512), key);
        let header = format!(r#"{{"alg":"{alg}"}}"#);
        let token = signed(by, header.as_bytes(), CLAIMS);
        assert_eq!(
            parse(&token).unwrap().verify(&registered).unwrap_err(),
            VerifyError::Algorithm,
            "{alg}"
        );
    }
    let token = signed(key(Algorithm::Rs512), br#"{"alg":"RS512"}"#, CLAIMS);
    assert!(parse(&token).unwrap().verify(&registered).is_ok());
}

#[test]
fn each_algorithm_verifies_only_its_own_tokens() {
    for signs in Algorithm::ALL {
        let header = format!(r#"{{"alg":"{signs}"}}"#);
        let token = signed(key(signs), header.as_bytes(), CLAIMS);
        for verifies in Algorithm::ALL {
            let key = key(verifies).verifying_key().unwrap();
            assert_eq!(
                parse(&token).unwrap().verify(&key).is_ok(),
                signs == verifies,
                "{signs} by {verifies}"
            );
        }
    }
}

#[test]
fn ps256_demands_a_salt_as_long_as_the_hash_and_pkcs1_is_no_pss() {
    let pss = key(Algorithm::Ps256).verifying_key().unwrap();
    let pkcs1 = key(Algorithm::Rs256).verifying_key().unwrap();
    let signature = key(Algorithm::Rs256).sign(b"m").unwrap();
    assert!(pss.verify(b"m", &signature).is_err());
    let signature = key(Algorithm::Ps256).sign(b"m").unwrap();
    assert!(pkcs1.verify(b"m", &signature).is_err());
}

/// CVE-2022-21449 and its kind.
#[test]
fn degenerate_signatures_are_refused() {
    for algorithm in Algorithm::ALL {
        let key: VerifyingKey = key(algorithm).verifying_key().unwrap();
        for len in [0, 1, 31, 32, 63, 64, 65, 255, 256, 257, 512] {
            for byte in [0, 1, 0xff] {
                assert!(
                    key.verify(b"message", &vec![byte; len]).is_err(),
                    "{algorithm} {len} {byte}"
                );
            }
        }
    }
}

#[test]
fn an_embedded_jwk_is_let_through_only_when_asked_for() {
    let jwk = key(Algorithm::EdDsa).verifying_key().unwrap().to_jwk();
    let header = format!(
        r#"{{"alg":"EdDSA","typ":"dpop+jwt","jwk":{}}}"#,
        serde_json::to_string(&jwk).unwrap()
    );
    let token = with_header(&header);
    assert_eq!(
        parse(&token).unwrap_err(),
        Malformed::Header(HeaderError::EmbeddedKey)
    );
    let parsed = Compact::parse_with_embedded_jwk(&token, &Limits::default()).unwrap();
    assert!(parsed.header().get("jwk").is_some());
    for other in ["jku", "x5u", "x5c", "crit"] {
        let header = format!(r#"{{"alg":"EdDSA","jwk":{{}},"{other}":"a"}}"#);
        assert!(
            Compact::parse_with_embedded_jwk(&with_header(&header), &Limits::default()).is_err()
        );
    }
}

#[test]
fn a_header_is_read_as_written() {
    let kid = "../../etc/passwd' OR 1=1 --";
    let header = format!(r#"{{"kid":"{kid}", "alg":"EdDSA","typ":"application/AT+JWT","x":[1]}}"#);
    let token = with_header(&header);
    let parsed = parse(&token).unwrap();
    assert_eq!(parsed.header_bytes(), header.as_bytes());
    assert_eq!(parsed.header_encoded(), base64url_encode(header.as_bytes()));
    assert_eq!(parsed.header().alg, "EdDSA");
    assert_eq!(parsed.header().kid.as_deref(), Some(kid));
    assert!(parsed.header().is_type("at+jwt"));
    assert!(!parsed.header().is_type("JWT"));
    assert!(parsed.header().get("x").is_some());
    assert_eq!(parsed.unverified_claim_str("iss").as_deref(), Some("a"));
    assert_eq!(parsed.unverified_claim_str("sub"), None);
    let untyped = with_header(r#"{"alg":"EdDSA"}"#);
    assert!(!parse(&untyped).unwrap().header().is_type(""));
}
