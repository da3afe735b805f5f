//! What options hold, beyond plain texts.

use clap::ValueEnum;
use countersign_dialects::admin::{
    approval_rows::{ApproverGroup, GuardApprovers},
    rows::RateLimit,
};
use serde_json::Value;

macro_rules! words {
    ($($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)* })+) => {$(
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
        pub enum $name {
            $($(#[$doc])* #[value(name = $word)] $variant,)*
        }

        impl From<$name> for Value {
            fn from(word: $name) -> Self {
                match word {
                    $($name::$variant => $word.into(),)*
                }
            }
        }
    )+};
}

words! {
    /// Sandbox or production.
    Mode {
        /// For trying things out.
        Sandbox = "sandbox",
        /// The real thing.
        Production = "production",
    }

    /// Whether something may act.
    State {
        /// It may act.
        Active = "active",
        /// Kept, and refused everywhere.
        Disabled = "disabled",
    }

    /// What an operator may do.
    Role {
        /// Read everything but operators.
        Viewer = "viewer",
        /// Change everything but operators.
        Editor = "editor",
        /// Everything.
        Owner = "owner",
    }

    /// What kind of application a client is.
    ClientKind {
        /// Runs in browsers or on phones: cannot keep a secret.
        Frontend = "frontend",
        /// Runs on the integrator's servers.
        Backend = "backend",
        /// Asks people for approval on their phones.
        ServiceProvider = "service_provider",
        /// A partner that vouches for its own users.
        Platform = "platform",
    }

    /// How a client's identifier and secrets are spelled.
    Spelling {
        /// Ours.
        Countersign = "countersign",
        /// As Ayyeka's document prints them.
        Ayyeka = "ayyeka",
        /// As Quiltt's documents print them.
        Quiltt = "quiltt",
        /// As BitCanuck's document prints them.
        Bitcanuck = "bitcanuck",
        /// As Ubiqu's document prints them.
        Ubiqu = "ubiqu",
    }

    /// What kind a credential is.
    CredentialKind {
        /// Shown with the client's id at the token endpoint.
        ClientSecret = "client_secret",
        /// A bearer secret of a server.
        ApiKey = "api_key",
        /// Publishable, for browsers.
        RegistrationToken = "registration_token",
        /// The client signs; we keep the public half.
        PublicKey = "public_key",
        /// The client signs with a secret that we share.
        SigningSecret = "signing_secret",
    }

    /// What a request may show at a guard.
    Accept {
        /// Nothing.
        Anonymous = "anonymous",
        /// An access token.
        AccessToken = "access_token",
        /// An API key.
        ApiKey = "api_key",
        /// A registration token with its client's id.
        RegistrationToken = "registration_token",
        /// A subject's session.
        Session = "session",
        /// A subject's identifier and an API key as Basic.
        SubjectBasic = "subject_basic",
        /// Client identifier and secret in four headers of the call.
        ClientHeaders = "client_headers",
    }
}

words! {
    /// What becomes of the body of a countersigned request.
    BoundBody {
        /// The proxy drops any.
        None = "none",
        /// The API compares it with the digest that was bound.
        CheckedByApi = "checked_by_api",
    }
}

/// Who may approve: `subject`, or `[ORGANIZATION:]GROUP[/NEEDED]`.
///
/// # Errors
/// What was expected, for clap to say.
pub fn approvers(text: &str) -> Result<GuardApprovers, String> {
    if text == "subject" {
        return Ok(GuardApprovers::Word(text.to_owned()));
    }
    let read = || {
        let (group, needed) = match text.split_once('/') {
            Some((group, needed)) => (group, needed.parse().ok().filter(|n| *n > 0)?),
            None => (text, 1),
        };
        let (organization, group) = match group.split_once(':') {
            Some((organization, group)) => (Some(organization), group),
            None => (None, group),
        };
        let is_there = !group.is_empty() && organization.is_none_or(|name| !name.is_empty());
        is_there.then(|| ApproverGroup {
            organization: organization.map(str::to_owned),
            group: group.to_owned(),
            needed,
        })
    };
    read().map(GuardApprovers::Group).ok_or_else(|| {
        "expected subject, or [ORGANIZATION:]GROUP[/NEEDED], such as acme:finance/2".to_owned()
    })
}

/// A note such as `team=web`.
///
/// # Errors
/// What was expected, for clap to say.
pub fn note(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    pair.map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or_else(|| "expected NAME=VALUE, such as team=web".to_owned())
}

/// A span such as `90s`, `30m`, `24h` or `7d`, in seconds.
///
/// # Errors
/// What was expected, for clap to say.
pub fn seconds(text: &str) -> Result<u64, String> {
    let expected = || "expected a number with s, m, h or d, such as 24h".to_owned();
    let unit = text.chars().next_back().ok_or_else(expected)?;
    let unit_s = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return Err(expected()),
    };
    let digits = text.strip_suffix(unit).unwrap_or_default();
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let number: u64 = digits.parse().ok().filter(|_| plain).ok_or_else(expected)?;
    number.checked_mul(unit_s).ok_or_else(expected)
}

/// A rate such as `60/10`: uses per minute, and how many may come at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    per_minute: u32,
    burst: u32,
}

/// Read a [`Rate`].
///
/// # Errors
/// What was expected, for clap to say.
pub fn rate(text: &str) -> Result<Rate, String> {
    let read = || {
        let (per_minute, burst) = text.split_once('/')?;
        Some(Rate {
            per_minute: per_minute.parse().ok().filter(|n| *n > 0)?,
            burst: burst.parse().ok().filter(|n| *n > 0)?,
        })
    };
    read().ok_or_else(|| "expected PER_MINUTE/BURST, such as 60/10".to_owned())
}

impl Rate {
    /// As the admin API writes it.
    pub fn row(self) -> RateLimit {
        RateLimit {
            per_minute: self.per_minute,
            burst: self.burst,
        }
    }
}

impl From<Rate> for Value {
    fn from(rate: Rate) -> Self {
        serde_json::json!({ "per_minute": rate.per_minute, "burst": rate.burst })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_a_unit() {
        for (text, expected) in [
            ("0s", 0),
            ("90s", 90),
            ("30m", 1800),
            ("24h", 86_400),
            ("7d", 604_800),
        ] {
            assert_eq!(seconds(text), Ok(expected), "{text}");
        }
        for text in [
            "",
            "24",
            "h",
            "-1h",
            "+1h",
            "1.5h",
            "1w",
            "99999999999999999999s",
            "999999999999999999d",
        ] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn who_may_approve_is_the_subject_or_so_many_of_a_group() {
        let group = |organization: Option<&str>, group: &str, needed| {
            GuardApprovers::Group(ApproverGroup {
                organization: organization.map(str::to_owned),
                group: group.to_owned(),
                needed,
            })
        };
        for (text, expected) in [
            ("subject", GuardApprovers::Word("subject".into())),
            ("finance", group(None, "finance", 1)),
            ("finance/2", group(None, "finance", 2)),
            ("acme:finance", group(Some("acme"), "finance", 1)),
            ("acme:finance/3", group(Some("acme"), "finance", 3)),
        ] {
            assert_eq!(approvers(text), Ok(expected), "{text}");
        }
        for text in [
            "",
            ":",
            "acme:",
            ":finance",
            "finance/0",
            "finance/x",
            "finance/256",
        ] {
            assert!(approvers(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rates_have_two_numbers() {
        assert_eq!(
            rate("60/10"),
            Ok(Rate {
                per_minute: 60,
                burst: 10
            })
        );
        for text in ["60", "60/", "/10", "0/10", "60/0", "60/10/1", "a/b"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }
}
