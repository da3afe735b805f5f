//! Where in a file a byte is, and where in the configuration a variable points.

use std::ops::Range;

/// What the names of our variables begin with; `__` stands between the members of the path.
pub(super) const PREFIX: &str = "COUNTERSIGN__";

/// The line of the start of `span`, counted from 1.
pub(super) fn line(text: &str, span: &Range<usize>) -> usize {
    let before = text.as_bytes().get(..span.start).unwrap_or_default();
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}

/// The path that a variable sets: `COUNTERSIGN__LISTENER__PUBLIC__ADDRESSES` is `listener.public.addresses`.
pub(super) fn path(variable: &str) -> Option<Vec<String>> {
    let rest = variable.strip_prefix(PREFIX)?;
    Some(rest.split("__").map(str::to_ascii_lowercase).collect())
}

/// Whether a path as errors print it (`listener.gateway[0].profile`) is at or under `path`.
pub(super) fn is_under(printed: &str, path: &[String]) -> bool {
    let plain = printed.replace('[', ".").replace(']', "");
    let mut parts = plain.split('.').filter(|part| !part.is_empty());
    path.iter().all(|part| parts.next() == Some(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_names_a_path_and_an_error_finds_its_variable() {
        let path = path("COUNTERSIGN__LISTENER__GATEWAY__0__PROFILE").unwrap();
        assert_eq!(path, ["listener", "gateway", "0", "profile"]);
        assert!(is_under("listener.gateway[0].profile", &path));
        assert!(!is_under("listener.gateway[1].profile", &path));
        assert!(!is_under("listener.gateway", &path));
        assert_eq!(super::path("COUNTERSIGN_MASTER_KEY"), None);
    }

    #[test]
    fn lines_are_counted_from_one() {
        assert_eq!(line("a\nb\nc", &(0..1)), 1);
        assert_eq!(line("a\nb\nc", &(4..5)), 3);
    }
}
