//! Countersigned requests: a guard that lets a request pass once people have approved exactly it.

mod bind;
mod people;
mod redeem;

use super::{
    ask::{NewApproval, Put, Question},
    record::{MayApprove, Record},
    sentence,
};
use crate::{
    Engine,
    bounds::CONFLICT_TRIES_MAX,
    call::CallContext,
    commit::Change,
    compiled::Compiled,
    decision::{Carrier, Fact, Judged},
    denied::{Denied, Fault, ProblemKind, Refusal, Unapproved},
    id::{ApprovalId, ClientId},
    model::{
        approval::{Approval, ApprovalState, Asked, Bound},
        guard::{ApprovalRule, Guard},
        name::{Name, NameSpace},
    },
    row::{Key, Row, Stored},
    time::Timestamp,
};

/// A request at a guard that wants a countersignature.
struct Countersigning<'a> {
    context: &'a CallContext,
    compiled: &'a Compiled,
    rule: &'a ApprovalRule,
    fact: &'a Fact,
    judged: &'a Judged<'a>,
    /// Exactly this request.
    bound: Bound,
    /// Who may approve it by the guard as it is now.
    approvers: MayApprove,
}

impl Engine {
    /// Whether people have approved this very request; if so it is used up. The `Content-Digest` that was bound.
    pub(crate) async fn countersigned(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        guard: &Guard,
        rule: &ApprovalRule,
        fact: &Fact,
        judged: &Judged<'_>,
    ) -> Result<Option<String>, Refusal> {
        let bound = bind::decide_bound(guard, rule, &fact.principal, judged)?;
        let own = fact.principal.organization.as_ref();
        let approvers = MayApprove::of(&rule.approvers, own)
            .ok_or_else(|| unapproved(Unapproved::NoApprover))?;
        let it = Countersigning {
            context,
            compiled,
            rule,
            fact,
            judged,
            bound,
            approvers,
        };
        match judged.approval {
            Carrier::Present(id) => self.redeem(&it, id).await?,
            Carrier::Absent => return Err(self.ask_for(&it).await?.into()),
            Carrier::Malformed => {
                let field = "Countersign-Approval";
                return Err(Denied::invalid(field, ProblemKind::Repeated).into());
            }
        }
        Ok(it.bound.content_digest)
    }

    /// The approval that this request waits for: the one that is pending already, or a new one.
    async fn ask_for(&self, it: &Countersigning<'_>) -> Result<Denied, Refusal> {
        let organization = it.fact.principal.organization.as_ref();
        // First of all: a request that no sentence can be made of is asked of nobody.
        let text = sentence::fill(&it.rule.sentence, &it.bound, organization)?;
        let client = it.bound.client.as_ref().map_or("", ClientId::as_str);
        let names = [client, &it.bound.subject];
        let mut is_counted = false;
        for _ in 0..CONFLICT_TRIES_MAX {
            let (known, name) = self.waiting_for(it).await?;
            if let Some(approval) = known {
                // Nobody is asked anew: callers may repeat what waits as often as they like.
                return it.waiting(&approval);
            }
            if !is_counted {
                self.take_asking(it.context, "countersign/asking/caller", names)?;
                is_counted = true;
            }
            let question = Question {
                new: NewApproval {
                    organization: organization.cloned(),
                    asked: Asked::Countersignature(it.bound.clone()),
                    seats: self.seats_of(it).await?,
                    needed: it.approvers.needed(),
                    text: text.clone(),
                    actor: it.actor(),
                },
                approvers: Some(it.approvers.clone()),
            };
            let named = |approval: &Approval| Some(it.name_of(approval, name));
            let put = self.put(it.context, it.compiled, &question, named).await?;
            if let Put::Asked(approval) = put {
                return it.waiting(&approval);
            }
        }
        Err(Fault::unavailable("the request kept being asked for elsewhere").into())
    }

    /// The approval that is pending for this very request, by the guard as it is; and the version of the name that
    /// leads to another one that is over.
    async fn waiting_for(
        &self,
        it: &Countersigning<'_>,
    ) -> Result<(Option<Approval>, Option<u64>), Refusal> {
        let [name] = self.load(&[it.name_key()]).await?;
        let Some(stored) = name else {
            return Ok((None, None));
        };
        let named = stored.name().map(|name| ApprovalId::parse(&name.target));
        let named = match named {
            Some(Ok(id)) => id,
            _ => return Err(Fault::internal("a request's name leads to no approval").into()),
        };
        let key = Key::Approval(it.compiled.id.clone(), named);
        let [row] = self.load(&[key]).await?;
        let approval = row.as_deref().and_then(Stored::approval);
        let pending = approval.filter(|known| {
            known.state_at(it.context.now) == ApprovalState::Pending && it.is_for(known)
        });
        Ok((pending.cloned(), Some(stored.version)))
    }
}

impl Countersigning<'_> {
    /// Whether the approval is for this very request, and of those who may approve it now.
    fn is_for(&self, approval: &Approval) -> bool {
        let is_same = approval.bound() == Some(&self.bound)
            && approval.organization == self.fact.principal.organization
            && approval.needed == self.approvers.needed();
        let record = || Record::read(&approval.record);
        is_same && record().is_some_and(|it| it.approvers.as_ref() == Some(&self.approvers))
    }

    fn name_key(&self) -> Key {
        let place = self.compiled.id.clone();
        let name = self.bound.name(&place);
        Key::Name(place, NameSpace::Countersigned, name)
    }

    /// The change that lets the request's name lead to its approval.
    fn name_of(&self, approval: &Approval, if_version: Option<u64>) -> Change {
        let row = Row::Name(Name {
            environment: self.compiled.id.clone(),
            space: NameSpace::Countersigned,
            name: self.bound.name(&self.compiled.id),
            target: approval.id.to_string(),
        });
        match if_version {
            None => Change::Insert(row),
            Some(if_version) => Change::Replace { row, if_version },
        }
    }

    /// What a caller is told whose request waits.
    fn waiting(&self, approval: &Approval) -> Result<Denied, Refusal> {
        let issuer = &self.compiled.environment()?.issuer;
        Ok(unapproved(Unapproved::Waiting {
            approval: approval.id.clone(),
            poll: format!("{issuer}/approvals/{}", approval.id),
            otp: approval.otp.clone(),
            expires_at: approval.expires_at,
        }))
    }

    fn actor(&self) -> String {
        match &self.bound.client {
            Some(client) => format!("client:{client}"),
            None => format!("subject:{}", self.bound.subject),
        }
    }

    const fn now(&self) -> Timestamp {
        self.context.now
    }
}

fn unapproved(why: Unapproved) -> Denied {
    Denied::Unapproved(Box::new(why))
}
