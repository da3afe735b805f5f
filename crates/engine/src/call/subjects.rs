//! What an operator can ask about people.

use crate::{
    id::{ClientId, EnvironmentId, OrganizationId, SubjectId},
    model::{
        State,
        subject::{Address, Attributes, Names},
    },
    ports::Cursor,
    secret::Secret,
};
use serde_json::{Map, Value};

/// What an operator can ask about people, beyond what can be asked of every noun.
#[derive(Debug)]
pub enum SubjectCall {
    /// The one subject that has a contact.
    Find {
        /// Where.
        environment: EnvironmentId,
        /// Whose end user.
        organization: OrganizationId,
        /// Who vouches for it; none for those who log in here themselves.
        platform: Option<ClientId>,
        /// What it has.
        contact: Contact,
    },
    /// All that is known of a subject.
    Export(EnvironmentId, SubjectId),
    /// The sessions of a subject that live now.
    Sessions {
        /// Where.
        environment: EnvironmentId,
        /// Whose.
        subject: SubjectId,
        /// From after here.
        after: Option<Cursor>,
        /// At most so many that we keep; those that we only count, 20 at most, stand on the first page.
        limit: u32,
    },
    /// End one of them, by the name that the list says.
    EndSession {
        /// Where.
        environment: EnvironmentId,
        /// Whose.
        subject: SubjectId,
        /// Its name.
        session: String,
    },
    /// Send a subject a link by which it chooses a password: its first one, or another.
    SendPasswordLink(EnvironmentId, SubjectId),
    /// Give a subject a password that is known beforehand. Its sessions end. On no route, because a password is for
    /// its holder to choose: a demo, which prints it, and tests ask so.
    SetPassword {
        /// Where.
        environment: EnvironmentId,
        /// Whose.
        subject: SubjectId,
        /// The password, as typed.
        password: Secret<String>,
    },
}

/// A contact as a caller wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contact {
    /// An e-mail address.
    Email(String),
    /// A phone number.
    Phone(String),
}

/// A subject to make. Texts are as the caller wrote them.
#[derive(Debug, Clone)]
pub struct NewSubject {
    /// Where.
    pub environment: EnvironmentId,
    /// Its identifier, a UUID in either case; made up unless brought along.
    pub id: Option<String>,
    /// Whose end user it is.
    pub organization: OrganizationId,
    /// The platform that vouches for it.
    pub platform: Option<ClientId>,
    /// Its e-mail address.
    pub email: Option<String>,
    /// Its phone number.
    pub phone: Option<String>,
    /// What is known of the person.
    pub attributes: Attributes,
    /// What the organization notes of it.
    pub metadata: Option<Map<String, Value>>,
}

/// A change to a subject: members that are `None` stay, `Some(None)` clears.
#[derive(Debug, Clone, Default)]
pub struct SubjectChange {
    /// Its e-mail address.
    pub email: Option<Option<String>>,
    /// Its phone number.
    pub phone: Option<Option<String>>,
    /// The whole name.
    pub name: Option<Option<String>>,
    /// The name in parts, all of them.
    pub names: Option<Option<Names>>,
    /// A calendar date.
    pub date_of_birth: Option<Option<String>>,
    /// Where the person lives, all of it.
    pub address: Option<Option<Address>>,
    /// What the organization notes of it, all of it.
    pub metadata: Option<Option<Map<String, Value>>>,
    /// Whether it may act.
    pub state: Option<State>,
}
