//! Why a command did not do what it was told: what was wrong, where, and what to do about it.

use serde_json::{Value, json};
use std::process::ExitCode;

/// How a command ended, as the shell sees it. `docs/cli.md` says so to its readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The server refused, or something here is not as it must be.
    Refused = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The server cannot be reached, or cannot answer now.
    Unreachable = 3,
    /// `apply --dry-run` found differences.
    Differences = 4,
    /// `approval verify`: an honest receipt, of a rejection.
    Rejected = 5,
}

impl Exit {
    /// Every code with its meaning, for the reference.
    pub const MEANINGS: [(u8, &str); 6] = [
        (0, "done"),
        (
            Self::Refused as u8,
            "refused by the server, or something is not as it must be",
        ),
        (Self::Usage as u8, "the command line is wrong"),
        (
            Self::Unreachable as u8,
            "the server cannot be reached, or cannot answer now",
        ),
        (
            Self::Differences as u8,
            "`apply --dry-run` found differences",
        ),
        (
            Self::Rejected as u8,
            "`approval verify`: the receipt holds, and says that the request was rejected",
        ),
    ];
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do what it was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What was wrong.
    pub what: String,
    /// Where: a file with its line, a request.
    pub place: Option<String>,
    /// What to do about it.
    pub advice: Option<String>,
    /// The members that are wrong, each with why.
    pub problems: Vec<(String, String)>,
}

impl Failure {
    /// Something is not as it must be.
    pub fn refused(what: impl Into<String>) -> Self {
        Self::new(Exit::Refused, what)
    }

    /// The command line is wrong.
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(Exit::Usage, what)
    }

    /// The server cannot be reached, or cannot answer now.
    pub fn unreachable(what: impl Into<String>) -> Self {
        Self::new(Exit::Unreachable, what)
    }

    /// A receipt that holds, of a rejection: whoever only looks at the exit code must not take it for a yes.
    pub fn rejected(what: impl Into<String>) -> Self {
        Self::new(Exit::Rejected, what)
    }

    fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self {
            exit,
            what: what.into(),
            place: None,
            advice: None,
            problems: Vec::new(),
        }
    }

    /// Where it was wrong.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place = Some(place.into());
        self
    }

    /// What to do about it.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// For people, several lines.
    pub fn text(&self) -> String {
        // A difference is an answer, not an error.
        let kind = match self.exit {
            Exit::Differences => "differs",
            Exit::Rejected => "rejected",
            Exit::Refused | Exit::Usage | Exit::Unreachable => "error",
        };
        let mut lines = vec![format!("{kind}: {}", self.what)];
        for (field, problem) in &self.problems {
            lines.push(format!("  - {field}: {problem}"));
        }
        if let Some(place) = &self.place {
            lines.push(format!("  at: {place}"));
        }
        if let Some(advice) = &self.advice {
            lines.push(format!("  do: {advice}"));
        }
        lines.join("\n")
    }

    /// For machines.
    pub fn json(&self) -> Value {
        let problems: Vec<Value> = self
            .problems
            .iter()
            .map(|(field, problem)| json!({ "field": field, "problem": problem }))
            .collect();
        json!({
            "error": {
                "what": self.what,
                "at": self.place,
                "do": self.advice,
                "problems": problems,
                "exit": self.exit as u8,
            }
        })
    }
}
