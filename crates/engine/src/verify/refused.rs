//! A refusal, with whose credential it was: for the audit log, where what was shown proved that.

use crate::{
    decision::Fact,
    denied::{Denied, Fault, Refusal},
    id::{ClientId, CredentialId, DeviceId, OrganizationId},
    model::{
        audit::AuditEvent,
        credential::{Credential, Holder},
    },
};

/// Why someone is not let in; and who it was, where the secret or signature was right.
pub(crate) struct Refused {
    pub refusal: Refusal,
    pub whose: Option<Box<Whose>>,
}

/// Whose credential was shown. Never what a stranger only claims.
pub(crate) struct Whose {
    actor: String,
    organization: Option<OrganizationId>,
    credential: Option<CredentialId>,
}

impl Refused {
    /// The refusal of a credential that was found by its secret, or whose signature was right.
    pub fn of(refusal: impl Into<Refusal>, credential: &Credential) -> Self {
        let (actor, organization) = match &credential.holder {
            Holder::Client(organization, client) => {
                (format!("client:{client}"), Some(organization.clone()))
            }
            Holder::Operator(operator) => (format!("operator:{operator}"), None),
        };
        Self {
            refusal: refusal.into(),
            whose: Some(Box::new(Whose {
                actor,
                organization,
                credential: Some(credential.id.clone()),
            })),
        }
    }

    /// The refusal of a request that this device did sign.
    pub fn of_device(refusal: impl Into<Refusal>, device: &DeviceId) -> Self {
        Self {
            refusal: refusal.into(),
            whose: Some(Box::new(Whose {
                actor: format!("device:{device}"),
                organization: None,
                credential: None,
            })),
        }
    }

    /// The refusal of a token that we did sign for `owner`, if that one is still known.
    pub fn of_token(refusal: Denied, owner: Option<&(OrganizationId, ClientId)>) -> Self {
        Self {
            refusal: refusal.into(),
            whose: owner.map(|(organization, client)| {
                Box::new(Whose {
                    actor: format!("client:{client}"),
                    organization: Some(organization.clone()),
                    credential: None,
                })
            }),
        }
    }
}

impl Whose {
    /// Of a caller whose fact is known.
    pub fn of(fact: &Fact) -> Self {
        let client = fact.principal.client.as_ref();
        Self {
            actor: client.map_or_else(|| "-".into(), |client| format!("client:{client}")),
            organization: fact.principal.organization.clone(),
            credential: fact
                .credential
                .as_ref()
                .map(|credential| credential.id.clone()),
        }
    }

    /// Name it in a line of the audit log.
    pub fn name_in(&self, event: &mut AuditEvent) {
        event.actor.clone_from(&self.actor);
        event.organization.clone_from(&self.organization);
    }

    /// What the line is about, where that is the credential itself.
    pub fn target(&self) -> Option<String> {
        let credential = self.credential.as_ref();
        credential.map(|credential| format!("credential:{credential}"))
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self {
            refusal,
            whose: None,
        }
    }
}

impl From<Denied> for Refused {
    fn from(denied: Denied) -> Self {
        Refusal::from(denied).into()
    }
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Refusal::from(fault).into()
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        refused.refusal
    }
}
