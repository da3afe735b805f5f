//! The command line.

use std::process::ExitCode;

/// Read the arguments, do what they say, and say how it went.
pub fn run() -> ExitCode {
    ExitCode::FAILURE
}
