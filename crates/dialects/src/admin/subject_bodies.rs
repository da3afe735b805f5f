//! What requests about people carry. The engine checks that an address is one, and a date.

use super::{
    members::{Clearable, Member, Members, Problems, body, object},
    place::Place,
};
use countersign_engine::{id::ClientId, model::State};
use serde_json::{Map, Value};

body! {
    /// A subject to make: an end user of an organization.
    SubjectToMake {
        /// Its identifier, a UUID, where it is brought along from elsewhere; made up unless given.
        id: Option<String>,
        /// The platform that vouches for it; none for those who log in here themselves.
        platform: Option<ClientId>,
        /// Its e-mail address: unique within environment, organization and platform.
        email: Option<String>,
        /// Its phone number in E.164: unique likewise.
        phone: Option<String>,
        /// The whole name.
        name: Option<String>,
        /// The name in parts.
        names: Option<NamesBody>,
        /// YYYY-MM-DD.
        date_of_birth: Option<String>,
        /// Where the person lives.
        address: Option<AddressBody>,
        /// What the organization notes of it: at most 50 members, 8 KiB.
        metadata: Option<Map<String, Value>>,
    }

    /// What to change of a subject. What is left out stays; `null` clears.
    SubjectToChange {
        /// Its e-mail address.
        email: Option<Clearable<String>>,
        /// Its phone number.
        phone: Option<Clearable<String>>,
        /// The whole name.
        name: Option<Clearable<String>>,
        /// The name in parts, all of them.
        names: Option<Clearable<NamesBody>>,
        /// YYYY-MM-DD.
        date_of_birth: Option<Clearable<String>>,
        /// Where the person lives, all of it.
        address: Option<Clearable<AddressBody>>,
        /// What the organization notes of it, all of it.
        metadata: Option<Clearable<Map<String, Value>>>,
        /// Disabled: its sessions and tokens are refused, and kept.
        state: Option<State>,
    }

    /// Whom to find. In the body, because paths are logged.
    SubjectToFind {
        /// By this e-mail address.
        email: Option<String>,
        /// Or by this phone number.
        phone: Option<String>,
        /// Among those whom this platform vouches for; none: among those who log in here themselves.
        platform: Option<ClientId>,
    }

    /// A name in parts.
    NamesBody {
        /// Given name.
        first: Option<Clearable<String>>,
        /// Family name.
        last: Option<Clearable<String>>,
    }

    /// A postal address.
    AddressBody {
        /// Street and number.
        line1: Option<Clearable<String>>,
        /// What does not fit there.
        line2: Option<Clearable<String>>,
        /// Town.
        city: Option<Clearable<String>>,
        /// State or province.
        state: Option<Clearable<String>>,
        /// Postal code.
        postal_code: Option<Clearable<String>>,
        /// ISO 3166-1 alpha-3.
        country_code: Option<Clearable<String>>,
    }
}
