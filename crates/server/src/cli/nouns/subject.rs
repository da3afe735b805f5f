//! `countersign subject`

use super::{ALL, approver::NONCE, version};
use crate::cli::{
    api::Api,
    body::Body,
    failure::Failure,
    output::{Column, Output},
    values::{self, State},
};
use clap::{Subcommand, ValueEnum};
use reqwest::Method;
use serde_json::Value;

/// What can be done with subjects.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the subjects of an organization
    List {
        /// The environment
        environment: String,
        /// The organization
        organization: String,
    },
    /// Find the subject that has a contact
    Find(Find),
    /// Show a subject
    Show(Which),
    /// Make a subject
    Create(Box<Create>),
    /// Change a subject
    #[command(visible_alias = "set")]
    Edit(Box<Edit>),
    /// Refuse its sessions and tokens, and keep them
    Disable(Which),
    /// Accept them again
    Enable(Which),
    /// Erase a subject: what is known of the person goes now, and everything of it is refused
    Erase(Which),
    /// Print all that is known of a subject, as JSON
    Export(Which),
    /// Refuse every session and token that was issued to it until now
    EndTokens(Which),
    /// Send it a mail with a link by which it chooses a password: its first one, or another
    SendPasswordLink(Which),
    /// Make a nonce that links a phone to it: whoever types it in approves its requests from then on
    LinkDevice(Which),
    /// List its sessions that live
    Sessions(Which),
    /// End one of its sessions
    EndSession {
        /// Which subject.
        #[command(flatten)]
        which: Which,
        /// The session's public name
        session: String,
    },
}

/// A subject.
#[derive(Debug, clap::Args)]
pub struct Which {
    /// The environment
    environment: String,
    /// Its identifier, a UUID
    subject: String,
}

impl Which {
    fn path<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        [
            &["environments", &self.environment, "subjects", &self.subject],
            more,
        ]
        .concat()
    }
}

/// Whom to find.
#[derive(Debug, clap::Args)]
pub struct Find {
    /// The environment
    environment: String,
    /// The organization
    organization: String,
    /// By this e-mail address
    #[arg(long, required_unless_present = "phone", conflicts_with = "phone")]
    email: Option<String>,
    /// Or by this phone number
    #[arg(long)]
    phone: Option<String>,
    /// Among those whom this platform vouches for
    #[arg(long, value_name = "CLIENT")]
    platform: Option<String>,
}

impl Find {
    fn body(&self) -> Body {
        Body::default()
            .set("email", self.email.as_deref())
            .set("phone", self.phone.as_deref())
            .set("platform", self.platform.as_deref())
    }
}

/// A subject to make.
#[derive(Debug, clap::Args)]
pub struct Create {
    /// The environment
    environment: String,
    /// The organization whose end user it is
    organization: String,
    /// Its identifier, a UUID, where it is brought along from elsewhere
    #[arg(long, value_name = "UUID")]
    id: Option<String>,
    /// The platform that vouches for it
    #[arg(long, value_name = "CLIENT")]
    platform: Option<String>,
    /// What is known of the person.
    #[command(flatten)]
    person: Person,
}

/// A subject to change.
#[derive(Debug, clap::Args)]
pub struct Edit {
    /// Which.
    #[command(flatten)]
    which: Which,
    /// What is known of the person.
    #[command(flatten)]
    person: Person,
    /// Take a member away
    #[arg(long, value_name = "MEMBER")]
    clear: Vec<Clear>,
}

/// What is known of a person.
#[derive(Debug, clap::Args)]
pub struct Person {
    /// Its e-mail address
    #[arg(long)]
    email: Option<String>,
    /// Its phone number, such as +15551234567
    #[arg(long)]
    phone: Option<String>,
    /// The whole name
    #[arg(long)]
    name: Option<String>,
    /// Given name
    #[arg(long)]
    first: Option<String>,
    /// Family name
    #[arg(long)]
    last: Option<String>,
    /// Date of birth, such as 1984-02-29
    #[arg(long, value_name = "DATE")]
    born: Option<String>,
    /// Street and number
    #[arg(long)]
    line1: Option<String>,
    /// What does not fit there
    #[arg(long)]
    line2: Option<String>,
    /// Town
    #[arg(long)]
    city: Option<String>,
    /// State or province
    #[arg(long)]
    region: Option<String>,
    /// Postal code
    #[arg(long)]
    postal_code: Option<String>,
    /// Country by ISO 3166-1 alpha-3, such as USA
    #[arg(long)]
    country: Option<String>,
    /// What the organization notes of it, all of it (repeat for more)
    #[arg(long, value_name = "NAME=VALUE", value_parser = values::note)]
    metadata: Vec<(String, String)>,
}

impl Person {
    /// What was said. A part of a name or of an address joins the parts that are there.
    fn put(self, body: Body, before: &Value) -> Body {
        let names = Body::default()
            .set("first", self.first)
            .set("last", self.last);
        let address = Body::default()
            .set("line1", self.line1)
            .set("line2", self.line2)
            .set("city", self.city)
            .set("state", self.region)
            .set("postal_code", self.postal_code)
            .set("country_code", self.country);
        body.set("email", self.email)
            .set("phone", self.phone)
            .set("name", self.name)
            .set("names", joined(before.get("names"), names))
            .set("date_of_birth", self.born)
            .set("address", joined(before.get("address"), address))
            .notes("metadata", self.metadata)
    }
}

/// The parts that are there, and over them those that were said; nothing where nothing was.
fn joined(before: Option<&Value>, said: Body) -> Option<Value> {
    if said.is_empty() {
        return None;
    }
    let mut parts = before
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    if let Value::Object(said) = said.json() {
        parts.extend(said);
    }
    Some(Value::Object(parts))
}

/// What can be cleared.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Clear {
    /// It has no e-mail address
    Email,
    /// It has no phone number
    Phone,
    /// The whole name is not known
    Name,
    /// The name in parts is not known
    Names,
    /// The date of birth is not known
    Born,
    /// The address is not known
    Address,
    /// Nothing is noted of it
    Metadata,
}

const LIST: &[Column] = &[
    ("SUBJECT", "id"),
    ("E-MAIL", "email"),
    ("PHONE", "phone"),
    ("NAME", "name"),
    ("PLATFORM", "platform"),
    ("STATE", "state"),
    ("ERASED", "closing_at"),
];

const SHOW: &[Column] = &[
    ("subject", "id"),
    ("environment", "environment"),
    ("organization", "organization"),
    ("platform", "platform"),
    ("e-mail", "email"),
    ("phone", "phone"),
    ("name", "name"),
    ("names", "names"),
    ("born", "date_of_birth"),
    ("address", "address"),
    ("metadata", "metadata"),
    ("has a password", "has_password"),
    ("devices", "devices"),
    ("state", "state"),
    ("erased", "closing_at"),
    ("tokens not before", "tokens_not_before"),
    ("made", "created_at"),
    ("changed", "updated_at"),
    ("version", "version"),
];

const LINK: &[Column] = &[("sent to", "sent_to"), ("good until", "expires_at")];

const SESSIONS: &[Column] = &[
    ("SESSION", "id"),
    ("KIND", "kind"),
    ("HINT", "hint"),
    ("CLIENT", "client"),
    ("CREDENTIAL", "credential"),
    ("MADE", "created_at"),
    ("ENDS", "expires_at"),
];

/// Do it.
///
/// # Errors
/// [`Failure`].
pub async fn run(command: Command, api: &Api, output: &mut Output) -> Result<(), Failure> {
    match command {
        Command::List {
            environment,
            organization,
        } => {
            let path = people(&environment, &organization);
            let rows = api.list(&path, &[], ALL).await?;
            output.rows("subject", LIST, &rows);
        }
        Command::Find(find) => {
            let people = people(&find.environment, &find.organization);
            let path = [&people[..], &["find"]].concat();
            output.row(SHOW, &api.post(&path, Some(&find.body().json())).await?);
        }
        Command::Show(which) => output.row(SHOW, &api.get(&which.path(&[])).await?),
        Command::Create(new) => {
            let body = Body::default()
                .set("id", new.id)
                .set("platform", new.platform);
            let body = new.person.put(body, &Value::Null).json();
            let path = people(&new.environment, &new.organization);
            output.row(SHOW, &api.post(&path, Some(&body)).await?);
        }
        Command::Edit(edit) => change(*edit, api, output).await?,
        Command::Disable(which) => turn(&which, State::Disabled, api, output).await?,
        Command::Enable(which) => turn(&which, State::Active, api, output).await?,
        Command::Erase(which) => {
            let path = which.path(&[]);
            let before = api.get(&path).await?;
            api.change(Method::DELETE, &path, version(&before)?, None)
                .await?;
            output.done(&format!(
                "The subject {} is erased: everything of it is refused from now on.",
                which.subject
            ));
        }
        Command::Export(which) => {
            let export = api.get(&which.path(&["export"])).await?;
            output.machine(&export);
            // It is a document for both.
            output.say(format!("{export:#}"));
        }
        Command::EndTokens(which) => {
            api.post(&which.path(&["end-tokens"]), None).await?;
            output.done(&format!(
                "Sessions and tokens issued to {} until now are refused.",
                which.subject
            ));
        }
        Command::SendPasswordLink(which) => {
            output.row(
                LINK,
                &api.post(&which.path(&["password-link"]), None).await?,
            );
        }
        Command::LinkDevice(which) => {
            let nonce = api.post(&which.path(&["link-nonce"]), None).await?;
            output.row(NONCE, &nonce);
        }
        other => sessions(other, api, output).await?,
    }
    Ok(())
}

/// What lives of it.
async fn sessions(command: Command, api: &Api, output: &mut Output) -> Result<(), Failure> {
    match command {
        Command::Sessions(which) => {
            let rows = api.list(&which.path(&["sessions"]), &[], ALL).await?;
            output.rows("session", SESSIONS, &rows);
        }
        Command::EndSession { which, session } => {
            let path = which.path(&["sessions", &session]);
            api.end(&path).await?;
            output.done(&format!("The session {session} is ended."));
        }
        _ => {}
    }
    Ok(())
}

fn people<'a>(environment: &'a str, organization: &'a str) -> [&'a str; 5] {
    [
        "environments",
        environment,
        "organizations",
        organization,
        "subjects",
    ]
}

async fn change(edit: Edit, api: &Api, output: &mut Output) -> Result<(), Failure> {
    let path = edit.which.path(&[]);
    let before = api.get(&path).await?;
    let body = edit.person.put(Body::default(), &before);
    let body = body.clear(edit.clear.into_iter().map(cleared));
    if body.is_empty() {
        return Err(Failure::usage("nothing to change was said")
            .advise("see the options of this command with --help"));
    }
    let after = api
        .change(Method::PATCH, &path, version(&before)?, Some(&body.json()))
        .await?;
    output.row(SHOW, &after);
    Ok(())
}

async fn turn(which: &Which, to: State, api: &Api, output: &mut Output) -> Result<(), Failure> {
    let body = Body::default().set("state", Some(to));
    super::edit(api, output, &which.path(&[]), body, SHOW).await
}

fn cleared(member: Clear) -> (&'static str, Value) {
    let member = match member {
        Clear::Email => "email",
        Clear::Phone => "phone",
        Clear::Name => "name",
        Clear::Names => "names",
        Clear::Born => "date_of_birth",
        Clear::Address => "address",
        Clear::Metadata => "metadata",
    };
    (member, Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_part_of_a_name_joins_the_parts_that_are_there() {
        let before = json!({"names": {"first": "Jane", "last": "Doe"}});
        let said = || Body::default().set("last", Some("Roe"));
        assert_eq!(
            joined(before.get("names"), said()),
            Some(json!({"first": "Jane", "last": "Roe"}))
        );
        assert_eq!(joined(None, said()), Some(json!({"last": "Roe"})));
        assert_eq!(joined(before.get("names"), Body::default()), None);
    }
}
