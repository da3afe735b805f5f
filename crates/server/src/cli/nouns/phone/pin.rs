//! The PIN: from a file, the environment, or typed where nobody sees it. Never from the command line, which other users
//! of the machine can read.

use super::file::REPLACE_PHONE;
use crate::{
    cli::{failure::Failure, files},
    system::environment_variables,
};
use countersign_engine::secret::Secret;
use rustix::termios::{self, LocalModes, OptionalActions, Termios};
use std::{
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, IsTerminal, Write},
    path::PathBuf,
};

/// Where the PIN comes from.
#[derive(Debug, Clone, clap::Args)]
pub struct Source {
    /// A file with the PIN; else COUNTERSIGN_PHONE_PIN, else it is asked for
    #[arg(long, value_name = "FILE")]
    pin_file: Option<PathBuf>,
}

const VARIABLE: &str = "COUNTERSIGN_PHONE_PIN";

impl Source {
    /// The PIN of a new phone, typed twice where it is typed.
    pub(super) fn for_enrolment(&self) -> Result<Secret<String>, Failure> {
        if let Some(pin) = self.said()? {
            return Ok(pin);
        }
        let first = typed("Choose a PIN (6 to 12 digits): ")?;
        let again = typed("The same PIN again: ")?;
        if first.expose() != again.expose() {
            return Err(Failure::usage("the two PINs differ"));
        }
        Ok(first)
    }

    /// The PIN that approves.
    pub(super) fn for_answer(&self) -> Result<Secret<String>, Failure> {
        match self.said()? {
            Some(pin) => Ok(pin),
            None => typed("PIN: "),
        }
    }

    /// The PIN that a file or the environment tells.
    pub(super) fn said(&self) -> Result<Option<Secret<String>>, Failure> {
        if let Some(file) = &self.pin_file {
            return files::secret(file, REPLACE_PHONE).map(Some);
        }
        let variables = environment_variables().into_iter();
        let mut named = variables.filter(|(name, value)| name == VARIABLE && !value.is_empty());
        Ok(named.next().map(|(_, value)| Secret::new(value)))
    }
}

/// Whether somebody is there to be asked.
pub(super) fn is_attended() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Ask on the terminal, without showing what is typed.
fn typed(question: &str) -> Result<Secret<String>, Failure> {
    let nobody = || {
        Failure::usage("there is no terminal to ask for the PIN on")
            .advise(format!("give it with --pin-file FILE or {VARIABLE}"))
    };
    let mut terminal = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/tty")
        .map_err(|_| nobody())?;
    let hidden = Hidden::new(&terminal).map_err(|_| nobody())?;
    let unasked =
        |error: std::io::Error| Failure::refused(format!("cannot ask for the PIN: {error}"));
    terminal.write_all(question.as_bytes()).map_err(unasked)?;
    let mut line = String::new();
    BufReader::new(&terminal)
        .read_line(&mut line)
        .map_err(unasked)?;
    drop(hidden);
    terminal.write_all(b"\n").map_err(unasked)?;
    Ok(Secret::new(line.trim_end_matches(['\r', '\n']).to_owned()))
}

/// While it lives, the terminal does not show what is typed.
struct Hidden {
    terminal: File,
    before: Termios,
}

impl Hidden {
    fn new(terminal: &File) -> std::io::Result<Self> {
        let terminal = terminal.try_clone()?;
        let before = termios::tcgetattr(&terminal)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        termios::tcsetattr(&terminal, OptionalActions::Flush, &silent)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // Where the terminal has gone, there is nothing to show on.
        let _ = termios::tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}
