//! What a declarative file can say. What it does not say of a thing stays as it is.

use crate::cli::failure::Failure;
use countersign_dialects::admin::{
    approval_rows::{ApproverGroup, GuardApprovers},
    rows::{Guard, RateLimit},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::path::Path;

/// A declarative file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declared {
    /// Organizations.
    #[serde(default, rename = "organization")]
    pub organizations: Vec<OrganizationFile>,
    /// Environments, with their guards.
    #[serde(default, rename = "environment")]
    pub environments: Vec<EnvironmentFile>,
    /// Clients.
    #[serde(default, rename = "client")]
    pub clients: Vec<ClientFile>,
}

/// An organization.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OrganizationFile {
    /// Its name.
    pub id: String,
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// `active` or `disabled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Its number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
}

/// An environment.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentFile {
    /// Its name.
    pub id: String,
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// `sandbox` or `production`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Its issuer identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Its hosts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hosts: Option<Vec<String>>,
    /// Its dialects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialects: Option<Vec<String>>,
    /// What its credentials begin with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    /// Its origins: whose browsers may call the dialects that are for browsers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_origins: Option<Vec<String>>,
    /// Where its pages are, for links in mails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// Where its phones answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_url: Option<String>,
    /// The organization of service providers that register themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_registrations: Option<String>,
    /// Its guards, all of them and in order; left out: they stay. They are a thing of their own.
    #[serde(default, rename = "guard", skip_serializing)]
    pub guards: Option<Vec<GuardFile>>,
}

/// A client.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ClientFile {
    /// Where it lives. In the path, so not in the body.
    #[serde(skip_serializing)]
    pub environment: String,
    /// Its identifier, by which it is found again.
    pub id: String,
    /// Who owns it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// What kind of application it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// How its identifier and secrets are spelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spelling: Option<String>,
    /// `active` or `disabled`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// What its credentials may be given at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// The resources its tokens may be meant for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<Vec<String>>,
    /// The resources that it serves itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serves: Option<Vec<String>>,
    /// How it vouches for its users; of platforms only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<PlatformFile>,
    /// How people sign in at it by themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign_in: Option<SignInFile>,
    /// Its number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// Its maker's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maker_number: Option<u64>,
}

/// How a platform vouches for its users.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PlatformFile {
    /// What its partners put into the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The one algorithm of its assertions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<String>,
    /// Whether an assertion without `jti` is good once only, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub single_use: Option<bool>,
    /// Whether a user it vouches for is made when unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enrols: Option<bool>,
    /// The longest life of its assertions, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_lifetime_max_s: Option<u32>,
}

/// How people sign in by themselves.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SignInFile {
    /// Whether an unknown address becomes a new subject.
    pub sign_ups: bool,
}

/// A guard: whole, because a guard that is half said would let through what nobody meant.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuardFile {
    /// Its name.
    pub name: String,
    /// Hosts; all of the environment unless given.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Path patterns.
    pub paths: Vec<String>,
    /// Methods; all unless given.
    #[serde(default)]
    pub methods: Vec<String>,
    /// What may be shown.
    pub accept: Vec<String>,
    /// Token profiles that count; all unless given.
    #[serde(default)]
    pub profiles: Vec<String>,
    /// Audiences; the issuer unless given.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// What the caller must be allowed.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Browser origins that may call.
    #[serde(default)]
    pub origins: Vec<String>,
    /// How often each caller may pass.
    #[serde(default)]
    pub rate_limit: Option<RateLimit>,
    /// The dialect of its denials.
    #[serde(default)]
    pub dialect: Option<String>,
    /// Whether a secret credential may come from a browser all the same.
    #[serde(default)]
    pub secrets_from_browsers: bool,
    /// Whether passing requests carry a signed assertion.
    #[serde(default)]
    pub assertion: bool,
    /// `required`: people approve each request before it passes.
    #[serde(default)]
    pub approval: Option<String>,
    /// Who may approve; `subject` unless given.
    #[serde(default)]
    pub approvers: Option<GuardApproversFile>,
    /// What becomes of the body: `none` or `checked_by_api`.
    #[serde(default)]
    pub body: Option<String>,
    /// What people are shown.
    #[serde(default)]
    pub sentence: Option<String>,
}

/// Who may approve at a guard: `"subject"`, or a group.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum GuardApproversFile {
    /// A word.
    Word(String),
    /// So many of a group.
    Group(ApproverGroupFile),
}

/// A group of an organization's approvers. A member that nobody knows is refused: it may be a `needed` misspelt.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApproverGroupFile {
    /// Whose group; that of the caller's organization unless given.
    #[serde(default)]
    pub organization: Option<String>,
    /// Its name.
    pub group: String,
    /// How many of it must approve; one unless given.
    #[serde(default)]
    pub needed: Option<u8>,
}

impl From<GuardApprovers> for GuardApproversFile {
    fn from(who: GuardApprovers) -> Self {
        match who {
            GuardApprovers::Word(word) => Self::Word(word),
            GuardApprovers::Group(group) => Self::Group(ApproverGroupFile {
                organization: group.organization,
                group: group.group,
                needed: Some(group.needed),
            }),
        }
    }
}

impl GuardApproversFile {
    fn row(self) -> GuardApprovers {
        match self {
            Self::Word(word) => GuardApprovers::Word(word),
            Self::Group(group) => GuardApprovers::Group(ApproverGroup {
                organization: group.organization,
                group: group.group,
                needed: group.needed.unwrap_or(1),
            }),
        }
    }
}

impl GuardFile {
    /// As the admin API writes it: scopes are a set, printed sorted, and where approval is required somebody gives it.
    pub fn row(self) -> Guard {
        let approvers = self.approvers.map(GuardApproversFile::row);
        let subject = || GuardApprovers::Word("subject".into());
        let approvers = approvers.or_else(|| self.approval.as_ref().map(|_| subject()));
        Guard {
            name: self.name,
            hosts: self.hosts,
            paths: self.paths,
            methods: self.methods,
            accept: self.accept,
            profiles: self.profiles,
            audiences: self.audiences,
            scopes: sorted(self.scopes),
            origins: self.origins,
            rate_limit: self.rate_limit,
            dialect: self.dialect,
            secrets_from_browsers: self.secrets_from_browsers,
            assertion: self.assertion,
            approval: self.approval,
            approvers,
            body: self.body,
            sentence: self.sentence,
        }
    }
}

/// A set of scopes as the admin API writes it.
pub fn sorted(scopes: Vec<String>) -> Vec<String> {
    let set: std::collections::BTreeSet<String> = scopes.into_iter().collect();
    set.into_iter().collect()
}

/// Read a declarative file.
///
/// # Errors
/// [`Failure`] with the line: not TOML, an unknown key, a wrong type, or a thing that is declared twice.
pub fn read(text: &str, path: &Path) -> Result<Declared, Failure> {
    let mut declared: Declared = parse(text, path)?;
    for client in &mut declared.clients {
        client.scopes = client.scopes.take().map(sorted);
    }
    let organizations = declared
        .organizations
        .iter()
        .map(|row| format!("organization {}", row.id));
    let environments = declared
        .environments
        .iter()
        .map(|row| format!("environment {}", row.id));
    let clients = declared.clients.iter();
    let clients = clients.map(|row| format!("client {}/{}", row.environment, row.id));
    let mut seen = std::collections::HashSet::new();
    for name in organizations.chain(environments).chain(clients) {
        if !seen.insert(name.clone()) {
            return Err(Failure::refused(format!("{name} is declared twice"))
                .at(path.display().to_string())
                .advise("leave one of them"));
        }
    }
    Ok(declared)
}

/// TOML as a `T`.
///
/// # Errors
/// [`Failure`] with the line.
pub fn parse<T: DeserializeOwned>(text: &str, path: &Path) -> Result<T, Failure> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| {
            let before = text.get(..span.start).unwrap_or_default();
            1 + before.matches('\n').count()
        });
        Failure::refused(format!("the file is not right: {}", error.message()))
            .at(format!("{}, line {line}", path.display()))
            .advise("examples/apply.toml shows everything that can be said")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        read(text, Path::new("a.toml")).unwrap_err().text()
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, line, why) in [
            (
                "[[organisation]]\nid = 'a'\n",
                "line 1",
                "unknown field `organisation`",
            ),
            (
                "[[organization]]\nid = 'a'\nnmae = 'b'\n",
                "line 3",
                "unknown field `nmae`",
            ),
            (
                "\n[[client]]\nid = 'a'\n",
                "line 2",
                "missing field `environment`",
            ),
            (
                "[[environment]]\nid = 'a'\nhosts = 'h'\n",
                "line 3",
                "expected a sequence",
            ),
            (
                "[[environment]]\nid = 'a'\n[[environment.guard]]\nname = 'g'\npaths = ['/']\n",
                "line 3",
                "missing field `accept`",
            ),
            ("id = \n", "line 1", ""),
        ] {
            let told = refused(text);
            assert!(told.contains(line) && told.contains(why), "{text}: {told}");
        }
        let twice = refused("[[organization]]\nid = 'a'\n[[organization]]\nid = 'a'\n");
        assert!(
            twice.contains("organization a is declared twice"),
            "{twice}"
        );
    }

    #[test]
    fn the_same_name_in_two_environments_is_two_clients() {
        let text =
            "[[client]]\nid = 'a'\nenvironment = 's'\n[[client]]\nid = 'a'\nenvironment = 'p'\n";
        assert_eq!(read(text, Path::new("a.toml")).unwrap().clients.len(), 2);
    }

    #[test]
    fn no_guards_said_is_not_the_same_as_no_guards() {
        let read = |text| {
            read(text, Path::new("a.toml"))
                .unwrap()
                .environments
                .remove(0)
                .guards
        };
        assert!(read("[[environment]]\nid = 'a'\n").is_none());
        assert_eq!(
            read("[[environment]]\nid = 'a'\nguard = []\n").map(|list| list.len()),
            Some(0)
        );
    }
}
