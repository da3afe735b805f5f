//! The one reading of a request target on which a guard may decide.
//!
//! Proxies and APIs differ in what they make of `//`, `/../`, `%2f`, `;` and their like, so a target on which
//! they could differ has no canonical path and is refused. What is left is the same path for every reader
//! (RFC 3986 section 6.2.2): a `%41` where `A` could stand is the letter, other escapes have upper-case digits.

use std::borrow::Cow;

/// Why a target has no single reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Ambiguous {
    /// Not in origin form (RFC 9112 section 3.2.1): absolute form, authority, `*`, or nothing.
    #[error("the target is not in origin form")]
    Form,
    /// `//`: some merge the slashes, some read what follows as an authority.
    #[error("the path has an empty segment")]
    EmptySegment,
    /// `.` or `..` as a segment: some take it away, some do not.
    #[error("the path has a dot segment")]
    DotSegment,
    /// A byte that stands in no URI path (RFC 3986 section 3.3), or `;`, whose parameters some cut off.
    #[error("the path has a character that not all read alike")]
    Character,
    /// `%` without two hexadecimal digits.
    #[error("the path has a broken escape")]
    BrokenEscape,
    /// An escape of a byte that means something to some: a slash, dot, `;`, `?`, `#`, `%`, `\` or a control byte.
    #[error("the path has an escape that not all read alike")]
    Escape,
    /// Escapes that are not UTF-8, such as the overlong forms of a slash.
    #[error("the path has escapes that are not UTF-8")]
    Encoding,
    /// A control byte, `#`, or a byte beyond ASCII in the query.
    #[error("the query has a character that not all read alike")]
    Query,
}

/// The path of `target` as every reader understands it, without the query. Allocates only where an
/// escape stands.
///
/// # Errors
/// [`Ambiguous`] when readers could differ.
pub fn canonical(target: &str) -> Result<Cow<'_, str>, Ambiguous> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if !query.bytes().all(|b| b.is_ascii_graphic() && b != b'#') {
        return Err(Ambiguous::Query);
    }
    if !path.starts_with('/') {
        return Err(Ambiguous::Form);
    }
    if path.bytes().all(is_plain) {
        check_segments(path)?;
        return Ok(Cow::Borrowed(path));
    }
    let path = unescape(path)?;
    check_segments(&path)?;
    Ok(Cow::Owned(path))
}

/// What may stand for itself in a path: RFC 3986 `pchar` and the slash, without `;`.
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'/' | b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')'
        )
        || matches!(byte, b'*' | b'+' | b',' | b'=' | b':' | b'@')
}

/// Only the last segment may be empty: a slash at the end.
fn check_segments(path: &str) -> Result<(), Ambiguous> {
    // Most paths are seen to be good at a glance: every decision passes here.
    let is_odd = |pair: &[u8]| matches!(pair, b"//" | b"/.");
    if !path.as_bytes().windows(2).any(is_odd) {
        return Ok(());
    }
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        match segment {
            "" if segments.peek().is_some() => return Err(Ambiguous::EmptySegment),
            "." | ".." => return Err(Ambiguous::DotSegment),
            _ => {}
        }
    }
    Ok(())
}

/// Every escape as its character where that can stand for itself, else in upper case.
fn unescape(path: &str) -> Result<String, Ambiguous> {
    let mut read = String::with_capacity(path.len());
    let mut meant = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            if !is_plain(byte) {
                return Err(Ambiguous::Character);
            }
            read.push(char::from(byte));
            meant.push(byte);
            continue;
        }
        let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
        let escaped = high << 4 | low;
        if matches!(
            escaped,
            b'/' | b'.' | b';' | b'?' | b'#' | b'%' | b'\\' | 0..=0x1f | 0x7f
        ) {
            return Err(Ambiguous::Escape);
        }
        meant.push(escaped);
        if is_plain(escaped) {
            read.push(char::from(escaped));
        } else {
            read.push('%');
            read.push(printed(high));
            read.push(printed(low));
        }
    }
    match std::str::from_utf8(&meant) {
        Ok(_) => Ok(read),
        Err(_) => Err(Ambiguous::Encoding),
    }
}

fn digit(byte: Option<u8>) -> Result<u8, Ambiguous> {
    match byte {
        Some(b @ b'0'..=b'9') => Ok(b - b'0'),
        Some(b @ b'a'..=b'f') => Ok(b - b'a' + 10),
        Some(b @ b'A'..=b'F') => Ok(b - b'A' + 10),
        _ => Err(Ambiguous::BrokenEscape),
    }
}

const fn printed(digit: u8) -> char {
    (if digit < 10 {
        b'0' + digit
    } else {
        b'A' + digit - 10
    }) as char
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_plain_path_is_taken_as_it_stands() {
        for (target, path) in [
            ("/", "/"),
            ("/v2.0/site", "/v2.0/site"),
            ("/v2.0/site/", "/v2.0/site/"),
            ("/v2.0/site?a=b&c=/../d//e;f%2f%00", "/v2.0/site"),
            ("/?", "/"),
            ("/a?b?c", "/a"),
            ("/.well-known/x", "/.well-known/x"),
            ("/.../x..y/..z", "/.../x..y/..z"),
            ("/a@b:c!$&'()*+,=-_~", "/a@b:c!$&'()*+,=-_~"),
        ] {
            let read = canonical(target);
            assert!(matches!(read, Ok(Cow::Borrowed(_))), "{target}: {read:?}");
            assert_eq!(read.as_deref(), Ok(path), "{target}");
        }
    }

    #[test]
    fn an_escape_that_means_one_thing_has_one_form() {
        for (target, path) in [
            ("/%61dmin", "/admin"),
            ("/%41%2D%5f%7e", "/A-_~"),
            ("/a%20b", "/a%20b"),
            ("/caf%c3%a9", "/caf%C3%A9"),
            ("/%40%3a?%40", "/@:"),
            ("/a%7cb", "/a%7Cb"),
        ] {
            assert_eq!(canonical(target).as_deref(), Ok(path), "{target}");
        }
    }

    #[test]
    fn what_readers_could_differ_on_is_refused() {
        use Ambiguous::{
            BrokenEscape, Character, DotSegment, EmptySegment, Encoding, Escape, Form, Query,
        };
        for (target, why) in [
            ("", Form),
            ("*", Form),
            ("?a", Form),
            ("admin", Form),
            ("http://evil/admin", Form),
            ("evil:443", Form),
            ("//admin", EmptySegment),
            ("//", EmptySegment),
            ("/a//b", EmptySegment),
            ("/a//", EmptySegment),
            ("//evil.example/admin?x", EmptySegment),
            ("/.", DotSegment),
            ("/..", DotSegment),
            ("/a/./b", DotSegment),
            ("/a/../b", DotSegment),
            ("/a/..?x", DotSegment),
            ("/a/..;/b", Character),
            ("/a;jsessionid=1", Character),
            ("/a\\b", Character),
            ("/a#b", Character),
            ("/a b", Character),
            ("/a\tb", Character),
            ("/a\0b", Character),
            ("/a\u{7f}", Character),
            ("/caf\u{e9}", Character),
            ("/a\"b", Character),
            ("/{a}", Character),
            ("/a|b", Character),
            ("/%2e%2e/b", Escape),
            ("/a%2Eb", Escape),
            ("/a%2fb", Escape),
            ("/a%2Fb", Escape),
            ("/a%5cb", Escape),
            ("/a%3bb", Escape),
            ("/a%3fb", Escape),
            ("/a%23b", Escape),
            ("/a%00", Escape),
            ("/a%0d%0a", Escape),
            ("/a%7f", Escape),
            ("/%252e%252e/b", Escape),
            ("/a%25%32%66b", Escape),
            ("/a%", BrokenEscape),
            ("/a%2", BrokenEscape),
            ("/a%zz", BrokenEscape),
            ("/a%u002f", BrokenEscape),
            ("/%c0%af", Encoding),
            ("/%ff", Encoding),
            ("/%c3x%a9", Encoding),
            ("/a?b#c", Query),
            ("/a?b c", Query),
            ("/a?\u{e9}", Query),
            ("/a?\0", Query),
        ] {
            assert_eq!(canonical(target), Err(why), "{target}");
        }
    }

    /// What a lenient reader makes of a path: everything unescaped, slashes merged, dots resolved,
    /// parameters cut off, backslashes turned; twice over, for those who unescape twice.
    fn read_leniently(path: &str) -> Vec<u8> {
        let once = |path: &[u8]| {
            let mut bytes = Vec::new();
            let mut rest = path;
            while let [first, tail @ ..] = rest {
                match rest {
                    [b'%', high, low, tail @ ..]
                        if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
                    {
                        let text = [*high, *low];
                        let text = std::str::from_utf8(&text).unwrap();
                        bytes.push(u8::from_str_radix(text, 16).unwrap());
                        rest = tail;
                    }
                    _ => {
                        bytes.push(if *first == b'\\' { b'/' } else { *first });
                        rest = tail;
                    }
                }
            }
            let mut segments: Vec<&[u8]> = Vec::new();
            for segment in bytes.split(|b| *b == b'/') {
                let segment = segment.split(|b| *b == b';').next().unwrap();
                match segment {
                    b"" | b"." => {}
                    b".." => drop(segments.pop()),
                    _ => segments.push(segment),
                }
            }
            segments.join(&b'/')
        };
        once(&once(path.as_bytes()))
    }

    fn read_strictly(path: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut rest = path.trim_matches('/');
        while let Some((before, after)) = rest.split_once('%') {
            bytes.extend_from_slice(before.as_bytes());
            bytes.push(u8::from_str_radix(&after[..2], 16).unwrap());
            rest = &after[2..];
        }
        bytes.extend_from_slice(rest.as_bytes());
        bytes
    }

    proptest! {
        #[test]
        fn a_lenient_reader_sees_the_path_that_was_judged(
            target in "/([a-c]|\\.|/|%2[0-9a-fA-F]|%[3-7][0-9a-f]|%c3%a9|[;:@?#%\\\\ A]){0,12}"
        ) {
            if let Ok(path) = canonical(&target) {
                let sent = target.split('?').next().unwrap();
                prop_assert_eq!(read_leniently(sent), read_strictly(&path));
            }
        }

        #[test]
        fn a_canonical_path_is_its_own(target in "/[ -~]{0,16}") {
            if let Ok(path) = canonical(&target) {
                prop_assert_eq!(canonical(&path), Ok(Cow::Borrowed(&*path)).map(|p: Cow<'_, str>| p));
            }
        }

        #[test]
        fn nothing_makes_it_panic(target in any::<String>()) {
            let _ = canonical(&target);
        }
    }
}
