//! `countersign phone`: a person's phone in a terminal. It speaks the device protocol (docs/device-protocol.md) with the
//! host where phones answer, and needs no operator's token. What it prints of a request stands in the request's record.

mod file;
mod keys;
mod pin;
mod shown;
mod watch;
mod wire;

pub use file::PhoneFile;
pub use keys::DeviceKey;
pub use wire::{Decision, Phone, Refused, Waiting, phone_url};

use super::super::{
    connect::Connection,
    failure::Failure,
    output::{Column, Output},
};
use clap::Subcommand;
use serde_json::Value;
use std::path::PathBuf;

/// What a phone can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a key, and enrol as a phone; the key is kept in the file
    Enrol {
        /// Where phones answer: the environment's phone URL
        #[arg(long)]
        url: String,
        /// What to call this phone
        #[arg(long, default_value = "terminal")]
        name: String,
        /// Which phone.
        #[command(flatten)]
        phone: Which,
        /// How the PIN is told.
        #[command(flatten)]
        pin: pin::Source,
    },
    /// Type in the nine digits that a page or an operator shows
    TypeIn {
        /// The digits
        nonce: String,
        /// Which phone.
        #[command(flatten)]
        phone: Which,
    },
    /// List what waits for an answer
    List {
        /// Which phone.
        #[command(flatten)]
        phone: Which,
    },
    /// Show requests as they come, and ask what to answer
    Watch(watch::Arguments),
    /// Show a request, and approve it with the PIN
    Approve {
        /// The request
        request: String,
        /// Which phone.
        #[command(flatten)]
        phone: Which,
        /// How the PIN is told.
        #[command(flatten)]
        pin: pin::Source,
    },
    /// Reject a request
    Reject {
        /// The request
        request: String,
        /// Which phone.
        #[command(flatten)]
        phone: Which,
    },
    /// Show this phone, or one request whole
    Show {
        /// The request
        request: Option<String>,
        /// Which phone.
        #[command(flatten)]
        phone: Which,
    },
}

/// Which phone.
#[derive(Debug, clap::Args)]
pub struct Which {
    /// The phone's file. It holds the private key: whoever has it and the PIN can approve
    #[arg(long, value_name = "FILE", default_value = "phone.json")]
    file: PathBuf,
}

impl Which {
    fn open(&self, connection: &Connection) -> Result<Phone, Failure> {
        PhoneFile::read(&self.file)?.phone(connection.authorities()?)
    }
}

const DEVICE: &[Column] = &[
    ("name", "name"),
    ("device", "id"),
    ("environment", "environment"),
    ("locked", "locked"),
    ("tries left", "tries_left"),
    ("answers for", "links"),
    ("can be asked by", "assets"),
];

const TYPED_IN: &[Column] = &[
    ("shown by", "shown_by"),
    ("purpose", "purpose"),
    ("asset", "asset"),
];

/// Do it.
///
/// # Errors
/// [`Failure`].
pub async fn run(
    command: Command,
    connection: &Connection,
    output: &mut Output,
) -> Result<(), Failure> {
    match command {
        Command::Enrol {
            url,
            name,
            phone,
            pin,
        } => {
            let address = phone_url(&url)?;
            let file = file::Reserved::make(&phone.file)?;
            let pin = pin.for_enrolment()?;
            let key = DeviceKey::generate()?;
            let made = Phone::new(address, key, connection.authorities()?)?;
            let device = made.enrol(&name, &pin).await?;
            file.keep(&PhoneFile::of(&made, &name)?)?;
            output.row(DEVICE, &device);
            output.say(format!(
                "\nThe private key is in {}, for your eyes only: whoever has it and the PIN can approve in your name.",
                phone.file.display()
            ));
        }
        Command::TypeIn { nonce, phone } => {
            let typed = phone.open(connection)?.type_in(&nonce).await?;
            output.row(TYPED_IN, &typed);
        }
        Command::List { phone } => {
            let waiting = phone.open(connection)?.waiting(None).await?;
            shown::list(output, &waiting.requests);
        }
        Command::Watch(arguments) => watch::run(arguments, connection, output).await?,
        Command::Approve {
            request,
            phone,
            pin,
        } => {
            let phone = phone.open(connection)?;
            let waiting = phone.request(&request).await?;
            // People read before they type; machines have read it with `show`.
            if !output.json {
                shown::print(&waiting, phone.now())?;
            }
            let pin = pin.for_answer()?;
            let answered = phone.answer(&waiting, Decision::Approve(&pin)).await?;
            shown::answered(output, &answered);
        }
        Command::Reject { request, phone } => {
            let phone = phone.open(connection)?;
            let waiting = phone.request(&request).await?;
            let answered = phone.answer(&waiting, Decision::Reject).await?;
            shown::answered(output, &answered);
        }
        Command::Show { request, phone } => {
            let phone = phone.open(connection)?;
            match request {
                None => output.row(DEVICE, &phone.device().await?),
                Some(id) => {
                    let waiting = phone.request(&id).await?;
                    output.machine(&waiting.json());
                    output.say(shown::request(&waiting, phone.now()).trim_end());
                }
            }
        }
    }
    Ok(())
}

/// A member of an answer that the protocol promises.
fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str, Failure> {
    value.get(name).and_then(Value::as_str).ok_or_else(|| {
        Failure::unreachable(format!(
            "the answer has no `{name}`: no phones answer there"
        ))
    })
}
