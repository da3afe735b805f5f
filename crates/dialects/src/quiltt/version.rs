//! `Quiltt-Version`: a request may say which version of the API it expects, a key may be pinned to one, and every
//! answer names the one that was used.

use countersign_engine::denied::{Denied, ProblemKind};
use http::{HeaderMap, HeaderName};

/// The header.
pub const HEADER: HeaderName = HeaderName::from_static("quiltt-version");

/// A version of the API. What we serve reads the same in all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// The first with a date.
    V20240101,
    /// The second.
    V20250401,
    /// The newest.
    V20260401,
}

impl Version {
    /// Every version, the newest last.
    pub const ALL: [Self; 3] = [Self::V20240101, Self::V20250401, Self::V20260401];
    /// The one that is used where neither request nor key says another: our choice.
    pub const NEWEST: Self = Self::V20260401;

    /// As the header spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V20240101 => "2024-01-01",
            Self::V20250401 => "2025-04-01",
            Self::V20260401 => "2026-04-01",
        }
    }

    /// The version with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.name() == name)
    }

    /// The version that a request asks for, if it does.
    ///
    /// # Errors
    /// [`Denied::Invalid`]: two, or one that there is not.
    pub fn asked(headers: &HeaderMap) -> Result<Option<Self>, Denied> {
        let mut values = headers.get_all(HEADER).iter();
        let Some(value) = values.next() else {
            return Ok(None);
        };
        if values.next().is_some() {
            return Err(Denied::invalid("Quiltt-Version", ProblemKind::Repeated));
        }
        let known = value.to_str().ok().and_then(Self::from_name);
        let expected = ProblemKind::Expected("2024-01-01, 2025-04-01 or 2026-04-01");
        known
            .map(Some)
            .ok_or_else(|| Denied::invalid("Quiltt-Version", expected))
    }
}
