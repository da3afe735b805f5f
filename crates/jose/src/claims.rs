//! Claims of a verified token, read by type (RFC 7519 section 4.1).

use serde_json::{Map, Value};

/// A claim is there and is not what it must be.
///
/// It is an error and not an absent claim: a reader that shrugs at `"exp":"9"` skips the check.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// The claim has another JSON type.
    #[error("claim {claim} is not {expected}")]
    WrongType {
        /// The claim's name.
        claim: String,
        /// What was expected, for a log line.
        expected: &'static str,
    },
    /// The claim is a number outside its range.
    #[error("claim {claim} is out of range")]
    OutOfRange {
        /// The claim's name.
        claim: String,
    },
}

impl ClaimError {
    /// The claim's name.
    #[must_use]
    pub fn claim(&self) -> &str {
        match self {
            Self::WrongType { claim, .. } | Self::OutOfRange { claim } => claim,
        }
    }

    fn wrong_type(claim: &str, expected: &'static str) -> Self {
        Self::WrongType {
            claim: claim.to_owned(),
            expected,
        }
    }

    fn out_of_range(claim: &str) -> Self {
        Self::OutOfRange {
            claim: claim.to_owned(),
        }
    }
}

/// The claims of a token whose signature has been verified; nothing else makes one.
///
/// Their types are checked when they are read. Whether they *permit* anything (times, audience,
/// issuer) is for the caller.
#[derive(Debug, Clone, PartialEq)]
pub struct Claims(Map<String, Value>);

impl Claims {
    pub(crate) fn verified(members: Map<String, Value>) -> Self {
        Self(members)
    }

    /// A string claim; `None` if absent.
    ///
    /// # Errors
    /// The claim is there and not a string, `null` included.
    pub fn str(&self, name: &str) -> Result<Option<&str>, ClaimError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(ClaimError::wrong_type(name, "a string")),
        }
    }

    /// A boolean claim; `None` if absent.
    ///
    /// # Errors
    /// The claim is there and not a boolean.
    pub fn bool(&self, name: &str) -> Result<Option<bool>, ClaimError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(_) => Err(ClaimError::wrong_type(name, "a boolean")),
        }
    }

    /// A time claim such as `exp`: seconds since 1970-01-01 UTC, perhaps with a fraction
    /// (RFC 7519 section 2); `None` if absent.
    ///
    /// # Errors
    /// Not a number, negative, or beyond 64 bits.
    pub fn numeric_date(&self, name: &str) -> Result<Option<NumericDate>, ClaimError> {
        let number = match self.0.get(name) {
            None => return Ok(None),
            Some(Value::Number(number)) => number,
            Some(_) => return Err(ClaimError::wrong_type(name, "a number")),
        };
        if let Some(whole) = number.as_u64() {
            let seconds = i64::try_from(whole).map_err(|_| ClaimError::out_of_range(name))?;
            return Ok(Some(NumericDate {
                floor: seconds,
                ceil: seconds,
            }));
        }
        number
            .as_f64()
            .and_then(NumericDate::from_fractional)
            .map(Some)
            .ok_or_else(|| ClaimError::out_of_range(name))
    }

    /// The audience, written as one string or as an array of strings (section 4.1.3); empty if
    /// the claim is absent.
    ///
    /// # Errors
    /// Any other shape. An empty array too: it is not the same as no audience.
    pub fn audience(&self) -> Result<Vec<&str>, ClaimError> {
        self.strings("aud").map(Option::unwrap_or_default)
    }

    /// A claim written as one string or as a non-empty array of strings; `None` if absent.
    ///
    /// # Errors
    /// Any other shape.
    pub fn strings(&self, name: &str) -> Result<Option<Vec<&str>>, ClaimError> {
        let wrong = || ClaimError::wrong_type(name, "a string or a non-empty array of strings");
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(vec![text])),
            Some(Value::Array(elements)) if !elements.is_empty() => elements
                .iter()
                .map(|element| element.as_str().ok_or_else(wrong))
                .collect::<Result<_, _>>()
                .map(Some),
            Some(_) => Err(wrong()),
        }
    }

    /// Any claim, as parsed.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// All claims.
    #[must_use]
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    /// All claims, taken out.
    #[must_use]
    pub fn into_map(self) -> Map<String, Value> {
        self.0
    }
}

/// A NumericDate in whole seconds, rounded both ways.
///
/// Take the one that favours the verifier: `exp` and the age of `iat` round down, the begin of
/// `nbf` rounds up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NumericDate {
    floor: i64,
    ceil: i64,
}

impl NumericDate {
    /// Seconds since the epoch, a fraction cut off: the earlier second.
    #[must_use]
    pub const fn floor(self) -> i64 {
        self.floor
    }

    /// Seconds since the epoch, a fraction counted in full: the later second.
    #[must_use]
    pub const fn ceil(self) -> i64 {
        self.ceil
    }

    fn from_fractional(seconds: f64) -> Option<Self> {
        // 2^63 exactly: the first value that an i64 does not hold.
        const END: f64 = 9_223_372_036_854_775_808.0;
        if seconds.is_nan() || seconds.is_sign_negative() || seconds.ceil() >= END {
            return None;
        }
        #[allow(clippy::cast_possible_truncation)] // in range, as compared above
        let (floor, ceil) = (seconds.floor() as i64, seconds.ceil() as i64);
        Some(Self { floor, ceil })
    }
}
