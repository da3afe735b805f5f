//! With Countersign stopped or hanging nothing passes, and callers are told so within 2.5 s.

use super::{Ask, Kind, Proxy, SampleApi, Stage, countersign::SANDBOX};
use std::time::Duration;

/// What is promised of every sample. It is the caller's time-out here, not a measure of speed: an answer
/// that took longer would be no answer.
const PROMISED: Duration = Duration::from_millis(2500);

#[test]
fn nginx_denies_when_countersign_is_stopped_or_hangs() {
    tell(Stage::new(Kind::Nginx));
}

#[test]
fn caddy_denies_when_countersign_is_stopped_or_hangs() {
    tell(Stage::new(Kind::Caddy));
}

#[test]
fn haproxy_denies_when_countersign_is_stopped_or_hangs() {
    tell(Stage::new(Kind::Haproxy));
}

fn tell(mut stage: Stage) {
    let ask = Ask::get("/v2.0/site", SANDBOX).bearer(&stage.cast.key);
    stage.passes(&ask);

    stage.countersign.child.suspend();
    denied(&stage, &ask);
    denied(&stage, &Ask::get("/open", SANDBOX));
    stage.countersign.child.resume();
    stage.passes(&ask);

    stage.countersign.child.kill();
    denied(&stage, &ask);
    denied(&stage, &Ask::get("/open", SANDBOX));
}

/// A server that answers everything with a plain 200 stands where Countersign should.
#[test]
fn what_is_not_countersign_lets_nothing_pass() {
    for kind in [Kind::Nginx, Kind::Caddy, Kind::Haproxy] {
        let (impostor, api) = (SampleApi::start(), SampleApi::start());
        let proxy = Proxy::start(kind, impostor.address, api.address);
        let ask = Ask::get("/open", SANDBOX);
        let answer = ask.send(proxy.address);
        assert!(answer.status >= 500, "{kind:?}: {answer:?}");
        assert_eq!(impostor.take().len(), 1, "{kind:?}");
        assert!(api.take().is_empty(), "{kind:?}");
    }
}

/// HAProxy goes on with a request when its Lua fails.
#[test]
fn haproxy_lets_nothing_pass_when_lua_fails() {
    let api = SampleApi::start();
    let lua =
        "core.register_action('countersign', { 'http-req' }, function() error('broken') end, 0)";
    let proxy = Proxy::start_haproxy_with(lua, api.address);
    let answer = Ask::get("/open", SANDBOX).send(proxy.address);
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(api.take().is_empty());
}

fn denied(stage: &Stage, ask: &Ask) {
    let kind = stage.proxy.kind;
    let answer = ask
        .send_within(stage.proxy.address, PROMISED)
        .unwrap_or_else(|error| panic!("{kind:?}: no answer in time: {error}"));
    assert_eq!(answer.status, 503, "{kind:?}: {answer:?}");
    assert_eq!(answer.values("Retry-After"), ["1"], "{kind:?}: {answer:?}");
    assert_eq!(answer.values("Cache-Control"), ["no-store"], "{kind:?}");
    assert!(answer.json()["error"].is_string(), "{kind:?}: {answer:?}");
    assert!(stage.api.take().is_empty(), "{kind:?}");
}
