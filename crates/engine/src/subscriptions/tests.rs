use super::*;

#[test]
fn targets_are_told_from_what_looks_like_them() {
    for (url, on_demo, at_large) in [
        ("https://hooks.example.com", true, true),
        ("https://hooks.example.com:8443/a/b?c=d&e=%20", true, true),
        ("https://hooks.example.com?token=a", true, true),
        ("https://192.0.2.1/", true, true),
        ("https://[2001:db8::1]:443/", true, true),
        ("http://127.0.0.1:9000/hooks", true, false),
        ("http://localhost", true, false),
        ("http://[::1]:80/", true, false),
        ("http://127.0.0.1.example.com/", false, false),
        ("http://localhost.example.com/", false, false),
        ("http://hooks.example.com/", false, false),
        ("ftp://hooks.example.com/", false, false),
        ("https://user:password@hooks.example.com/", false, false),
        ("https://user@hooks.example.com/", false, false),
        ("https://hooks.example.com/#fragment", false, false),
        ("https://hooks.example.com/a b", false, false),
        ("https://hooks.example.com/\r\nHost: x", false, false),
        ("https://hooks.example.com\\@internal/", false, false),
        ("https://Hooks.example.com/", false, false),
        ("https://", false, false),
        ("https:///a", false, false),
        ("//hooks.example.com", false, false),
        ("javascript:alert(1)", false, false),
        ("", false, false),
    ] {
        assert_eq!(is_target(url, true), on_demo, "{url} on a demo");
        assert_eq!(is_target(url, false), at_large, "{url}");
    }
}

#[test]
fn types_of_events_are_whole_or_their_first_words() {
    for (wanted, expected) in [
        ("profile", true),
        ("profile.created", true),
        ("connection.synced", true),
        ("connection.synced.errored", true),
        ("connection.synced.successful.initial", true),
        ("statement", true),
        ("prof", false),
        ("profile.", false),
        ("profile.created.twice", false),
        (".created", false),
        ("*", false),
        ("", false),
    ] {
        let known = EVENT_TYPES.iter().any(|kind| is_of(kind, wanted));
        assert_eq!(known, expected, "{wanted}");
    }
}
