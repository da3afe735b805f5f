//! Sample configurations of proxies, made from the lists of identity headers and overrides, the profiles and the headers
//! of denials: a header cannot be in one and not in the other.
//!
//! A template's `<<name>>` is replaced. A line with a name that stands for several values stands once for each.

use super::{
    answer::PASSED_ON,
    identity::{APPROVAL, IDENTITY_HEADERS},
    overrides::OVERRIDES,
    profile::{Carriers, FORWARD_AUTH, HAPROXY, NGINX, Source},
};
use countersign_dialects::wire::client_headers;

/// Where a sample listens and whom it connects to, each as `address:port`.
#[derive(Debug, Clone)]
pub struct Places {
    /// Where callers come.
    pub listen: String,
    /// Countersign's gateway listener for this proxy.
    pub gateway: String,
    /// The API.
    pub api: String,
    /// The file of the Lua sample, for HAProxy.
    pub lua: String,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            listen: "0.0.0.0:80".to_owned(),
            gateway: "127.0.0.1:8081".to_owned(),
            api: "127.0.0.1:9000".to_owned(),
            lua: "/etc/haproxy/countersign.lua".to_owned(),
        }
    }
}

/// Statuses that a denial at a guard can have. nginx's sample can answer with these only.
pub const DENIAL_STATUSES: &[u16] = &[400, 401, 403, 404, 409, 410, 421, 429, 500, 503];

/// What a proxy says by itself when Countersign does not answer.
pub const AWAY_BODY: &str = r#"{"error":"temporarily_unavailable"}"#;

/// What a proxy says by itself to a body where the guard says `body = "none"`.
pub const BODY_REFUSED: &str = r#"{"error":"body_not_allowed"}"#;

/// The path of the samples' one route whose guard says `body = "none"`.
pub const BODILESS: &str = "/lockdown";

const GENERATED: &str =
    "Generated: `cargo run -p countersign --example gateway-samples` writes it again.";

/// nginx: one file for its `http` block.
pub fn nginx(places: &Places) -> String {
    fill(include_str!("nginx.conf.in"), places, &NGINX)
}

/// Caddy: a whole Caddyfile.
pub fn caddy(places: &Places) -> String {
    fill(include_str!("Caddyfile.in"), places, &FORWARD_AUTH)
}

/// HAProxy: a whole haproxy.cfg.
pub fn haproxy(places: &Places) -> String {
    fill(include_str!("haproxy.cfg.in"), places, &HAPROXY)
}

/// HAProxy's Lua.
pub fn haproxy_lua(places: &Places) -> String {
    fill(include_str!("countersign.lua.in"), places, &HAPROXY)
}

/// Every sample: its path below `deploy/`, and its text.
pub fn all() -> Vec<(&'static str, String)> {
    let places = Places::default();
    let untested = |template| fill(template, &places, &FORWARD_AUTH);
    vec![
        ("nginx/countersign.conf", nginx(&places)),
        ("caddy/Caddyfile", caddy(&places)),
        ("haproxy/haproxy.cfg", haproxy(&places)),
        ("haproxy/countersign.lua", haproxy_lua(&places)),
        (
            "traefik/dynamic.yml",
            untested(include_str!("traefik.yml.in")),
        ),
        (
            "envoy/http-filters.yml",
            untested(include_str!("envoy.yml.in")),
        ),
    ]
}

type Names = Vec<(&'static str, String)>;

fn fill(template: &str, places: &Places, carriers: &Carriers) -> String {
    let once = once(places, carriers);
    let mut text = String::new();
    for line in template.lines() {
        match lists(carriers)
            .into_iter()
            .find(|rows| mentions(line, rows))
        {
            Some(rows) => {
                for row in rows {
                    text.push_str(&replace(&replace(line, &row), &once));
                    text.push('\n');
                }
            }
            None => {
                text.push_str(&replace(line, &once));
                text.push('\n');
            }
        }
    }
    text
}

fn mentions(line: &str, rows: &[Names]) -> bool {
    let mut names = rows.iter().flatten().map(|(name, _)| name);
    names.any(|name| line.contains(&format!("<<{name}>>")))
}

fn replace(line: &str, names: &Names) -> String {
    names.iter().fold(line.to_owned(), |line, (name, value)| {
        line.replace(&format!("<<{name}>>"), value)
    })
}

/// What stands for one value.
fn once(places: &Places, carriers: &Carriers) -> Names {
    let (address, port) = places.listen.rsplit_once(':').unwrap_or(("", ""));
    let header = |source| match source {
        Source::Header(name) => name.to_owned(),
        Source::Itself => String::new(),
    };
    vec![
        ("generated", GENERATED.to_owned()),
        ("listen", places.listen.clone()),
        ("listen_address", address.to_owned()),
        ("listen_port", port.to_owned()),
        ("gateway", places.gateway.clone()),
        ("api", places.api.clone()),
        ("lua", places.lua.clone()),
        ("away_body", AWAY_BODY.to_owned()),
        ("bodiless", BODILESS.to_owned()),
        ("body_refused", BODY_REFUSED.to_owned()),
        ("Required", "Countersign-Environment".to_owned()),
        ("required", "countersign-environment".to_owned()),
        ("method", header(carriers.method)),
        ("host", header(carriers.host)),
        ("target", header(carriers.target)),
        ("peer", carriers.peer.to_owned()),
        (
            "request_id",
            carriers.request_id.unwrap_or_default().to_owned(),
        ),
        ("approval", APPROVAL.to_owned()),
        ("secret_header", client_headers::SECRET.to_owned()),
    ]
}

/// What stands for several.
fn lists(carriers: &Carriers) -> Vec<Vec<Names>> {
    let identity = IDENTITY_HEADERS.iter();
    let variable = |name: &str| name.to_ascii_lowercase().replace('-', "_");
    vec![
        identity
            .clone()
            .map(|header| {
                vec![
                    ("Identity", header.name.to_owned()),
                    ("identity", header.lower.to_owned()),
                    ("identity_variable", variable(header.lower)),
                ]
            })
            .collect(),
        identity
            .clone()
            .filter(|header| header.always)
            .map(|header| vec![("Always", header.name.to_owned())])
            .collect(),
        identity
            .filter(|header| !header.always)
            .map(|header| vec![("Optional", header.name.to_owned())])
            .collect(),
        PASSED_ON
            .iter()
            .map(|name| {
                vec![
                    ("passed", (*name).to_owned()),
                    ("passed_variable", variable(name)),
                ]
            })
            .collect(),
        PASSED_ON
            .iter()
            .filter(|name| **name != "www-authenticate")
            .map(|name| {
                vec![
                    ("passed_but_challenge", (*name).to_owned()),
                    ("passed_but_challenge_variable", variable(name)),
                ]
            })
            .collect(),
        OVERRIDES
            .iter()
            .map(|name| {
                vec![
                    ("Override", (*name).to_owned()),
                    ("override", name.to_ascii_lowercase()),
                ]
            })
            .collect(),
        client_headers::NAMES
            .iter()
            .map(|name| vec![("client_header", (*name).to_owned())])
            .collect(),
        DENIAL_STATUSES
            .iter()
            .map(|status| vec![("status", status.to_string())])
            .collect(),
        carriers
            .headers()
            .map(|header| vec![("carrier", header.to_owned())])
            .collect(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn what_stands_in_deploy_is_what_the_lists_say() {
        let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
        for (path, text) in all() {
            let written = std::fs::read_to_string(deploy.join(path)).unwrap_or_default();
            assert!(written == text, "deploy/{path} is old. {GENERATED}");
        }
    }

    #[test]
    fn no_template_has_a_name_that_means_nothing() {
        for (path, text) in all() {
            assert!(!text.contains("<<"), "{path}");
        }
    }

    #[test]
    fn every_tested_sample_names_every_identity_header() {
        let places = Places::default();
        for text in [nginx(&places), caddy(&places), haproxy_lua(&places)] {
            let text = text.to_ascii_lowercase();
            for header in IDENTITY_HEADERS {
                assert!(text.contains(header.lower), "{}", header.lower);
            }
        }
    }

    #[test]
    fn every_sample_keeps_the_clients_secret_from_the_api() {
        for (path, text) in all() {
            // HAProxy's own file says nothing of headers: its Lua does.
            assert!(
                text.contains(client_headers::SECRET) || path == "haproxy/haproxy.cfg",
                "{path}"
            );
        }
        let nginx = nginx(&Places::default());
        assert!(nginx.contains("\nunderscores_in_headers on;\n"));
    }

    #[test]
    fn every_sample_keeps_overrides_from_the_api() {
        for (path, text) in all() {
            let text = text.to_ascii_lowercase();
            for name in OVERRIDES {
                let is_named = text.contains(&name.to_ascii_lowercase());
                assert!(is_named || path == "haproxy/haproxy.cfg", "{path}: {name}");
            }
        }
    }

    #[test]
    fn the_guide_names_every_header_of_every_list() {
        let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/gateways.md");
        let guide = std::fs::read_to_string(guide).unwrap().to_ascii_lowercase();
        let identity = IDENTITY_HEADERS.iter().map(|header| header.lower);
        let carried = crate::gateway::profile::PROFILES
            .iter()
            .flat_map(|(_, carriers)| carriers.headers());
        let overrides = OVERRIDES.iter().map(|name| name.to_ascii_lowercase());
        let all = identity.chain(carried).map(str::to_owned).chain(overrides);
        for header in all {
            assert!(guide.contains(&format!("`{header}`")), "{header}");
        }
    }
}
