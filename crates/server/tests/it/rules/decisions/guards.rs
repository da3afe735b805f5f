//! Which guard decides, and about what.

use super::scene;
use crate::rules::world::*;
use countersign_engine::{
    decision::{Carrier, Judged},
    denied::{Denied, Malformed, Reason},
    model::guard::{Accept, Guard},
};

#[tokio::test]
async fn the_first_matching_guard_decides_by_host_path_and_method() {
    let world = World::new().await;
    let guard = |name: &str, paths: &[&str], methods: &[&str], hosts: &[&str], accept| Guard {
        name: name.into(),
        hosts: hosts.iter().map(|&host| host.into()).collect(),
        paths: paths.iter().map(|&path| path.into()).collect(),
        methods: methods.iter().map(|&method| method.into()).collect(),
        accept: vec![accept],
        profiles: vec![],
        audiences: vec![],
        scopes: scopes(""),
        origins: vec![],
        rate_limit: None,
        dialect: None,
        secrets_from_browsers: false,
        assertion: false,
        approval: None,
    };
    let guards = vec![
        guard("private", &["/site/private/*"], &[], &[], Accept::ApiKey),
        guard("read", &["/site/*"], &["GET"], &[], Accept::Anonymous),
        guard(
            "other-host",
            &["/*"],
            &[],
            &["other.example.com"],
            Accept::Anonymous,
        ),
    ];
    world.set_guards(SANDBOX, guards).await.unwrap();
    let unguarded = Err(Denied::Forbidden(Reason::Unguarded));
    let ambiguous = Err(Denied::MalformedCredential(Malformed::Request));
    for (method, host, target, expected) in [
        ("GET", "api.example.com", "/site/1?x=/../private", Ok(())),
        ("POST", "api.example.com", "/site/1", unguarded.clone()),
        ("get", "api.example.com", "/site/1", unguarded.clone()),
        (
            "GET",
            "api.example.com",
            "/site/private/1",
            Err(Denied::NoCredential),
        ),
        ("POST", "other.example.com", "/anything", Ok(())),
        (
            "GET",
            "api.example.com",
            "/site/%70rivate/1",
            Err(Denied::NoCredential),
        ),
        (
            "GET",
            "api.example.com",
            "/site//private/1",
            ambiguous.clone(),
        ),
        (
            "GET",
            "api.example.com",
            "/site/./private/1",
            ambiguous.clone(),
        ),
        (
            "GET",
            "api.example.com",
            "/site/x/../private/1",
            ambiguous.clone(),
        ),
        (
            "GET",
            "api.example.com",
            "/site/%2e%2e/x",
            ambiguous.clone(),
        ),
        (
            "GET",
            "api.example.com",
            "/site%2fprivate",
            ambiguous.clone(),
        ),
        ("GET", "api.example.com", "//evil/site/1", ambiguous.clone()),
        (
            "GET",
            "api.example.com",
            "http://evil/site/1",
            ambiguous.clone(),
        ),
        ("GET", "api.example.com", "*", ambiguous.clone()),
    ] {
        let judged = Judged {
            method,
            host,
            ..request(target)
        };
        assert_eq!(
            world.judge(SANDBOX, &judged).await,
            expected,
            "{method} {host} {target}"
        );
    }
}

#[tokio::test]
async fn a_fact_kept_for_one_guard_does_not_open_another() {
    let scene = scene().await;
    let token = scene.token("standard").await;
    for _ in 0..2 {
        assert_eq!(scene.world.ask(SANDBOX, "/tokens/1", &token).await, Ok(()));
        let lacking = Err(Denied::InsufficientScope {
            needed: scopes("admin"),
        });
        assert_eq!(scene.world.ask(SANDBOX, "/admin/1", &token).await, lacking);
    }
}

#[tokio::test]
async fn a_preflight_passes_from_the_guards_origins_only() {
    let scene = scene().await;
    let preflight = |origin, method| Judged {
        method: "OPTIONS",
        origin: Carrier::Present(origin),
        preflight_method: method,
        ..request("/tokens/1")
    };
    let get = Carrier::Present("GET");
    let judge = |judged| {
        let world = &scene.world;
        async move { world.judge(SANDBOX, &judged).await }
    };
    assert_eq!(
        judge(preflight("https://app.example.com", get)).await,
        Ok(())
    );
    let refused = Err(Denied::Forbidden(Reason::Origin));
    for origin in [
        "https://evil.example.com",
        "null",
        "https://app.example.com.evil.example",
        "http://app.example.com",
    ] {
        assert_eq!(judge(preflight(origin, get)).await, refused, "{origin}");
    }
    // Without the method that it asks for it is no preflight, and needs what every request needs.
    assert_eq!(
        judge(preflight("https://app.example.com", Carrier::Absent)).await,
        Err(Denied::NoCredential)
    );
}
