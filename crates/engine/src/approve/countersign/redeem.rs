//! Using an approval up: once, by exactly the request that it is for.

use super::{Countersigning, unapproved};
use crate::{
    Engine,
    approve::receipt::counted,
    bounds::{APPROVAL_REPEATED_FOR, CONFLICT_TRIES_MAX},
    commit::{Change, CommitError},
    denied::{Fault, Refusal, Unapproved},
    id::{ApprovalId, RequestId},
    model::approval::{Approval, ApprovalState, Used},
    row::{Key, Row, Stored},
    time::Timestamp,
};

/// What becomes of an approval that a request names.
#[derive(Debug, PartialEq, Eq)]
enum Redeeming {
    /// It is used up now.
    Now,
    /// The proxy asks again about the request that used it up.
    Again,
}

impl Engine {
    /// Use the approval called `id` up. What it stands on is asked again: whoever was disabled, locked, unlinked or
    /// removed since it was given lets nothing pass any more.
    pub(super) async fn redeem(&self, it: &Countersigning<'_>, id: &str) -> Result<(), Refusal> {
        let mismatch = || unapproved(Unapproved::Mismatch);
        let id = ApprovalId::parse(id).map_err(|_| mismatch())?;
        for _ in 0..CONFLICT_TRIES_MAX {
            let key = Key::Approval(it.compiled.id.clone(), id.clone());
            let [stored] = self.load(&[key]).await?;
            let known = stored.as_deref().and_then(Stored::approval);
            let known = known.filter(|known| it.is_for(known));
            let (Some(stored), Some(approval)) = (&stored, known) else {
                return Err(mismatch().into());
            };
            match decide_redeem(approval, it.judged.request_id, it.now()) {
                Ok(Redeeming::Again) => return Ok(()),
                Ok(Redeeming::Now) => {}
                Err(Unwaited::Pending) => return Err(it.waiting(approval)?.into()),
                Err(Unwaited::Not(why)) => return Err(unapproved(why).into()),
            }
            if self.use_up(it, approval, stored.version).await? {
                return Ok(());
            }
        }
        Err(Fault::unavailable("the approval kept changing").into())
    }

    /// Write down that this request has used it. Not where anything that it stands on changed meanwhile.
    async fn use_up(
        &self,
        it: &Countersigning<'_>,
        approval: &Approval,
        version: u64,
    ) -> Result<bool, Refusal> {
        let standing = self.standing(approval).await?;
        standing.decide_asker()?;
        let counted = counted(approval, &standing, None);
        let approving = counted.iter().filter(|(vote, _)| vote.approves).count();
        if approving < usize::from(it.approvers.needed()).max(1) {
            return Err(unapproved(Unapproved::NoApprover).into());
        }
        let mut used = approval.clone();
        // Only the gateway's own name for a request is one that it says again.
        let request_id = it.judged.request_id.unwrap_or(&it.context.request_id);
        used.used = Some(Used {
            at: it.now(),
            request_id: request_id.clone(),
        });
        used.updated_at = it.now();
        let mut changes = vec![Change::Replace {
            row: Row::Approval(Box::new(used)),
            if_version: version,
        }];
        let required = standing.requirements(&changes);
        changes.extend(required);
        let target = format!("approval:{}", approval.id);
        let mut audit = self.event(it.context, &it.actor(), "approval.use", &target);
        audit.organization.clone_from(&approval.organization);
        match self.commit(it.now(), changes, audit).await {
            Ok(()) => Ok(true),
            Err(CommitError::Conflict { .. }) => Ok(false),
            Err(CommitError::Fault(fault)) => Err(fault.into()),
        }
    }
}

/// Why an approval lets nothing pass now.
#[derive(Debug, PartialEq, Eq)]
enum Unwaited {
    /// People have not answered yet.
    Pending,
    /// It never will, or not any more.
    Not(Unapproved),
}

impl From<Unapproved> for Unwaited {
    fn from(why: Unapproved) -> Self {
        Self::Not(why)
    }
}

/// Whether an approval, which is for this very request, lets it pass at `now`. `request_id` is the gateway's own name
/// for the request.
fn decide_redeem(
    approval: &Approval,
    request_id: Option<&RequestId>,
    now: Timestamp,
) -> Result<Redeeming, Unwaited> {
    if let Some(used) = &approval.used {
        let is_same = request_id == Some(&used.request_id);
        let is_soon = now.since(used.at) < APPROVAL_REPEATED_FOR;
        return match is_same && is_soon {
            true => Ok(Redeeming::Again),
            false => Err(Unapproved::Used.into()),
        };
    }
    match approval.state_at(now) {
        ApprovalState::Approved if now < approval.expires_at => Ok(Redeeming::Now),
        ApprovalState::Approved | ApprovalState::Expired => Err(Unapproved::Expired.into()),
        ApprovalState::Pending => Err(Unwaited::Pending),
        ApprovalState::Rejected => Err(Unapproved::Rejected.into()),
        ApprovalState::Failed => Err(Unapproved::Mismatch.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        id::EnvironmentId,
        model::approval::{Asked, Bound},
    };
    use std::time::Duration;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn approval(state: ApprovalState, used: Option<(i64, &str)>) -> Approval {
        Approval {
            environment: EnvironmentId::parse("sandbox").unwrap(),
            id: ApprovalId::parse("a1").unwrap(),
            organization: None,
            asked: Asked::Countersignature(Bound {
                guard: "g".into(),
                client: None,
                subject: "s".into(),
                method: "POST".into(),
                host: "h".into(),
                target: "/".into(),
                content_digest: None,
            }),
            token: String::new(),
            otp: String::new(),
            record: String::new(),
            seats: vec![],
            needed: 1,
            votes: vec![],
            state,
            signature: None,
            used: used.map(|(seconds, id)| Used {
                at: at(seconds),
                request_id: RequestId::parse(id).unwrap(),
            }),
            receipt: None,
            created_at: at(0),
            updated_at: at(0),
            expires_at: at(300),
        }
    }

    #[test]
    fn an_approval_lets_a_request_pass_once_in_its_time() {
        use ApprovalState::{Approved, Expired, Failed, Pending, Rejected};
        let not = |why| Err(Unwaited::Not(why));
        for (state, used, id, seconds, expected) in [
            (Approved, None, None, 299, Ok(Redeeming::Now)),
            (Approved, None, Some("r1"), 0, Ok(Redeeming::Now)),
            (Approved, None, None, 300, not(Unapproved::Expired)),
            (Pending, None, None, 299, Err(Unwaited::Pending)),
            (Pending, None, None, 300, not(Unapproved::Expired)),
            (Rejected, None, None, 10, not(Unapproved::Rejected)),
            (Rejected, None, None, 400, not(Unapproved::Rejected)),
            (Expired, None, None, 10, not(Unapproved::Expired)),
            (Failed, None, None, 10, not(Unapproved::Mismatch)),
            (
                Approved,
                Some((100, "r1")),
                Some("r1"),
                109,
                Ok(Redeeming::Again),
            ),
            (
                Approved,
                Some((295, "r1")),
                Some("r1"),
                304,
                Ok(Redeeming::Again),
            ),
            (
                Approved,
                Some((100, "r1")),
                Some("r1"),
                110,
                not(Unapproved::Used),
            ),
            (
                Approved,
                Some((100, "r1")),
                Some("r2"),
                101,
                not(Unapproved::Used),
            ),
            (
                Approved,
                Some((100, "r1")),
                None,
                101,
                not(Unapproved::Used),
            ),
        ] {
            let id = id.map(|id| RequestId::parse(id).unwrap());
            let decided = decide_redeem(&approval(state, used), id.as_ref(), at(seconds));
            assert_eq!(decided, expected, "{state:?} {used:?} {id:?} {seconds}");
        }
    }

    #[test]
    fn the_last_microsecond_is_in_time_and_the_next_is_not() {
        let approved = approval(ApprovalState::Approved, None);
        let last = at(300).minus(Duration::from_micros(1));
        assert_eq!(decide_redeem(&approved, None, last), Ok(Redeeming::Now));
        let late = decide_redeem(&approved, None, at(300));
        assert_eq!(late, Err(Unwaited::Not(Unapproved::Expired)));
    }
}
