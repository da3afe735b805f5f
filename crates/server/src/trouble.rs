//! An error that an operator can do something about: what was wrong, where, and what to do.

/// What stands in the way of a start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Trouble {
    /// What was wrong.
    pub what: String,
    /// Where: a key of the configuration, a folder.
    pub place: String,
    /// What to do about it.
    pub advice: String,
}
