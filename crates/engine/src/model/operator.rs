//! Operators: who runs the installation.

use super::State;
use crate::{id::OperatorId, time::Timestamp};
use serde::{Deserialize, Serialize};

/// What an operator may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Read everything; change nothing.
    Viewer,
    /// Read and change everything but operators.
    Editor,
    /// Everything.
    Owner,
}

/// A person or script that runs the installation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    /// Its name, in the audit log.
    pub id: OperatorId,
    /// What people call it.
    pub display_name: String,
    /// What it may do.
    pub role: Role,
    /// Disabled: its tokens are refused, and kept.
    pub state: State,
    /// Its number, for dialects that print who made a client.
    pub number: u64,
    /// When it was made.
    pub created_at: Timestamp,
}
