//! Subjects: end users. Quiltt calls them profiles, BitCanuck users; one noun serves both.

use super::State;
use crate::{
    id::{ClientId, DeviceId, EnvironmentId, OrganizationId, SubjectId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;

/// An end user of an organization in one environment.
///
/// E-mail address and phone number are unique within the environment and the platform that vouches for the
/// subject: each is kept by a [`crate::model::name::Name`] beside this row, under [`Subject::name_of`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// Where it lives.
    pub environment: EnvironmentId,
    /// Its identifier: a UUID in lower case with hyphens (RFC 9562 section 4).
    pub id: SubjectId,
    /// Whose end user it is.
    pub organization: OrganizationId,
    /// The platform that vouches for it; none for those who log in here themselves.
    pub platform: Option<ClientId>,
    /// Its e-mail address, normalised; checked by [`crate::model::contact::email`].
    pub email: Option<String>,
    /// Its phone number in E.164; checked by [`crate::model::contact::phone`].
    pub phone: Option<String>,
    /// What is known of the person.
    pub attributes: Attributes,
    /// What the organization notes of it: up to fifty members.
    pub metadata: Option<Map<String, Value>>,
    /// Disabled: its sessions and tokens are refused, and kept.
    pub state: State,
    /// Being deleted since: refused everywhere, swept when what hangs on it is gone.
    pub closing_at: Option<Timestamp>,
    /// Its password's hash. None: it has none and cannot log in with one.
    pub password: Option<PasswordHash>,
    /// The devices on which it approves.
    #[serde(default)]
    pub devices: Vec<DeviceId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When anything above last changed.
    pub updated_at: Timestamp,
}

/// A password's hash, in PHC form (Argon2id). It goes to the store and to the hasher, and is printed nowhere.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasswordHash(pub String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

/// What is known of a person, as Quiltt's profiles spell it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attributes {
    /// The whole name.
    pub name: Option<String>,
    /// The name in parts.
    pub names: Option<Names>,
    /// A calendar date, `YYYY-MM-DD`.
    pub date_of_birth: Option<String>,
    /// Where the person lives.
    pub address: Option<Address>,
}

/// A name in parts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// Given name.
    pub first: Option<String>,
    /// Family name.
    pub last: Option<String>,
}

/// A postal address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Street and number.
    pub line1: Option<String>,
    /// What does not fit there.
    pub line2: Option<String>,
    /// Town.
    pub city: Option<String>,
    /// State or province.
    pub state: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// ISO 3166-1 alpha-3.
    pub country_code: Option<String>,
}

impl Subject {
    /// Whether it may act now.
    pub fn may_act(&self) -> bool {
        self.state == State::Active && self.closing_at.is_none()
    }

    /// Whether a passcode by e-mail signs it in: six digits do not stand beside a password, which is chosen to be
    /// harder to guess.
    pub fn signs_in_by_code(&self) -> bool {
        self.may_act() && self.password.is_none()
    }

    /// The unique name under which a contact of it is kept: two platforms may know the same address.
    pub fn name_of(
        organization: &OrganizationId,
        platform: Option<&ClientId>,
        contact: &str,
    ) -> String {
        let platform = platform.map_or("-", ClientId::as_str);
        format!("{organization}/{platform}/{contact}")
    }
}
