//! `authlib`, `requests-oauthlib` and PyJWT.

use super::{
    lived_and_ended, program,
    stage::{self, Stage},
};
use serde_json::json;

#[test]
fn authlib_gets_uses_explains_and_ends_tokens_in_three_ways() {
    let stage = Stage::new();
    let summary = program::python("authlib_standard", &stage.file());
    for (way, client) in [
        ("client_secret_basic", "backend"),
        ("client_secret_post", "backend"),
        ("client_secret_basic, async", "backend"),
        ("client_secret_post, async", "backend"),
        ("private_key_jwt", "signer"),
        ("post_of_signs", "encoded"),
    ] {
        let life = &summary[way];
        lived_and_ended(way, life, &stage.facts[client]["id"]);
        assert_eq!(life["token_type"], "Bearer", "{way}");
        assert_eq!(life["revoked"], 200, "{way}");
        let challenge = life["challenge"].as_str().unwrap();
        assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
    }
    for refused in [
        "wrong_secret",
        "basic_of_signs",
        "assertion_for_the_endpoint",
        "assertion_twice",
    ] {
        assert_eq!(summary[refused], "invalid_client", "{refused}");
    }
}

#[test]
fn requests_oauthlib_gets_uses_and_ends_tokens_in_two_ways() {
    let stage = Stage::new();
    let summary = program::python("requests_oauthlib_standard", &stage.file());
    for (way, client) in [
        ("client_secret_basic", "backend"),
        ("client_secret_post", "backend"),
        ("post_of_signs", "encoded"),
    ] {
        lived_and_ended(way, &summary[way], &stage.facts[client]["id"]);
        assert_eq!(summary[way]["token_type"], "Bearer", "{way}");
        assert_eq!(summary[way]["revoked"], 200, "{way}");
    }
    for refused in ["wrong_secret", "basic_of_signs"] {
        assert_eq!(summary[refused], "invalid_client", "{refused}");
    }
}

#[test]
fn both_python_clients_get_use_and_lose_tokens_of_ayyeka() {
    let stage = Stage::new();
    let summary = program::python("ayyeka", &stage.file());
    for (way, unknown_type) in [
        ("authlib", "UnsupportedTokenTypeError"),
        ("authlib, in the form", "UnsupportedTokenTypeError"),
        ("requests-oauthlib", "ValueError"),
        ("requests-oauthlib, in the form", "ValueError"),
    ] {
        let life = &summary[way];
        assert_eq!(life["token_type"], "JWT", "{way}: {life}");
        assert_eq!(life["expires_in"], 3600, "{way}");
        assert_eq!(life["unchanged"], unknown_type, "{way}");
        assert_eq!(life["passed"], 200, "{way}: {life}");
        assert_eq!(life["identity"]["client"], stage.facts["ayyeka"]["id"]);
        assert_eq!(life["revoked"], 200, "{way}");
        assert_eq!(life["refused"], 401, "{way}");
        assert_eq!(life["envelope"], json!(["message", "request_id"]), "{way}");
    }
}

#[test]
fn pyjwt_verifies_tokens_by_the_published_keys() {
    let mut stage = Stage::new();
    stage.tell_the_key_of_ayyeka();
    let summary = program::python("pyjwt", &stage.file());

    let standard = &summary["standard"];
    assert_eq!(standard["header"]["typ"], "at+jwt", "{standard}");
    assert_eq!(standard["claims"]["iss"], stage.facts["issuer"]);
    assert_eq!(standard["claims"]["client_id"], "backend");
    assert_eq!(standard["tampered"], "InvalidSignatureError");
    assert_eq!(standard["audience"], "InvalidAudienceError");
    assert_eq!(standard["key"], "InvalidSignatureError");

    let ayyeka = &summary["ayyeka"];
    assert_eq!(ayyeka["keys"], 1, "one key has the thumbprint: {ayyeka}");
    assert_eq!(ayyeka["header"], json!({ "alg": "RS384", "typ": "JWT" }));
    assert_eq!(ayyeka["claims"]["iss"], "Cloud", "{ayyeka}");
    assert_eq!(ayyeka["claims"]["aud"], stage::ACCOUNT.to_string());
    assert_eq!(ayyeka["tampered"], "InvalidSignatureError");
}
