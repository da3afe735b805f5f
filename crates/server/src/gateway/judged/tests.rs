use super::*;
use crate::gateway::profile::{ENVOY, FORWARD_AUTH, HAPROXY, NGINX, PROFILES};
use http::Request;

fn parts(headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::get("/ignored?x-original-uri=/ignored");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

/// A good decision request of a profile, as its proxy would send it.
fn good(carriers: &Carriers) -> Vec<(&'static str, &'static str)> {
    let named = |source, value| match source {
        Source::Header(name) => vec![(name, value)],
        Source::Itself => Vec::new(),
    };
    let mut headers = named(carriers.method, "POST");
    headers.extend(named(carriers.target, "/v2.0/site?a=b"));
    headers.extend(match carriers.host {
        Source::Header(name) => [(name, "API.example:8443"), ("host", "decisions")].to_vec(),
        Source::Itself => [("host", "API.example:8443")].to_vec(),
    });
    headers.push((carriers.peer, "192.0.2.7"));
    headers.extend(carriers.request_id.map(|name| (name, "0123456789abcdef")));
    headers
}

#[test]
fn every_profile_finds_what_its_proxy_says() {
    for (name, carriers) in PROFILES {
        let parts = parts(&good(carriers));
        let read = read(carriers, &parts).unwrap();
        let judged = read.judged();
        assert_eq!(judged.host, "api.example", "{name}");
        assert_eq!(judged.peer, "192.0.2.7".parse().ok(), "{name}");
        if carriers.method == Source::Itself {
            assert_eq!(judged.method, "GET", "{name}");
            assert_eq!(judged.target, "/ignored?x-original-uri=/ignored", "{name}");
        } else {
            assert_eq!(judged.method, "POST", "{name}");
            assert_eq!(judged.target, "/v2.0/site?a=b", "{name}");
        }
    }
}

#[test]
fn a_fact_that_is_missing_empty_or_repeated_is_never_guessed() {
    for (profile, carriers) in PROFILES {
        let complete = good(carriers);
        let facts: Vec<&str> = carriers
            .headers()
            .chain((carriers.host == Source::Itself).then_some("host"))
            .collect();
        for fact in facts {
            let others = || complete.iter().filter(|(name, _)| *name != fact).copied();
            let missing: Vec<_> = others().collect();
            assert!(
                matches!(read(carriers, &parts(&missing)), Err(Unjudgeable::Lacking(what)) if carriers.header(what) == fact),
                "{profile} {fact}"
            );
            let empty: Vec<_> = others().chain([(fact, "")]).collect();
            let repeated: Vec<_> = complete
                .iter()
                .copied()
                .chain(complete.iter().filter(|(name, _)| *name == fact).copied())
                .collect();
            for headers in [empty, repeated] {
                assert!(
                    matches!(read(carriers, &parts(&headers)), Err(Unjudgeable::Fact(_))),
                    "{profile} {headers:?}"
                );
            }
        }
    }
}

/// Vulnerability D1: a header that another proxy would set says nothing here.
#[test]
fn what_another_proxy_would_set_is_not_read() {
    for (profile, carriers) in PROFILES {
        for (other, foreign) in PROFILES.iter().filter(|(other, _)| other != profile) {
            let mut headers = good(carriers);
            let mine: Vec<&str> = carriers.headers().collect();
            for header in foreign.headers().filter(|header| !mine.contains(header)) {
                headers.push((header, "/evil"));
                headers.push((header, "evil.example"));
            }
            let with = parts(&headers);
            let without = parts(&good(carriers));
            let (with, without) = (read(carriers, &with), read(carriers, &without));
            assert_eq!(
                format!("{with:?}"),
                format!("{without:?}"),
                "{profile} with headers of {other}"
            );
            let only: Vec<_> = good(foreign);
            if !mine
                .iter()
                .all(|header| only.iter().any(|(name, _)| name == header))
            {
                assert!(
                    read(carriers, &parts(&only)).is_err(),
                    "{profile} asked as {other}"
                );
            }
        }
    }
}

#[test]
fn a_caller_that_sets_a_managed_header_is_refused() {
    for name in [
        "Countersign-Subject",
        "countersign-client",
        "Countersign_Subject",
        "Countersign.Subject",
        "Countersign_Subject-x",
        "Countersign-Whatever",
        "Countersign_Approval",
    ] {
        for (profile, carriers) in PROFILES {
            let mut headers = good(carriers);
            headers.push((name, "x"));
            let refused = read(carriers, &parts(&headers)).err();
            assert_eq!(refused, Some(Unjudgeable::Managed), "{profile} {name}");
        }
    }
    let mut headers = good(&NGINX);
    headers.push(("Countersign-Approval", "a1"));
    assert!(read(&NGINX, &parts(&headers)).is_ok());
}

#[test]
fn an_override_that_no_proxy_deletes_is_refused() {
    for (profile, carriers) in PROFILES {
        for name in ["X_HTTP_Method_Override", "X-Original_URL", "x.rewrite.url"] {
            let mut headers = good(carriers);
            headers.push((name, "x"));
            let refused = read(carriers, &parts(&headers)).err();
            assert_eq!(refused, Some(Unjudgeable::Override), "{profile} {name}");
        }
        let mut headers = good(carriers);
        headers.push(("X-HTTP-Method-Override", "DELETE"));
        assert!(read(carriers, &parts(&headers)).is_ok(), "{profile}");
    }
}

#[test]
fn carriers_have_three_answers() {
    let mut headers = good(&HAPROXY);
    headers.extend([
        ("authorization", "Bearer a"),
        ("authorization", "Bearer b"),
        ("origin", "https://app.example"),
        ("sec-fetch-site", "cross-site"),
    ]);
    let parts = parts(&headers);
    let read = read(&HAPROXY, &parts).unwrap();
    let judged = read.judged();
    assert_eq!(judged.authorization, Carrier::Malformed);
    assert_eq!(judged.origin, Carrier::Present("https://app.example"));
    assert_eq!(judged.client_id, Carrier::Absent);
    assert!(judged.from_browser);
}

/// Vulnerability D9: what cannot be understood never stands for "no address".
#[test]
fn the_peer_is_the_last_entry_and_must_be_an_address() {
    let long = "1.2.3.4, ".repeat(300) + "192.0.2.1";
    for (text, peer) in [
        ("192.0.2.1", Some("192.0.2.1")),
        ("evil, 192.0.2.1", Some("192.0.2.1")),
        (long.as_str(), Some("192.0.2.1")),
        ("2001:db8::1", Some("2001:db8::1")),
        ("::ffff:192.0.2.1", Some("192.0.2.1")),
        ("", None),
        ("a", None),
        ("192.0.2.1,", None),
        ("192.0.2.1:80", None),
        ("fe80::1%eth0", None),
        ("unix:", None),
    ] {
        assert_eq!(
            address(text),
            peer.map(|text| text.parse().unwrap()),
            "{text}"
        );
    }
}

#[test]
fn a_host_is_a_name_or_an_address_without_its_port() {
    for (text, host) in [
        ("api.example", Some("api.example")),
        ("API.Example:443", Some("api.example")),
        ("127.0.0.1:80", Some("127.0.0.1")),
        ("[::1]:80", Some("[::1]")),
        ("[::1]", Some("[::1]")),
        ("[::zz]", None),
        ("[::1", None),
        ("[::1]x", None),
        ("", None),
        (":80", None),
        ("api.example:", None),
        ("api.example:x", None),
        ("api.example:+1", None),
        ("api.example:99999", None),
        ("api.example:80:80", None),
        ("user@api.example", None),
        ("api.example/x", None),
        ("a.example,b.example", None),
        ("a.example b.example", None),
    ] {
        assert_eq!(bare_host(text).as_deref(), host, "{text}");
    }
}

#[test]
fn a_method_is_letters() {
    for (text, is_method) in [
        ("GET", true),
        ("M-SEARCH", true),
        ("get", true),
        ("GET ", false),
        ("GE\u{7}T", false),
        ("GET,POST", false),
    ] {
        assert_eq!(method(text).is_ok(), is_method, "{text}");
    }
    assert!(method(&"A".repeat(METHOD_BYTES_MAX + 1)).is_err());
}

#[test]
fn an_envoy_is_asked_about_itself() {
    let absolute = Request::get("http://evil.example/x")
        .header("host", "api.example")
        .header("x-forwarded-for", "192.0.2.7")
        .body(())
        .unwrap()
        .into_parts()
        .0;
    assert_eq!(
        read(&ENVOY, &absolute).err(),
        Some(Unjudgeable::Fact("target"))
    );
    let second = |host: Option<&str>| {
        let mut request = Request::post("http://api.example/x?y")
            .version(Version::HTTP_2)
            .header("x-forwarded-for", "192.0.2.7");
        if let Some(host) = host {
            request = request.header("host", host);
        }
        request.body(()).unwrap().into_parts().0
    };
    let parts = second(None);
    let read_second = read(&ENVOY, &parts).unwrap();
    assert_eq!(read_second.judged().host, "api.example");
    assert_eq!(read_second.judged().target, "/x?y");
    assert_eq!(
        read(&ENVOY, &second(Some("evil.example"))).err(),
        Some(Unjudgeable::Fact("host"))
    );
    assert!(read(&FORWARD_AUTH, &second(None)).is_err());
}

#[test]
fn a_trailing_dot_or_an_empty_label_escaped_a_guards_host() {
    let long = format!("{}.example", "a".repeat(254));
    for (profile, carriers) in PROFILES {
        for host in [
            "admin.example.",
            "admin.example.:8443",
            ".admin.example",
            "admin..example",
            ".",
            "",
            long.as_str(),
        ] {
            let parts = parts(&with_host(carriers, host));
            assert!(
                matches!(read(carriers, &parts), Err(Unjudgeable::Fact("host"))),
                "{profile} {host}"
            );
        }
        let good = parts(&with_host(carriers, "admin.example:8443"));
        assert_eq!(read(carriers, &good).unwrap().host, "admin.example");
    }
}

fn with_host<'a>(carriers: &Carriers, host: &'a str) -> Vec<(&'a str, &'a str)> {
    let name = match carriers.host {
        Source::Header(name) => name,
        Source::Itself => "host",
    };
    let others = good(carriers)
        .into_iter()
        .filter(|(known, _)| *known != name);
    others.chain([(name, host)]).collect()
}
