use super::*;
use http::HeaderValue;

fn headers(values: &[&[u8]]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for value in values {
        map.append(AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
    }
    map
}

fn shown(found: Found<Basic>) -> Result<(String, String), Option<Malformed>> {
    match found {
        Found::Present(pair) => Ok((pair.client_id, pair.secret.expose().clone())),
        Found::Malformed(why) => Err(Some(why)),
        Found::Absent => Err(None),
    }
}

fn pair_of(pair: &[u8], read: ReadBasic) -> Result<(String, String), Option<Malformed>> {
    let value = format!("Basic {}", BASE64.encode(pair));
    shown(basic(&headers(&[value.as_bytes()]), read))
}

fn pair(client_id: &str, secret: &str) -> Result<(String, String), Option<Malformed>> {
    Ok((client_id.into(), secret.into()))
}

#[test]
fn oauth_basic_form_decodes_both_halves() {
    for (carried, client_id, secret) in [
        ("abc:def", "abc", "def"),
        ("a%3Ab:c%3Ad", "a:b", "c:d"),
        ("abc:d%2Be%25f%20g+h", "abc", "d+e%f g h"),
        ("abc:d%C3%A9", "abc", "d\u{e9}"),
        ("abc:d:e", "abc", "d:e"),
    ] {
        assert_eq!(
            pair_of(carried.as_bytes(), oauth_basic),
            pair(client_id, secret),
            "{carried}"
        );
    }
}

#[test]
fn oauth_basic_refuses_what_it_cannot_read_in_one_way() {
    for carried in [
        &b"abcdef"[..],
        b"",
        b":",
        b"abc:",
        b":def",
        b"abc:def\n",
        b"abc:d%zz",
        b"abc:d%",
        b"abc:%00",
        b"abc:\xff",
        b"abc:%ff",
        b"abc:d%0Ae",
        b"a\0bc:def",
    ] {
        assert_eq!(
            pair_of(carried, oauth_basic),
            Err(Some(Malformed::Form)),
            "{carried:?}"
        );
    }
}

#[test]
fn lenient_basic_takes_what_a_shell_makes() {
    for carried in ["K:s+/=", "K:s+/=\n", "K:s+/=\r\n", "K:s+/=\n\n"] {
        assert_eq!(
            pair_of(carried.as_bytes(), lenient_basic),
            pair("K", "s+/="),
            "{carried:?}"
        );
    }
    assert_eq!(pair_of(b"K:a%2Bb:c", lenient_basic), pair("K", "a%2Bb:c"));

    let key = "0123456789ABCDEF0123456789ABCDEF";
    let secret = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=";
    let whole = BASE64.encode(format!("{key}:{secret}\n").as_bytes());
    let wrapped = format!("Basic {} \t{}", &whole[..76], &whole[76..]);
    assert_eq!(
        shown(basic(&headers(&[wrapped.as_bytes()]), lenient_basic)),
        pair(key, secret)
    );
    let lines = format!("{}\r\n{}", &whole[..76], &whole[76..]);
    assert_eq!(lenient_basic(&lines).unwrap().client_id, key);
}

#[test]
fn lenient_basic_is_not_lenient_otherwise() {
    for carried in [
        &b"abcdef\n"[..],
        b"\n",
        b":def",
        b"abc:\n",
        b"abc:d\nef",
        b"abc:\0",
        b"abc:\xc3",
        b"\nabc:def",
    ] {
        assert_eq!(
            pair_of(carried, lenient_basic),
            Err(Some(Malformed::Form)),
            "{carried:?}"
        );
    }
}

#[test]
fn the_base64_of_basic_is_canonical() {
    for value in [
        &b"Basic"[..],
        b"Basic ",
        b"Basic YWJjOmRlZg",
        b"Basic YWJjOmRlZg=",
        b"Basic YWJjOmRlZh==",
        b"Basic YWJj-mRlZg==",
        b"Basic YWJjOmRlZg== x",
        b"Basic YWJjOmRlZg==, Basic YWJjOmRlZg==",
        b"Basic\tYWJjOmRlZg==",
        b"Basic abc:def",
        b"Bearer YWJjOmRlZg==",
        b"YWJjOmRlZg==",
        b"Basic \xff",
        b"",
    ] {
        for read in [oauth_basic as ReadBasic, lenient_basic] {
            let found = shown(basic(&headers(&[value]), read));
            assert_eq!(found, Err(Some(Malformed::Form)), "{value:?}");
        }
    }
}

#[test]
fn the_scheme_has_any_case() {
    for value in [
        "basic YWJjOmRlZg==",
        "BASIC YWJjOmRlZg==",
        "Basic  YWJjOmRlZg==",
    ] {
        assert_eq!(
            shown(basic(&headers(&[value.as_bytes()]), oauth_basic)),
            pair("abc", "def")
        );
    }
}

#[test]
fn nothing_is_absent_and_twice_is_malformed() {
    assert_eq!(shown(basic(&headers(&[]), oauth_basic)), Err(None));
    let twice = headers(&[b"Basic YWJjOmRlZg==", b"Basic YWJjOmRlZg=="]);
    assert_eq!(
        shown(basic(&twice, oauth_basic)),
        Err(Some(Malformed::Repeated))
    );
    assert!(matches!(
        bearer(&twice),
        Found::Malformed(Malformed::Repeated)
    ));
}

#[test]
fn lengths_are_bounded_before_and_after_decoding() {
    let long_secret = format!("abc:{}", "s".repeat(SECRET_BYTES_MAX + 1));
    let long_id = format!("{}:s", "a".repeat(CLIENT_ID_BYTES_MAX + 1));
    let endless = "a".repeat(1024 * 1024);
    for carried in [&long_secret, &long_id, &endless] {
        for read in [oauth_basic as ReadBasic, lenient_basic] {
            assert_eq!(
                pair_of(carried.as_bytes(), read),
                Err(Some(Malformed::TooLong))
            );
        }
    }
    let longest = format!("abc:{}", "%41".repeat(SECRET_BYTES_MAX));
    assert_eq!(
        pair_of(longest.as_bytes(), oauth_basic).unwrap().1.len(),
        SECRET_BYTES_MAX
    );
}

#[test]
fn a_bearer_is_one_token_behind_one_space() {
    for (value, token) in [
        ("Bearer abc", "abc"),
        ("bearer a-._~+/9==", "a-._~+/9=="),
        ("BEARER abc", "abc"),
    ] {
        match bearer(&headers(&[value.as_bytes()])) {
            Found::Present(found) => assert_eq!(found.expose(), token),
            other => panic!("{value}: {other:?}"),
        }
    }
}

#[test]
fn a_bearer_of_another_form_is_malformed() {
    for value in [
        &b"Bearer"[..],
        b"Bearer ",
        b"Bearer  abc",
        b"Bearer\tabc",
        b"Bearer abc def",
        b"Bearer abc,def",
        b"Bearer abc, Bearer def",
        b"Bearer a=b",
        b"Bearer =",
        b"Bearer \"abc\"",
        b"Bearer d\xc3\xa9",
        b"Basic YWJjOmRlZg==",
        b"DPoP abc",
        b"abc",
    ] {
        let found = bearer(&headers(&[value]));
        assert!(
            matches!(found, Found::Malformed(Malformed::Form)),
            "{value:?}: {found:?}"
        );
    }
    let dots = format!("Bearer {}", ".".repeat(1024 * 1024));
    let found = bearer(&headers(&[dots.as_bytes()]));
    assert!(matches!(found, Found::Malformed(Malformed::TooLong)));
}
