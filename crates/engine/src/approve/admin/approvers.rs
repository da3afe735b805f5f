//! The approvers of an organization: all of one environment are one row.

use crate::{
    Engine,
    admin::check::Problems,
    bounds::{APPROVER_GROUPS_MAX, APPROVERS_MAX, CONFLICT_TRIES_MAX},
    call::{ApprovalAdmin, CallContext, LinkTo, NewApprover},
    commit::{Change, CommitError},
    denied::{Denied, Fault, Refusal},
    engine::not_found,
    id::{ApproverId, EnvironmentId, OrganizationId, SubjectId},
    model::{
        approver::{Approver, ApproverList},
        audit::AuditEvent,
        device::Link,
        identification::{Identification, IdentificationPurpose},
        subject::Subject,
    },
    outcome::{ApprovalOutcome, Outcome},
    row::{Key, Row, Stored},
    verify::{Authenticated, OperatorCaller},
};

const NOUN: &str = "approver";

/// Where approvers are.
struct Place {
    environment: EnvironmentId,
    organization: OrganizationId,
}

/// What happens to one of them.
enum Step {
    Add(NewApprover),
    Amend(Option<String>, Option<Vec<String>>),
    Remove,
}

impl Step {
    const fn action(&self) -> &'static str {
        match self {
            Self::Add(_) => "approver.create",
            Self::Amend(..) => "approver.change",
            Self::Remove => "approver.remove",
        }
    }
}

impl Engine {
    pub(super) async fn admin_approvers(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        call: ApprovalAdmin,
    ) -> Result<Outcome, Refusal> {
        let (place, id, step) = match call {
            ApprovalAdmin::Approvers(environment, organization) => {
                let place = Place {
                    environment,
                    organization,
                };
                let (list, _) = self.approvers_at(&place).await?;
                return Ok(Outcome::Approval(ApprovalOutcome::Approvers(list)));
            }
            ApprovalAdmin::LinkNonce(environment, to) => {
                return self.link_nonce(context, caller, environment, to).await;
            }
            ApprovalAdmin::AddApprover {
                environment,
                organization,
                new,
            } => {
                let place = Place {
                    environment,
                    organization,
                };
                (place, new.id.clone(), Step::Add(new))
            }
            ApprovalAdmin::AmendApprover {
                environment,
                organization,
                approver,
                display_name,
                groups,
            } => {
                let place = Place {
                    environment,
                    organization,
                };
                (place, approver, Step::Amend(display_name, groups))
            }
            ApprovalAdmin::RemoveApprover(environment, organization, approver) => {
                let place = Place {
                    environment,
                    organization,
                };
                (place, approver, Step::Remove)
            }
            other => {
                let other = format_args!("{other:?} is not about approvers").to_string();
                return Err(Fault::internal(other).into());
            }
        };
        self.step_approver(context, caller, &place, &id, &step)
            .await
    }

    async fn step_approver(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        place: &Place,
        id: &ApproverId,
        step: &Step,
    ) -> Result<Outcome, Refusal> {
        for _ in 0..CONFLICT_TRIES_MAX {
            let (before, version) = self.approvers_at(place).await?;
            let after = decide_step(&before, id, step, context)?;
            let row = Row::Approvers(after.clone());
            let mut changes = vec![match version {
                None => Change::Insert(row),
                Some(if_version) => Change::Replace { row, if_version },
            }];
            if matches!(step, Step::Remove) {
                let device = before.approver(id).and_then(|known| known.device.clone());
                let link = Link::Approver(place.organization.clone(), id.clone());
                let (now, devices) = (context.now, device.as_slice());
                changes.extend(
                    self.unlinked(now, &place.environment, devices, &link)
                        .await?,
                );
            }
            let audit = self.approver_event(context, caller, place, id, step.action());
            match self.commit(context.now, changes, audit).await {
                Ok(()) => return Ok(Outcome::Approval(ApprovalOutcome::Approvers(after))),
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Fault(fault)) => return Err(fault.into()),
            }
        }
        Err(Fault::unavailable("the approvers kept changing").into())
    }

    /// The approvers there, and the version of their row where there is one.
    async fn approvers_at(&self, place: &Place) -> Result<(ApproverList, Option<u64>), Refusal> {
        self.named_environment(&place.environment).await?;
        self.check_organization(&place.organization).await?;
        let (environment, organization) = (&place.environment, &place.organization);
        let key = Key::Approvers(environment.clone(), organization.clone());
        let [stored] = self.load(&[key]).await?;
        let Some(stored) = stored else {
            let none = ApproverList::new(environment.clone(), organization.clone());
            return Ok((none, None));
        };
        let list = stored
            .approvers()
            .ok_or_else(|| Fault::internal("a list of approvers is none"))?;
        Ok((list.clone(), Some(stored.version)))
    }

    /// A nonce that an operator shows.
    async fn link_nonce(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        environment: EnvironmentId,
        to: LinkTo,
    ) -> Result<Outcome, Refusal> {
        let compiled = self.compiled_named(context, &environment).await?;
        let action = "device.link_nonce";
        let outcome = match to {
            LinkTo::Subject(id) => {
                let subject = self.linkable(&environment, &id).await?;
                let target = format!("subject:{id}");
                let owner = Some(subject.organization.clone());
                let audit = |_: &Identification| {
                    let owner = owner.clone();
                    self.admin_event(context, caller, &environment, owner, action, &target)
                };
                self.subject_nonce(context, &compiled, &subject, audit)
                    .await?
            }
            LinkTo::Approver(organization, id) => {
                let place = Place {
                    environment,
                    organization,
                };
                let (list, _) = self.approvers_at(&place).await?;
                list.approver(&id).ok_or_else(|| not_found(NOUN))?;
                let audit =
                    |_: &Identification| self.approver_event(context, caller, &place, &id, action);
                let purpose = IdentificationPurpose::Approver(id.clone());
                let whose = &place.organization;
                let made = self
                    .shown_nonce(context, &compiled, purpose, whose, audit)
                    .await?;
                self.nonce_outcome(context, &compiled, &made)?
            }
        };
        Ok(Outcome::Approval(outcome))
    }

    /// A subject for whom a device can approve.
    async fn linkable(
        &self,
        environment: &EnvironmentId,
        id: &SubjectId,
    ) -> Result<Subject, Refusal> {
        let key = Key::Subject(environment.clone(), id.clone());
        let [stored] = self.load(&[key]).await?;
        let subject = stored.as_deref().and_then(Stored::subject);
        let subject = subject.ok_or_else(|| not_found("subject"))?;
        match subject.may_act() {
            true => Ok(subject.clone()),
            false => Err(Denied::Conflict("the subject may not act").into()),
        }
    }

    fn approver_event(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        place: &Place,
        id: &ApproverId,
        action: &str,
    ) -> AuditEvent {
        let owner = place.organization.clone();
        let target = format!("approver:{owner}/{id}");
        let environment = &place.environment;
        self.admin_event(context, caller, environment, Some(owner), action, &target)
    }
}

/// The list after the step.
fn decide_step(
    before: &ApproverList,
    id: &ApproverId,
    step: &Step,
    context: &CallContext,
) -> Result<ApproverList, Denied> {
    let mut list = before.clone();
    let known = list.approvers.iter().position(|known| known.id == *id);
    match (step, known) {
        (Step::Add(_), Some(_)) => {
            return Err(Denied::Conflict(
                "there is an approver with this name already",
            ));
        }
        (Step::Add(new), None) => {
            if list.approvers.len() >= APPROVERS_MAX {
                let full = "the organization has as many approvers as it may have";
                return Err(Denied::Conflict(full));
            }
            list.approvers.push(Approver {
                id: id.clone(),
                display_name: new.display_name.clone().unwrap_or_else(|| id.to_string()),
                groups: new.groups.clone(),
                device: None,
                created_at: context.now,
            });
        }
        (Step::Remove, Some(place)) => {
            list.approvers.remove(place);
        }
        (Step::Amend(name, groups), Some(_)) => {
            let known = list.approvers.iter_mut().find(|known| known.id == *id);
            if let Some(known) = known {
                known.display_name = name.clone().unwrap_or_else(|| known.display_name.clone());
                known.groups = groups.clone().unwrap_or_else(|| known.groups.clone());
            }
        }
        (Step::Remove | Step::Amend(..), None) => return Err(Denied::NotFound { noun: NOUN }),
    }
    list.approver(id).map_or(Ok(()), decide_approver)?;
    Ok(list)
}

fn decide_approver(approver: &Approver) -> Result<(), Denied> {
    let mut problems = Problems::default();
    problems.text(&approver.display_name, "display_name");
    let groups = &approver.groups;
    problems.at_most(groups.len(), APPROVER_GROUPS_MAX, "groups");
    problems.unique(groups, "groups");
    for (place, group) in groups.iter().enumerate() {
        // As guards name them.
        let fits = ApproverId::parse(group).is_ok();
        let expected = "1 to 64 characters of A-Z a-z 0-9 - _ .";
        problems.expect(fits, &format!("groups[{place}]"), expected);
    }
    problems.done()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{denied::ProblemKind, id::RequestId, time::Timestamp};

    fn context() -> CallContext {
        CallContext {
            environment: EnvironmentId::installation(),
            now: Timestamp::from_seconds(1_700_000_000),
            request_id: RequestId::parse("r1").unwrap(),
            peer: None,
            dialect: "admin",
        }
    }

    fn ada() -> ApproverId {
        ApproverId::parse("ada").unwrap()
    }

    fn none() -> ApproverList {
        let environment = EnvironmentId::parse("sandbox").unwrap();
        ApproverList::new(environment, OrganizationId::parse("acme").unwrap())
    }

    fn add(groups: &[&str]) -> Step {
        Step::Add(NewApprover {
            id: ada(),
            display_name: None,
            groups: groups.iter().map(|&it| it.into()).collect(),
        })
    }

    fn step(list: &ApproverList, step: &Step) -> Result<ApproverList, Denied> {
        decide_step(list, &ada(), step, &context())
    }

    #[test]
    fn an_approver_is_added_once_changes_and_goes() {
        let list = step(&none(), &add(&["finance"])).unwrap();
        assert_eq!(list.approver(&ada()).unwrap().display_name, "ada");
        assert!(matches!(step(&list, &add(&[])), Err(Denied::Conflict(_))));
        let amend = Step::Amend(Some("Ada Lovelace".into()), None);
        let list = step(&list, &amend).unwrap();
        let known = list.approver(&ada()).unwrap();
        assert_eq!(
            (known.display_name.as_str(), known.groups.len()),
            ("Ada Lovelace", 1)
        );
        let list = step(&list, &Step::Remove).unwrap();
        assert_eq!(list, none());
        for gone in [Step::Remove, amend] {
            assert_eq!(step(&list, &gone), Err(Denied::NotFound { noun: NOUN }));
        }
    }

    #[test]
    fn groups_are_named_as_guards_name_them() {
        for (groups, field) in [
            (&["finance", "finance"][..], "groups"),
            (&["fin ance"], "groups[0]"),
            (&["finance", ""], "groups[1]"),
        ] {
            let Err(Denied::Invalid(problems)) = step(&none(), &add(groups)) else {
                panic!("{groups:?} are let in")
            };
            assert_eq!(problems[0].field, field);
            assert!(matches!(problems[0].kind, ProblemKind::Expected(_)));
        }
        let many: Vec<String> = (0..=APPROVER_GROUPS_MAX).map(|n| format!("g{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(step(&none(), &add(&many)).is_err());
        assert!(step(&none(), &add(&many[1..])).is_ok());
    }

    #[test]
    fn the_list_is_bounded() {
        let mut list = none();
        for n in 0..APPROVERS_MAX {
            let id = ApproverId::parse(&format!("a{n}")).unwrap();
            let new = NewApprover {
                id: id.clone(),
                display_name: None,
                groups: vec![],
            };
            list = decide_step(&list, &id, &Step::Add(new), &context()).unwrap();
        }
        assert!(matches!(step(&list, &add(&[])), Err(Denied::Conflict(_))));
    }
}
