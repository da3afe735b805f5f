//! The host of phones: nothing else answers there, and they answer nowhere else.

use crate::{
    ask::Ask,
    harness::get,
    world::{PHONES, SANDBOX, World, body},
};
use countersign_dialects::registry;
use serde_json::{Value, json};

async fn amend(world: &World, change: Value) -> Value {
    let path = "/admin/v1/environments/sandbox";
    let before = world.doors.admin(Ask::get(path)).await;
    let tag = before.header("etag").unwrap().to_owned();
    let ask = Ask::new("PATCH", path).header("If-Match", &tag);
    body(&world.doors.admin(ask.json(&change)).await)
}

#[tokio::test]
async fn each_route_answers_on_the_phones_host_or_on_the_others() {
    let world = World::start().await;
    let public = registry()
        .iter()
        .filter(|dialect| dialect.listener == countersign_dialects::Listener::Public);
    for dialect in public {
        for route in dialect.routes {
            let path = super::matrix::filled(route.path);
            let (there, elsewhere) = match dialect.is_for_phones() {
                true => (PHONES, SANDBOX),
                false => (SANDBOX, PHONES),
            };
            let ask = |host: &'static str| Ask::new(route.method.as_str(), &path).at(host);
            // Asked without anything, it refuses in its own words; where it is not, there is no such route.
            let refused = ask(elsewhere).send(world.doors.public).await;
            assert_eq!(
                refused.status, 404,
                "{} at {elsewhere}: {refused:?}",
                route.name
            );
            assert!(
                refused.body.contains("route"),
                "{}: {refused:?}",
                route.name
            );
            if route.delivery == countersign_dialects::Delivery::Once {
                let found = ask(there).send(world.doors.public).await;
                assert!(
                    !found.body.contains("no such route"),
                    "{}: {found:?}",
                    route.name
                );
            }
        }
    }
    world.stop_sound().await;
}

#[tokio::test]
async fn the_phones_host_is_known_with_its_port_and_has_the_servers_own_endpoints() {
    let world = World::start().await;
    for host in [PHONES, "phone.sandbox.example:443", "PHONE.sandbox.example"] {
        let jwks = get(world.doors.public, host, "/oauth2/jwks").await;
        assert_eq!(jwks.status, 404, "{host}: {jwks:?}");
        assert_eq!(get(world.doors.public, host, "/healthz").await.status, 200);
    }
    let jwks = get(world.doors.public, SANDBOX, "/oauth2/jwks").await;
    assert_eq!(jwks.status, 200, "{jwks:?}");
    world.stop_sound().await;
}

#[tokio::test]
async fn a_port_that_is_listed_for_itself_is_another_host() {
    let world = World::start().await;
    let hosts = json!({ "hosts": [SANDBOX, PHONES, "phone.sandbox.example:8443"] });
    assert!(amend(&world, hosts).await["version"].is_number());
    let other = get(
        world.doors.public,
        "phone.sandbox.example:8443",
        "/oauth2/jwks",
    )
    .await;
    assert_eq!(other.status, 200, "{other:?}");
    let phones = get(world.doors.public, PHONES, "/oauth2/jwks").await;
    assert_eq!(phones.status, 404, "{phones:?}");
    world.stop_sound().await;
}

#[tokio::test]
async fn phones_need_a_listed_host_of_their_own() {
    let world = World::start().await;
    let hosts = json!([SANDBOX, PHONES, "login.example"]);
    for (url, public_url, expected) in [
        (
            "https://other.example",
            None,
            "one of the hosts, as it is listed",
        ),
        (
            "https://phone.sandbox.example:443",
            None,
            "one of the hosts, as it is listed",
        ),
        ("http://phone.sandbox.example", None, "https:// and a host"),
        (
            "https://phone.sandbox.example/phone",
            None,
            "https:// and a host",
        ),
        (
            "https://login.example",
            Some("https://login.example"),
            "a host of its own",
        ),
    ] {
        let change = json!({ "hosts": hosts, "phone_url": url, "public_url": public_url });
        let refused = amend(&world, change).await;
        let errors = refused["errors"].as_array().expect("refused");
        let told = errors.iter().any(|error| {
            error["field"] == "phone_url" && error["detail"].as_str().unwrap().contains(expected)
        });
        assert!(told, "{url}: {refused}");
    }
    let change = json!({ "provider_registrations": "nobody" });
    let refused = amend(&world, change).await;
    assert_eq!(refused["errors"][0]["field"], "provider_registrations");
    assert_eq!(refused["errors"][0]["code"], "no_such", "{refused}");
    world.stop_sound().await;
}
