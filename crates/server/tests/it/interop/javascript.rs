//! `openid-client`, `oauth4webapi` and `jose`.

use super::{
    lived_and_ended, program,
    stage::{self, Stage},
};
use serde_json::{Value, json};

/// Both names of the metadata lead to the same document, with the endpoints that the client then used.
fn discovered(stage: &Stage, metadata: &Value) {
    let issuer = stage.facts["issuer"].as_str().unwrap();
    for name in ["openid", "oauth2"] {
        let document = &metadata[name];
        assert_eq!(document["issuer"], issuer, "{name}");
        let endpoint = format!("{issuer}/oauth2/token");
        assert_eq!(document["token_endpoint"], endpoint, "{name}");
        assert_eq!(document, &metadata["openid"]);
    }
}

fn lives(stage: &Stage, summary: &Value, ways: &[(&str, &str)]) {
    assert_eq!(summary["lives"].as_object().unwrap().len(), ways.len());
    for (way, client) in ways {
        let life = &summary["lives"][*way];
        lived_and_ended(way, life, &stage.facts[*client]["id"]);
        // Both libraries write it in lower case, whatever came.
        assert_eq!(life["token_type"], "bearer", "{way}");
    }
}

#[test]
fn openid_client_discovers_gets_uses_explains_and_ends_tokens() {
    let stage = Stage::new();
    let summary = program::node("openid_client", &stage.file());
    discovered(&stage, &summary["metadata"]);
    let ways = [
        ("client_secret_basic", "backend"),
        ("client_secret_basic, by RFC 8414", "backend"),
        ("client_secret_post", "backend"),
        ("private_key_jwt, RS256", "signer"),
        ("private_key_jwt, ES256", "signer"),
        ("client_secret_basic, of signs", "encoded"),
        ("client_secret_post, of signs", "encoded"),
    ];
    lives(&stage, &summary, &ways);
    let refused = json!({ "status": 401, "scheme": "basic", "error": "invalid_client" });
    assert_eq!(summary["wrong_secret"], refused);
    assert_eq!(summary["wrong_key"], refused);
}

#[test]
fn oauth4webapi_discovers_gets_uses_checks_and_ends_tokens() {
    let stage = Stage::new();
    let summary = program::node("oauth4webapi", &stage.file());
    discovered(&stage, &summary["metadata"]);
    let ways = [
        ("client_secret_basic", "backend"),
        ("client_secret_post", "backend"),
        ("private_key_jwt, RS256", "signer"),
        ("private_key_jwt, ES256", "signer"),
        ("client_secret_basic, of signs", "encoded"),
    ];
    lives(&stage, &summary, &ways);
    for (way, _) in ways {
        let challenge = &summary["lives"][way]["challenge"];
        assert_eq!(challenge["scheme"], "bearer", "{way}: {challenge}");
        assert_eq!(challenge["parameters"]["error"], "invalid_token", "{way}");
    }
    let (own, narrow) = (&summary["own"], &summary["narrow"]);
    assert_eq!(own["aud"], stage.facts["issuer"], "{own}");
    assert_eq!(own["scope"], "read write", "{own}");
    assert_eq!(narrow["aud"], "https://api.example/sites", "{narrow}");
    assert_eq!(narrow["scope"], "read", "{narrow}");
    assert_eq!(summary["misdirected"], "OperationProcessingError");
}

#[test]
fn jose_verifies_tokens_by_the_published_keys() {
    let mut stage = Stage::new();
    let ours = stage.tell_the_key_of_ayyeka();
    let summary = program::node("jose", &stage.file());

    let mut theirs: Vec<&str> = summary["thumbprints"]
        .as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap())
        .collect();
    theirs.sort_unstable();
    assert_eq!(
        theirs, ours,
        "every published key has the thumbprint that the admin API names"
    );

    let standard = &summary["standard"];
    let (header, claims) = (
        &standard["verified"]["header"],
        &standard["verified"]["claims"],
    );
    assert_eq!(header["typ"], "at+jwt", "{standard}");
    assert!(header["kid"].is_string(), "{standard}");
    assert_eq!(claims["client_id"], "backend", "{standard}");
    assert_eq!(
        standard["tampered"],
        "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"
    );
    for refused in ["misdirected", "foreign"] {
        assert_eq!(
            standard[refused], "ERR_JWT_CLAIM_VALIDATION_FAILED",
            "{refused}"
        );
    }
    assert!(standard["mistyped"].is_string(), "{standard}");

    let ayyeka = &summary["ayyeka"];
    let expected = json!({ "alg": "RS384", "typ": "JWT" });
    assert_eq!(ayyeka["verified"]["header"], expected, "{ayyeka}");
    let account = stage::ACCOUNT.to_string();
    assert_eq!(ayyeka["verified"]["claims"]["aud"], account);
    assert_eq!(ayyeka["tampered"], "ERR_JWS_SIGNATURE_VERIFICATION_FAILED");
}

#[test]
fn both_strict_clients_refuse_the_token_type_of_ayyeka_and_say_so() {
    let stage = Stage::new();
    let summary = program::node("ayyeka", &stage.file());
    for client in ["openid-client", "oauth4webapi"] {
        let refusal = &summary[client];
        assert_eq!(
            refusal["said"], "unsupported `token_type` value",
            "{summary}"
        );
        let answer = json!(["access_token", "token_type", "expires_in"]);
        assert_eq!(refusal["body"], answer, "{client}");
    }
    assert_eq!(summary["openid-client, encoded"], 401);
    // It writes the type in lower case; on the wire it is as the vendor prints it.
    assert_eq!(summary["oauth4webapi, told"], json!({ "taken": "jwt" }));
}
