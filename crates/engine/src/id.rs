//! Names of things. Each noun has its own type, so that one cannot be passed for another.

use serde::{Deserialize, Deserializer, Serialize};
use std::{fmt, sync::Arc};

/// A text that is not an identifier: empty, longer than 64 bytes, or with a character outside `A-Z a-z 0-9 - _ .`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an identifier has 1 to 64 characters of A-Z a-z 0-9 - _ .")]
pub struct NotAnId;

fn check(text: &str) -> Result<(), NotAnId> {
    let fits = (1..=64).contains(&text.len());
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if fits && text.bytes().all(plain) {
        Ok(())
    } else {
        Err(NotAnId)
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident read by $read:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Take `text` for an identifier.
            ///
            /// # Errors
            /// [`NotAnId`] when the text has not the form of one.
            pub fn parse(text: &str) -> Result<Self, NotAnId> {
                check(text).map(|()| Self(text.into()))
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                Self::$read(&text).map_err(serde::de::Error::custom)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    )*};
}

ids! {
    /// An environment: `sandbox`, `production`. Stored rows may also name the installation, so
    /// what comes from a caller goes through `parse`.
    EnvironmentId read by from_stored;
    /// A customer account that owns clients.
    OrganizationId read by parse;
    /// A registered application, as its requests name it (RFC 6749 section 2.2).
    ClientId read by parse;
    /// One credential, whatever its kind. Not secret.
    CredentialId read by parse;
    /// A person or script that runs the installation.
    OperatorId read by parse;
    /// A signing key, as `kid` prints it.
    KeyId read by parse;
    /// An end user: a UUID in lower case.
    SubjectId read by parse;
    /// A webhook subscription.
    SubscriptionId read by parse;
    /// Something that happened, in webhooks.
    EventId read by parse;
    /// Something that waits in the outbox.
    DeliveryId read by parse;
    /// A person's phone: the RFC 7638 thumbprint of its key.
    DeviceId read by parse;
    /// The key pairs of a device at one service provider: 32 lower-case hexadecimal digits.
    AssetId read by parse;
    /// A nonce that was shown: 32 lower-case hexadecimal digits.
    IdentificationId read by parse;
    /// A request to a device: 32 lower-case hexadecimal digits.
    ApprovalId read by parse;
    /// A person of an organization who may countersign.
    ApproverId read by parse;
    /// One request, in logs, audit and error bodies.
    RequestId read by parse;
}

impl EnvironmentId {
    /// The place of what belongs to no environment: operators and their tokens.
    ///
    /// The name has a character that [`EnvironmentId::parse`] refuses, so no environment can take it.
    pub fn installation() -> Self {
        static INSTALLATION: std::sync::OnceLock<EnvironmentId> = std::sync::OnceLock::new();
        INSTALLATION.get_or_init(|| Self("*".into())).clone()
    }

    /// Whether this is [`EnvironmentId::installation`].
    pub fn is_installation(&self) -> bool {
        &*self.0 == "*"
    }

    /// The identifier that a stored row names: an environment's, or the installation's.
    ///
    /// # Errors
    /// [`NotAnId`] when the text is neither.
    pub fn from_stored(text: &str) -> Result<Self, NotAnId> {
        if text == "*" {
            Ok(Self::installation())
        } else {
            Self::parse(text)
        }
    }
}
