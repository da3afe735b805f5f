//! Sentences about what is wrong with a request, in characters that every envelope takes.

use countersign_engine::denied::{Problem, ProblemKind};

/// Characters of a caller's own text that an answer repeats.
const ECHO_CHARS_MAX: usize = 64;
/// Problems that one sentence names; `errors` of a problem document lists them all.
const NAMED_MAX: usize = 8;

/// What is wrong with the members of a request, as one line.
pub fn problems(problems: &[Problem]) -> String {
    let named: Vec<String> = problems.iter().take(NAMED_MAX).map(problem).collect();
    if named.is_empty() {
        "The request is not valid.".into()
    } else {
        named.join("; ")
    }
}

/// What is wrong with one member, in at most some 200 characters of RFC 6749 section 5.2's set.
pub fn problem(problem: &Problem) -> String {
    let field = plain(&problem.field);
    match &problem.kind {
        ProblemKind::Missing => format!("{field}: missing"),
        ProblemKind::Repeated => format!("{field}: given more than once"),
        // Our own words, whole: only what a caller wrote is cut.
        ProblemKind::Expected(what) => format!("{field}: expected {}", printable(what)),
        ProblemKind::TooLong { max } => format!("{field}: more than {max}"),
        ProblemKind::UnknownMember => format!("{field}: not a known member"),
        ProblemKind::NoSuch => format!("{field}: names nothing that exists"),
        ProblemKind::StillNamed { guard, what } => format!(
            "{field}: the guard {} still names {}; change that guard first",
            plain(guard),
            plain(what)
        ),
    }
}

/// The machine's word for a kind of problem.
pub const fn code(kind: &ProblemKind) -> &'static str {
    match kind {
        ProblemKind::Missing => "missing",
        ProblemKind::Repeated => "repeated",
        ProblemKind::Expected(_) => "expected",
        ProblemKind::TooLong { .. } => "too_long",
        ProblemKind::UnknownMember => "unknown_member",
        ProblemKind::NoSuch => "no_such",
        ProblemKind::StillNamed { .. } => "still_named",
    }
}

/// `text` with what `error_description` may not hold (RFC 6749 section 5.2: %x20-21, %x23-5B, %x5D-7E)
/// replaced, cut to a length that no caller can make us repeat more than.
pub fn plain(text: &str) -> String {
    text.chars().take(ECHO_CHARS_MAX).map(allowed).collect()
}

fn printable(text: &str) -> String {
    text.chars().map(allowed).collect()
}

fn allowed(c: char) -> char {
    match c {
        ' ' | '!' | '#'..='[' | ']'..='~' => c,
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callers_own_text_cannot_break_out() {
        let field = "a\"b\\c\r\nd\u{1b}[31m\u{202e}\u{e9}";
        let told = problem(&Problem::new(field, ProblemKind::Repeated));
        assert_eq!(told, "a?b?c??d?[31m??: given more than once");
        assert!(plain(&"x".repeat(10_000)).len() <= ECHO_CHARS_MAX);
    }

    #[test]
    fn a_sentence_names_the_first_few() {
        let many: Vec<Problem> = (0..100)
            .map(|n| Problem::new(format!("f{n}"), ProblemKind::Missing))
            .collect();
        let told = problems(&many);
        assert!(told.starts_with("f0: missing; f1: missing") && told.ends_with("f7: missing"));
        assert_eq!(problems(&[]), "The request is not valid.");
    }
}
