//! Which headers of a decision request carry the request that is judged: data, one record per kind of proxy.

/// Where a fact about the judged request stands in the decision request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// In this header (lower case), which the proxy sets and overwrites.
    Header(&'static str),
    /// Where it stands in any request: the decision request is the judged one, without its body.
    Itself,
}

/// How one kind of proxy asks, and what it makes of an answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Carriers {
    /// The method.
    pub method: Source,
    /// The host.
    pub host: Source,
    /// Path and query.
    pub target: Source,
    /// The address of who sent it. Where proxies append to a list, the last entry is the asking proxy's own.
    pub peer: &'static str,
    /// The proxy's own name for the request, where it has one that no caller can set.
    pub request_id: Option<&'static str>,
    /// Which answers it understands.
    pub answers: Answers,
}

/// Which answers a proxy understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    /// Every status; it passes headers and body on.
    Plain,
    /// 2xx, 401 and 403, without their bodies: nginx's `auth_request`.
    Subrequest,
}

/// nginx with `auth_request`: the sample sets these headers itself.
pub static NGINX: Carriers = Carriers {
    method: Source::Header("x-original-method"),
    host: Source::Header("x-original-host"),
    target: Source::Header("x-original-uri"),
    peer: "x-original-peer",
    request_id: Some("x-original-request-id"),
    answers: Answers::Subrequest,
};

/// Caddy's and Traefik's forward authentication. Neither has a request id of its own that is always set.
pub static FORWARD_AUTH: Carriers = Carriers {
    method: Source::Header("x-forwarded-method"),
    host: Source::Header("x-forwarded-host"),
    target: Source::Header("x-forwarded-uri"),
    peer: "x-forwarded-for",
    request_id: None,
    answers: Answers::Plain,
};

/// HAProxy with the sample's Lua, which sets these headers itself.
pub static HAPROXY: Carriers = Carriers {
    method: Source::Header("x-haproxy-method"),
    host: Source::Header("x-haproxy-host"),
    target: Source::Header("x-haproxy-target"),
    peer: "x-haproxy-peer",
    request_id: Some("x-haproxy-request-id"),
    answers: Answers::Plain,
};

/// Envoy's `ext_authz` with an HTTP service and no path prefix: it repeats method, path and host, and with
/// `use_remote_address` appends the caller's address. Its `X-Request-Id` can be a caller's.
pub static ENVOY: Carriers = Carriers {
    method: Source::Itself,
    host: Source::Itself,
    target: Source::Itself,
    peer: "x-forwarded-for",
    request_id: None,
    answers: Answers::Plain,
};

/// Every profile with its name in configuration.
pub static PROFILES: &[(&str, &Carriers)] = &[
    ("nginx", &NGINX),
    ("forward_auth", &FORWARD_AUTH),
    ("haproxy", &HAPROXY),
    ("envoy", &ENVOY),
];

impl Carriers {
    /// The header that carries `fact`, in the words of `Unjudgeable`.
    pub fn header(&self, fact: &str) -> &'static str {
        let source = match fact {
            "method" => self.method,
            "host" => self.host,
            "target" => self.target,
            "peer" => return self.peer,
            _ => return self.request_id.unwrap_or("the request's name"),
        };
        match source {
            Source::Header(name) => name,
            // Only the host can be lacking there: a request has a method and a target.
            Source::Itself => "host",
        }
    }

    /// Every header that this profile reads for a fact, lower case.
    pub fn headers(&self) -> impl Iterator<Item = &'static str> {
        let named = [self.method, self.host, self.target].into_iter();
        named
            .filter_map(|source| match source {
                Source::Header(name) => Some(name),
                Source::Itself => None,
            })
            .chain([self.peer])
            .chain(self.request_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::identity::is_managed;

    #[test]
    fn a_profile_never_reads_what_is_refused_from_callers() {
        for (profile, carriers) in PROFILES {
            for header in carriers.headers() {
                assert!(!is_managed(header), "{profile}: {header}");
                assert_eq!(header, header.to_ascii_lowercase(), "{profile}");
            }
        }
    }

    #[test]
    fn only_envoy_shares_a_header_with_another_profile_and_only_the_peer() {
        for (one, here) in PROFILES {
            for (other, there) in PROFILES.iter().filter(|(other, _)| other != one) {
                let shared: Vec<&str> = here
                    .headers()
                    .filter(|header| there.headers().any(|it| it == *header))
                    .collect();
                let expected: &[&str] = match (*one, *other) {
                    ("envoy", "forward_auth") | ("forward_auth", "envoy") => &["x-forwarded-for"],
                    _ => &[],
                };
                assert_eq!(shared, expected, "{one} and {other}");
            }
        }
    }
}
