//! What a browser may show at a guard: what is meant for browsers, from where it is meant to come.

use crate::{
    Engine,
    call::CallContext,
    decision::{Carrier, Fact, Judged, ShownKind},
    denied::{Denied, Malformed, Reason},
    id::ClientId,
    model::guard::Guard,
    verify::{Refused, in_authorization},
};

/// Whether a browser sent it, as `Origin` or `Sec-Fetch-Site` tells.
fn from_browser(judged: &Judged<'_>) -> bool {
    judged.from_browser || judged.origin != Carrier::Absent
}

impl Engine {
    /// Refuse a secret that a browser shows where no warm fact knows it yet: also one of a kind that the guard
    /// does not take, or an operator's, and whatever else is wrong with the request around it.
    pub(super) async fn refuse_secret_at(
        &self,
        context: &CallContext,
        guard: &Guard,
        judged: &Judged<'_>,
    ) -> Result<(), Refused> {
        if guard.secrets_from_browsers || !from_browser(judged) {
            return Ok(());
        }
        if let Carrier::Present(value) = judged.authorization {
            for text in in_authorization(value) {
                self.refuse_secret(context, text.expose()).await?;
            }
        }
        if let Carrier::Present(text) = judged.client_headers.client_secret {
            self.refuse_secret(context, text).await?;
        }
        Ok(())
    }
}

/// Whether a browser shows a secret beside what the guard looks at: then nothing is told from memory.
pub(super) fn shows_beside(judged: &Judged<'_>) -> bool {
    judged.client_headers.client_secret != Carrier::Absent && from_browser(judged)
}

/// A secret credential from a browser has leaked, whatever kind the guard takes.
pub(super) fn decide_secret(
    guard: &Guard,
    shown: ShownKind,
    judged: &Judged<'_>,
) -> Result<(), Denied> {
    let is_secret = match shown {
        ShownKind::Credential(kind) => kind.is_secret(),
        ShownKind::ClientHeaders | ShownKind::SubjectBasic => true,
        ShownKind::Anonymous
        | ShownKind::Preflight
        | ShownKind::AccessToken
        | ShownKind::Session => false,
    };
    if is_secret && !guard.secrets_from_browsers && from_browser(judged) {
        Err(Denied::SecretFromBrowser)
    } else {
        Ok(())
    }
}

/// A registration token is half of a pair: `X-Client-ID` has to name its client, and a browser's origin has to
/// be one of the guard's, and one of the token's own where it names some.
pub(super) fn decide_registration(
    guard: &Guard,
    fact: &Fact,
    judged: &Judged<'_>,
) -> Result<(), Denied> {
    let client = fact.principal.client.as_ref().map(ClientId::as_str);
    match judged.client_id {
        Carrier::Present(named) if Some(named) == client => {}
        Carrier::Present(_) => return Err(Denied::InvalidToken(Reason::Mismatch)),
        Carrier::Absent | Carrier::Malformed => {
            return Err(Denied::MalformedCredential(Malformed::Form));
        }
    }
    let origin = match judged.origin {
        Carrier::Absent => return Ok(()),
        Carrier::Present(origin) => origin,
        Carrier::Malformed => return Err(Denied::Forbidden(Reason::Origin)),
    };
    let own = fact
        .credential
        .as_ref()
        .map_or(&[][..], |credential| credential.origins.as_slice());
    let named_by = |list: &[String]| list.iter().any(|known| known == origin);
    if named_by(&guard.origins) && (own.is_empty() || named_by(own)) {
        Ok(())
    } else {
        Err(Denied::Forbidden(Reason::Origin))
    }
}
