//! Which guard a request meets: read top-down, first match wins.

use crate::model::guard::Guard;
use std::sync::Arc;

/// A guard with its patterns taken apart.
pub(crate) struct CompiledGuard {
    pub guard: Arc<Guard>,
    paths: Vec<Pattern>,
}

/// A path pattern, a segment at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    segments: Vec<Segment>,
    /// Ends in `/*`: matches at this path and below.
    open: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Exactly(String),
    Any,
}

/// Why a text is not a path pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a path begins with /, has no empty, . or .. segment, may end in /*, and may name whole segments {{so}}"
)]
pub(crate) struct NotAPattern;

impl Pattern {
    fn parse(text: &str) -> Result<Self, NotAPattern> {
        let rest = text.strip_prefix('/').ok_or(NotAPattern)?;
        let (rest, open) = match rest.strip_suffix('*') {
            Some("") => {
                return Ok(Self {
                    segments: Vec::new(),
                    open: true,
                });
            }
            Some(below) => (below.strip_suffix('/').ok_or(NotAPattern)?, true),
            None => (rest, false),
        };
        let segments = rest
            .split('/')
            .map(Segment::parse)
            .collect::<Result<Vec<_>, _>>();
        // A closed pattern may end in a slash (`/v1/`), which is another path than `/v1`.
        let segments = match segments {
            Ok(segments) => segments,
            Err(NotAPattern) if !open && (rest.is_empty() || rest.ends_with('/')) => {
                let kept = rest.strip_suffix('/').filter(|kept| !kept.is_empty());
                let mut segments = kept.map_or(Ok(Vec::new()), |kept| {
                    kept.split('/')
                        .map(Segment::parse)
                        .collect::<Result<Vec<_>, _>>()
                })?;
                segments.push(Segment::Exactly(String::new()));
                segments
            }
            Err(error) => return Err(error),
        };
        Ok(Self { segments, open })
    }

    fn matches(&self, path: &str) -> bool {
        let Some(rest) = path.strip_prefix('/') else {
            return false;
        };
        let mut parts = rest.split('/');
        let begins = self
            .segments
            .iter()
            .all(|segment| match (segment, parts.next()) {
                (Segment::Exactly(text), Some(part)) => text == part,
                (Segment::Any, Some(part)) => !part.is_empty(),
                (_, None) => false,
            });
        begins && (self.open || parts.next().is_none())
    }
}

impl Segment {
    fn parse(text: &str) -> Result<Self, NotAPattern> {
        let named = text
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&'()+,=:@%".contains(&b);
        match named {
            Some(name)
                if !name.is_empty()
                    && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') =>
            {
                Ok(Self::Any)
            }
            Some(_) => Err(NotAPattern),
            // Requests are matched in their canonical form, so a pattern in another would match nothing.
            None if crate::path::canonical(&format!("/{text}"))
                .is_ok_and(|same| same.get(1..) != Some(text)) =>
            {
                Err(NotAPattern)
            }
            None if text.is_empty() || text == "." || text == ".." || !text.bytes().all(plain) => {
                Err(NotAPattern)
            }
            None => Ok(Self::Exactly(text.into())),
        }
    }
}

/// Whether `text` is a path pattern.
pub(crate) fn check_pattern(text: &str) -> Result<(), NotAPattern> {
    Pattern::parse(text).map(|_| ())
}

impl CompiledGuard {
    /// A pattern that cannot be read matches nothing: the guard list was checked when it was written.
    pub fn new(guard: &Guard) -> Self {
        let paths = guard
            .paths
            .iter()
            .filter_map(|path| Pattern::parse(path).ok())
            .collect();
        Self {
            guard: Arc::new(guard.clone()),
            paths,
        }
    }

    /// Whether the guard is for this request. `path` is canonical, without query.
    pub fn matches(&self, host: &str, path: &str, method: &str) -> bool {
        let guard = &*self.guard;
        (guard.methods.is_empty() || guard.methods.iter().any(|known| known == method))
            && (guard.hosts.is_empty() || guard.hosts.iter().any(|known| known == host))
            && self.paths.iter().any(|pattern| pattern.matches(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_segments_only() {
        for (pattern, path, expected) in [
            ("/v2.0/site", "/v2.0/site", true),
            ("/v2.0/site", "/v2.0/site/1", false),
            ("/v2.0/site", "/v2.0/sites", false),
            ("/v2.0/*", "/v2.0", true),
            ("/v2.0/*", "/v2.0/", true),
            ("/v2.0/*", "/v2.0/site/1", true),
            ("/v2.0/*", "/v2.00/site", false),
            ("/*", "/", true),
            ("/*", "/anything/at/all", true),
            ("/", "/", true),
            ("/", "/x", false),
            ("/v1/", "/v1/", true),
            ("/v1/", "/v1", false),
            ("/site/{id}/streams", "/site/7/streams", true),
            ("/site/{id}/streams", "/site//streams", false),
            ("/site/{id}/streams", "/site/7/8/streams", false),
            ("/Site", "/site", false),
        ] {
            assert_eq!(
                Pattern::parse(pattern).unwrap().matches(path),
                expected,
                "{pattern} {path}"
            );
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in [
            "",
            "v2",
            "/a//b",
            "/a/../b",
            "/./a",
            "/a*",
            "/a/*/b",
            "/{}",
            "/{a-b}",
            "/a b",
            "/a?b",
            "/caf%c3%a9",
            "/%41",
            "/a#b",
            "/{id",
        ] {
            assert_eq!(Pattern::parse(text), Err(NotAPattern), "{text}");
        }
    }
}
