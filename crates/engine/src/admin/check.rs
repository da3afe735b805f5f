//! The rules that members of nouns obey, each with the words that tell what was expected.

use crate::{
    approve::check_template,
    bounds::{
        ENVIRONMENT_LIST_MAX, GUARD_LIST_MAX, GUARDS_MAX, METADATA_BYTES_MAX, METADATA_MEMBERS_MAX,
        NETWORKS_MAX, RESOURCES_MAX, SEATS_MAX, TEXT_BYTES_MAX,
    },
    denied::{Denied, Problem, ProblemKind},
    guard::check_pattern,
    model::{
        credential::RateLimit,
        environment::Environment,
        guard::{Accept, ApprovalRule, Approvers, Guard},
    },
};
use serde_json::{Map, Value};

/// Collects everything that is wrong, so that the caller learns it at once.
#[derive(Default)]
pub(crate) struct Problems(Vec<Problem>);

impl Problems {
    pub fn expect(&mut self, holds: bool, field: &str, expected: &'static str) {
        if !holds {
            self.0
                .push(Problem::new(field, ProblemKind::Expected(expected)));
        }
    }

    pub fn at_most(&mut self, length: usize, max: usize, field: &str) {
        if length > max {
            self.0
                .push(Problem::new(field, ProblemKind::TooLong { max }));
        }
    }

    /// A text for people: not empty, not long, no control characters.
    pub fn text(&mut self, text: &str, field: &str) {
        self.expect(!text.trim().is_empty(), field, "a text that is not empty");
        self.free_text(text, field);
    }

    /// The same, and it may be empty.
    pub fn free_text(&mut self, text: &str, field: &str) {
        self.at_most(text.len(), TEXT_BYTES_MAX, field);
        self.expect(
            !text.chars().any(char::is_control),
            field,
            "a text without control characters",
        );
    }

    pub fn rate(&mut self, limit: Option<RateLimit>, field: &str) {
        let fits = limit.is_none_or(|limit| limit.per_minute >= 1 && limit.burst >= 1);
        self.expect(fits, field, "per_minute and burst of at least 1");
    }

    pub fn hosts(&mut self, hosts: &[String], field: &str) {
        self.at_most(hosts.len(), ENVIRONMENT_LIST_MAX, field);
        for (place, host) in hosts.iter().enumerate() {
            let expected =
                "a host in lower case, with a port or without: auth.example.com, 127.0.0.1:8081";
            self.expect(is_host(host), &format!("{field}[{place}]"), expected);
        }
        self.unique(hosts, field);
    }

    pub fn origins(&mut self, origins: &[String], field: &str) {
        self.at_most(origins.len(), ENVIRONMENT_LIST_MAX, field);
        for (place, origin) in origins.iter().enumerate() {
            let expected = "an origin: a scheme and a host, https://app.example.com";
            self.expect(is_origin(origin), &format!("{field}[{place}]"), expected);
        }
    }

    /// Where pages are, for links in mails: an origin that nobody on the way can read along.
    pub fn public_url(&mut self, url: Option<&str>, field: &str) {
        let is_safe = |url: &str| {
            let loopback = ["http://localhost", "http://127.0.0.1", "http://[::1]"];
            let host = |start: &&str| {
                let rest = url.strip_prefix(start);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
            };
            url.starts_with("https://") || loopback.iter().any(host)
        };
        self.expect(
            url.is_none_or(|url| is_origin(url) && is_safe(url)),
            field,
            "https:// and a host, or http:// on loopback, without a path",
        );
    }

    /// Where phones answer: a listed host that nothing else is on, for nothing else is served there.
    pub fn phone_url(&mut self, environment: &Environment) {
        let url = environment.phone_url.as_deref();
        self.public_url(url, "phone_url");
        let Some(host) = environment.phone_host() else {
            return;
        };
        let is_listed = environment.hosts.iter().any(|listed| listed == host);
        self.expect(is_listed, "phone_url", "one of the hosts, as it is listed");
        let others = [
            Some(environment.issuer.as_str()),
            environment.public_url.as_deref(),
        ];
        let stands_there = |other: &str| {
            let rest = other.split_once("://").map_or(other, |(_, rest)| rest);
            rest.split('/').next() == Some(host)
        };
        let is_alone = !others.into_iter().flatten().any(stands_there);
        let expected = "a host of its own, other than those of issuer and public_url";
        self.expect(is_alone, "phone_url", expected);
    }

    /// What an owner notes of something: few members, and not large.
    pub fn metadata(&mut self, metadata: Option<&Map<String, Value>>, field: &str) {
        let fits = metadata.is_none_or(|map| {
            map.len() <= METADATA_MEMBERS_MAX
                && serde_json::to_string(map).is_ok_and(|text| text.len() <= METADATA_BYTES_MAX)
        });
        self.expect(fits, field, "at most 50 members, 8 KiB of JSON together");
    }

    pub fn resources(&mut self, resources: &[String], field: &str) {
        self.at_most(resources.len(), RESOURCES_MAX, field);
        for (place, resource) in resources.iter().enumerate() {
            let fits = is_absolute_uri(resource) && !resource.contains('#');
            // RFC 8707 section 2.
            let expected = "an absolute URI without fragment";
            self.expect(fits, &format!("{field}[{place}]"), expected);
        }
    }

    pub fn networks(&mut self, count: usize) {
        self.at_most(count, NETWORKS_MAX, "allowed_networks");
    }

    pub fn unique(&mut self, list: &[String], field: &str) {
        let mut seen = std::collections::HashSet::new();
        self.expect(
            list.iter().all(|entry| seen.insert(entry)),
            field,
            "no entry twice",
        );
    }

    pub fn guards(&mut self, guards: &[Guard], dialects: &[String], profiles: &[&str]) {
        self.at_most(guards.len(), GUARDS_MAX, "guards");
        for (place, guard) in guards.iter().enumerate() {
            self.guard(guard, &format!("guards[{place}]"), dialects, profiles);
        }
        let names: Vec<String> = guards.iter().map(|guard| guard.name.clone()).collect();
        self.unique(&names, "guards[].name");
    }

    fn guard(&mut self, guard: &Guard, at: &str, dialects: &[String], profiles: &[&str]) {
        let named = crate::id::ClientId::parse(&guard.name).is_ok();
        self.expect(
            named,
            &format!("{at}.name"),
            "1 to 64 characters of A-Z a-z 0-9 - _ .",
        );
        self.guard_match(guard, at);
        self.origins(&guard.origins, &format!("{at}.origins"));
        self.rate(guard.rate_limit, &format!("{at}.rate_limit"));
        let known = guard
            .dialect
            .as_ref()
            .is_none_or(|dialect| dialects.contains(dialect));
        self.expect(
            known,
            &format!("{at}.dialect"),
            "a dialect of the environment",
        );
        let known = guard
            .profiles
            .iter()
            .all(|profile| profiles.contains(&profile.as_str()));
        self.expect(
            known,
            &format!("{at}.profiles"),
            "token profiles of the environment",
        );
        self.at_most(
            guard.audiences.len(),
            GUARD_LIST_MAX,
            &format!("{at}.audiences"),
        );
        let accept = &guard.accept;
        let expected = "at least one kind, or anonymous";
        self.expect(!accept.is_empty(), &format!("{at}.accept"), expected);
        let nothing_shown = accept.iter().all(|accept| *accept == Accept::Anonymous);
        let sense = guard.scopes.is_empty() || !nothing_shown;
        self.expect(
            sense,
            &format!("{at}.scopes"),
            "no scopes where nothing is shown",
        );
        if let Some(rule) = &guard.approval {
            self.approval(rule, guard, at);
        }
    }

    /// What people have to countersign. A guard whose requests nobody could approve, or that nothing could be bound of,
    /// does not load.
    fn approval(&mut self, rule: &ApprovalRule, guard: &Guard, at: &str) {
        let is_shown = !guard.accept.contains(&Accept::Anonymous);
        let expected = "no anonymous callers where a countersignature is needed";
        self.expect(is_shown, &format!("{at}.accept"), expected);
        if let Err(expected) = check_template(&rule.sentence) {
            self.expect(false, &format!("{at}.sentence"), expected);
        }
        match &rule.approvers {
            Approvers::Subject => {
                let speaks = |kind: &Accept| matches!(kind, Accept::Session | Accept::SubjectBasic);
                let expected = "session or subject_basic, where the subject approves";
                let holds = guard.accept.iter().any(speaks);
                self.expect(holds, &format!("{at}.accept"), expected);
            }
            Approvers::Group { group, needed, .. } => {
                let named = crate::id::ClientId::parse(group).is_ok();
                let expected = "1 to 64 characters of A-Z a-z 0-9 - _ .";
                self.expect(named, &format!("{at}.approvers.group"), expected);
                let fits = (1..=SEATS_MAX).contains(&usize::from(*needed));
                let field = format!("{at}.approvers.needed");
                self.expect(fits, &field, "a number from 1 to 16");
            }
        }
    }

    /// Which requests the guard is for.
    fn guard_match(&mut self, guard: &Guard, at: &str) {
        self.expect(
            !guard.paths.is_empty(),
            &format!("{at}.paths"),
            "at least one path",
        );
        self.at_most(guard.paths.len(), GUARD_LIST_MAX, &format!("{at}.paths"));
        self.at_most(
            guard.methods.len(),
            GUARD_LIST_MAX,
            &format!("{at}.methods"),
        );
        self.at_most(guard.hosts.len(), GUARD_LIST_MAX, &format!("{at}.hosts"));
        for (n, path) in guard.paths.iter().enumerate() {
            let expected =
                "a path such as /v2.0/site, /v2.0/* or /site/{id}, without ., .. or empty segments";
            self.expect(
                check_pattern(path).is_ok(),
                &format!("{at}.paths[{n}]"),
                expected,
            );
        }
        for (n, method) in guard.methods.iter().enumerate() {
            let fits = !method.is_empty() && method.bytes().all(|b| b.is_ascii_uppercase());
            self.expect(
                fits,
                &format!("{at}.methods[{n}]"),
                "a method in upper case",
            );
        }
        for (n, host) in guard.hosts.iter().enumerate() {
            let bare = is_host(host) && !has_port(host);
            self.expect(
                bare,
                &format!("{at}.hosts[{n}]"),
                "a host in lower case, without port",
            );
        }
    }

    pub fn done(self) -> Result<(), Denied> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Denied::Invalid(self.0))
        }
    }
}

fn has_port(host: &str) -> bool {
    host.rsplit_once(':')
        .is_some_and(|(bare, _)| !bare.ends_with(':') && !host.ends_with(']'))
}

fn is_host(host: &str) -> bool {
    let (bare, port) = match host.rsplit_once(':') {
        Some((bare, port)) if has_port(host) => (bare, Some(port)),
        _ => (host, None),
    };
    let port_fits = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    let literal = bare
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let name_fits = match literal {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => (1..=253).contains(&bare.len()) && bare.split('.').all(is_label),
    };
    port_fits && name_fits
}

fn is_label(label: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    (1..=63).contains(&label.len())
        && label.bytes().all(plain)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

pub(crate) fn is_origin(origin: &str) -> bool {
    origin
        .split_once("://")
        .is_some_and(|(scheme, host)| matches!(scheme, "http" | "https") && is_host(host))
}

/// An issuer identifier (RFC 8414 section 2); `http` as well, for laptops.
pub(super) fn is_issuer(issuer: &str) -> bool {
    let Some((scheme, rest)) = issuer.split_once("://") else {
        return false;
    };
    let (host, path) = rest
        .split_once('/')
        .map_or((rest, None), |(host, path)| (host, Some(path)));
    let path_fits = path.is_none_or(|path| {
        let full = format!("/{path}");
        let plain = crate::path::canonical(&full).is_ok_and(|same| same == full);
        plain && !path.is_empty() && !path.ends_with('/')
    });
    matches!(scheme, "http" | "https")
        && is_host(host)
        && path_fits
        && issuer.len() <= TEXT_BYTES_MAX
}

fn is_absolute_uri(text: &str) -> bool {
    let printable = text.bytes().all(|b| b.is_ascii_graphic()) && text.len() <= TEXT_BYTES_MAX;
    let scheme = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    };
    printable
        && text
            .split_once(':')
            .is_some_and(|(name, rest)| scheme(name) && !rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_origins_and_issuers_are_told_from_what_looks_like_them() {
        for (host, expected) in [
            ("auth.example.com", true),
            ("127.0.0.1:8081", true),
            ("[::1]:80", true),
            ("[::1]", true),
            ("localhost", true),
            ("Auth.example.com", false),
            ("a..b", false),
            ("", false),
            ("host:", false),
            ("host:0", false),
            ("host:99999", false),
            ("a/b", false),
            ("-a.com", false),
            ("::1", false),
        ] {
            assert_eq!(is_host(host), expected, "{host}");
        }
        for (origin, expected) in [
            ("https://app.example.com", true),
            ("http://localhost:3000", true),
            ("https://app.example.com/", false),
            ("null", false),
            ("*", false),
            ("ftp://a.b", false),
        ] {
            assert_eq!(is_origin(origin), expected, "{origin}");
        }
        for (issuer, expected) in [
            ("https://auth.example.com", true),
            ("https://example.com/tenant", true),
            ("http://127.0.0.1:8080", true),
            ("https://example.com/", false),
            ("https://example.com/a?b", false),
            ("https://example.com/a#b", false),
            ("example.com", false),
            ("https://example.com/../a", false),
        ] {
            assert_eq!(is_issuer(issuer), expected, "{issuer}");
        }
    }
}
