//! The sentence that people are shown: a guard's template, filled with what is bound and with nothing else.
//!
//! What a query means must be the same for the person who reads it here and for the API that acts on it. So where
//! readers of queries differ (a name twice, in whatever case; `;`; broken escapes), the request is refused.

use crate::{
    bounds::{SENTENCE_BYTES_MAX, TEXT_BYTES_MAX},
    denied::{Denied, ProblemKind},
    id::{ClientId, OrganizationId},
    model::approval::Bound,
};
use std::fmt::Write;

/// What stands for something that is not there.
const NOTHING: &str = "-";

/// A piece of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    Field(Field<'a>),
}

/// Something that is bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field<'a> {
    Method,
    Host,
    Path,
    Target,
    Client,
    Subject,
    Organization,
    Query(&'a str),
}

impl<'a> Field<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        Some(match text {
            "method" => Self::Method,
            "host" => Self::Host,
            "path" => Self::Path,
            "target" => Self::Target,
            "client" => Self::Client,
            "subject" => Self::Subject,
            "organization" => Self::Organization,
            _ => {
                let name = text.strip_prefix("query.")?;
                let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
                let fits = !name.is_empty() && name.bytes().all(plain);
                return fits.then_some(Self::Query(name));
            }
        })
    }
}

/// A template, taken apart.
///
/// # Errors
/// What is expected of one.
fn parse(template: &str) -> Result<Vec<Piece<'_>>, &'static str> {
    const BRACES: &str = "a text whose braces are in pairs";
    const FIELDS: &str =
        "fields of {method} {host} {path} {target} {client} {subject} {organization} {query.NAME}";
    let mut pieces = Vec::new();
    let mut rest = template;
    while !rest.is_empty() {
        let (text, after) = rest.split_at(rest.find('{').unwrap_or(rest.len()));
        if text.contains('}') {
            return Err(BRACES);
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        let Some(after) = after.strip_prefix('{') else {
            break;
        };
        let (name, after) = after.split_once('}').ok_or(BRACES)?;
        if name.contains('{') {
            return Err(BRACES);
        }
        pieces.push(Piece::Field(Field::parse(name).ok_or(FIELDS)?));
        rest = after;
    }
    Ok(pieces)
}

/// Whether `template` is one that can be filled.
///
/// # Errors
/// What is expected.
pub(crate) fn check_template(template: &str) -> Result<(), &'static str> {
    if template.trim().is_empty() || template.len() > TEXT_BYTES_MAX {
        return Err("a text of 1 to 256 bytes");
    }
    if template.chars().any(is_unseen) {
        return Err("a text without characters that cannot be seen");
    }
    parse(template).map(|_| ())
}

/// The sentence for a request.
///
/// # Errors
/// [`Denied::Invalid`] when a query field lacks, is there twice, or could be read in two ways; or when the sentence is
/// longer than people read.
pub(super) fn fill(
    template: &str,
    bound: &Bound,
    organization: Option<&OrganizationId>,
) -> Result<String, Denied> {
    // It was checked when it was written; a list from elsewhere lets nothing pass.
    let pieces =
        parse(template).map_err(|it| Denied::invalid("sentence", ProblemKind::Expected(it)))?;
    let (path, query) = bound.target.split_once('?').unwrap_or((&bound.target, ""));
    let mut sentence = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => sentence.push_str(text),
            Piece::Field(Field::Method) => show(&mut sentence, &bound.method),
            Piece::Field(Field::Host) => show(&mut sentence, &bound.host),
            Piece::Field(Field::Path) => show(&mut sentence, path),
            Piece::Field(Field::Target) => show(&mut sentence, &bound.target),
            Piece::Field(Field::Client) => {
                let client = bound.client.as_ref().map(ClientId::as_str);
                show(&mut sentence, client.unwrap_or(NOTHING));
            }
            Piece::Field(Field::Subject) => show(&mut sentence, &bound.subject),
            Piece::Field(Field::Organization) => {
                let organization = organization.map(OrganizationId::as_str);
                show(&mut sentence, organization.unwrap_or(NOTHING));
            }
            Piece::Field(Field::Query(name)) => show(&mut sentence, &query_field(query, name)?),
        }
        if sentence.len() > SENTENCE_BYTES_MAX {
            let max = SENTENCE_BYTES_MAX;
            return Err(Denied::invalid("target", ProblemKind::TooLong { max }));
        }
    }
    Ok(sentence)
}

/// The one value of `name` in a query, decoded once (WHATWG URL, application/x-www-form-urlencoded).
fn query_field(query: &str, name: &str) -> Result<String, Denied> {
    let field = || format!("query.{name}");
    let invalid = |kind| Denied::invalid(field(), kind);
    if query.contains(';') {
        let expected = "a query without ;, which some read as &";
        return Err(Denied::invalid("target", ProblemKind::Expected(expected)));
    }
    let mut found = None;
    for pair in query.split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let expected = "escapes of UTF-8";
        let unreadable = || Denied::invalid("target", ProblemKind::Expected(expected));
        // Some APIs take names in any case.
        if !decoded(key)
            .ok_or_else(unreadable)?
            .eq_ignore_ascii_case(name)
        {
            continue;
        }
        let value = decoded(value).ok_or_else(unreadable)?;
        if found.replace((key, value)).is_some() {
            return Err(invalid(ProblemKind::Repeated));
        }
    }
    match found {
        Some((key, value)) if key == name && !value.trim().is_empty() => Ok(value),
        // There in another spelling, or empty: people would be shown nothing.
        Some(_) => Err(invalid(ProblemKind::Expected(
            "a value, under this very name",
        ))),
        None => Err(invalid(ProblemKind::Missing)),
    }
}

/// `+` is a space, and each escape a byte; none where it is no UTF-8 or no escape.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => hexadecimal(rest.next()?)? << 4 | hexadecimal(rest.next()?)?,
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

const fn hexadecimal(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Append a value. What could not be seen, or turn the order of what is seen, is named instead.
fn show(sentence: &mut String, value: &str) {
    for character in value.chars() {
        if is_unseen(character) {
            // Writing to a string cannot fail.
            let _ = write!(sentence, "[U+{:04X}]", u32::from(character));
        } else {
            sentence.push(character);
        }
    }
}

/// Control and format characters (Unicode categories Cc, Cf, Zl, Zp, and what draws nothing): line breaks, overrides of
/// the writing direction (UAX 9), joiners, tags, variation selectors, blanks that are no space.
pub(super) fn is_unseen(character: char) -> bool {
    character.is_control()
        || (character.is_whitespace() && character != ' ')
        || matches!(u32::from(character),
            0xad | 0x34f | 0x600..=0x605 | 0x61c | 0x6dd | 0x70f | 0x890..=0x891 | 0x8e2
            | 0x115f..=0x1160 | 0x17b4..=0x17b5 | 0x180b..=0x180f | 0x200b..=0x200f
            | 0x202a..=0x202e | 0x2060..=0x206f | 0x2800 | 0x3164 | 0xfe00..=0xfe0f | 0xfeff
            | 0xffa0 | 0xfff0..=0xfffb | 0x110bd | 0x110cd | 0x13430..=0x1345f
            | 0x1bca0..=0x1bca3 | 0x1d173..=0x1d17a | 0xe0000..=0xe0fff)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(target: &str) -> Bound {
        Bound {
            guard: "payouts".into(),
            client: ClientId::parse("client_1").ok(),
            subject: "jane".into(),
            method: "POST".into(),
            host: "api.example".into(),
            target: target.into(),
            content_digest: None,
        }
    }

    fn filled(template: &str, target: &str) -> Result<String, Denied> {
        let acme = OrganizationId::parse("acme").unwrap();
        fill(template, &bound(target), Some(&acme))
    }

    #[test]
    fn templates_are_filled_with_what_is_bound() {
        for (template, target, expected) in [
            (
                "Pay {query.amount} to {query.to}",
                "/payouts?to=Ada&amount=5",
                "Pay 5 to Ada",
            ),
            (
                "{method} {host}{path}",
                "/payouts?to=Ada",
                "POST api.example/payouts",
            ),
            ("{target}", "/payouts?to=Ada", "/payouts?to=Ada"),
            (
                "{client} of {organization} for {subject}",
                "/",
                "client_1 of acme for jane",
            ),
            ("{query.to}", "/?to=Ada+B%2B%C3%A9", "Ada B+é"),
            ("{query.to}", "/?to=%2541", "%41"),
            ("{query.to}", "/?to=a=b", "a=b"),
            ("{query.to}", "/?x=1&to=%7Bhost%7D", "{host}"),
            ("no fields", "/", "no fields"),
        ] {
            assert_eq!(
                filled(template, target).as_deref(),
                Ok(expected),
                "{template}"
            );
        }
    }

    #[test]
    fn what_cannot_be_seen_is_named() {
        for (value, expected) in [
            ("a%0Ab", "a[U+000A]b"),
            ("%E2%80%AEgnp", "[U+202E]gnp"),
            ("a%E2%80%8Bb", "a[U+200B]b"),
            ("a%C2%A0b", "a[U+00A0]b"),
            ("%E2%81%A6x%E2%81%A9", "[U+2066]x[U+2069]"),
            ("%EF%BB%BFx", "[U+FEFF]x"),
            ("%F3%A0%81%81", "[U+E0041]"),
            ("%7F", "[U+007F]"),
        ] {
            let shown = filled("{query.v}", &format!("/?v={value}"));
            assert_eq!(shown.as_deref(), Ok(expected), "{value}");
        }
    }

    #[test]
    fn a_query_that_could_be_read_in_two_ways_is_refused() {
        for target in [
            "/",
            "/?",
            "/?amoun=1",
            "/?amount",
            "/?amount=",
            "/?amount=%20+",
            "/?amount=1&amount=2",
            "/?amount=1&%61mount=2",
            "/?amount=1&Amount=2",
            "/?Amount=1",
            "/?amount=1;amount=2",
            "/?x=1;amount=2&amount=1",
            "/?amount=%zz",
            "/?amount=%4",
            "/?amount=%ff",
            "/?%ff=1&amount=1",
        ] {
            let refused = filled("{query.amount}", target);
            assert!(matches!(refused, Err(Denied::Invalid(_))), "{target}");
        }
    }

    #[test]
    fn a_sentence_is_as_long_as_people_read() {
        let fits = "x".repeat(SENTENCE_BYTES_MAX);
        assert!(filled("{query.v}", &format!("/?v={fits}")).is_ok());
        assert!(filled("{query.v}", &format!("/?v={fits}x")).is_err());
        assert!(filled("{query.v}{query.v}", &format!("/?v={fits}")).is_err());
    }

    #[test]
    fn what_is_no_template_is_refused_when_it_is_written() {
        for (template, is_one) in [
            ("Pay {query.amount} to {query.to}", true),
            ("Pay", true),
            ("{query.a-b_c.d}", true),
            ("", false),
            (" ", false),
            ("{", false),
            ("}", false),
            ("{}", false),
            ("{{host}}", false),
            ("{host", false),
            ("host}", false),
            ("{body}", false),
            ("{Host}", false),
            ("{ host }", false),
            ("{query.}", false),
            ("{query.a b}", false),
            ("{query}", false),
            ("line\nbreak", false),
            ("\u{202e}", false),
        ] {
            assert_eq!(check_template(template).is_ok(), is_one, "{template}");
        }
        assert!(check_template(&"x".repeat(TEXT_BYTES_MAX + 1)).is_err());
    }
}
