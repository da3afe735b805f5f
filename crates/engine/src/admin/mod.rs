//! The operator's calls: a file per noun. Every change goes through the same rules as a creation.

pub(crate) mod check;
pub(crate) mod clients;
mod credentials;
mod environments;
mod guards;
mod idempotency;
mod listing;
pub(crate) mod material;
mod operators;
mod organizations;
mod subjects;
mod tokens;
mod webhooks;

use crate::{
    Engine,
    call::{AdminCall, Amend, CallContext, New, Target},
    commit::{Change, CommitError, Version},
    denied::{Denied, Fault, Refusal},
    id::{EnvironmentId, OrganizationId},
    keys::Rotation,
    model::audit::AuditEvent,
    outcome::{Outcome, View},
    row::{Key, Row, Stored},
    secret::Secret,
    verify::{Authenticated, OperatorCaller},
};
use std::sync::Arc;

/// What a creation is about to commit.
pub(crate) struct Making {
    /// The new rows; the first is the one that is answered.
    pub rows: Vec<Row>,
    /// Changes to rows that are there already.
    pub changes: Vec<Change>,
    /// The secret of the answer.
    pub secret: Option<Secret<String>>,
    /// What the audit log says.
    pub audit: AuditEvent,
}

impl Engine {
    pub(crate) async fn admin(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        call: AdminCall,
    ) -> Result<Outcome, Refusal> {
        match call {
            AdminCall::WhoAmI => Ok(Outcome::WhoAmI(caller.who().operator.clone())),
            AdminCall::List {
                listing,
                after,
                limit,
            } => self.admin_list(listing, after, limit).await,
            AdminCall::Show(target) => self.admin_show(&target).await,
            AdminCall::Create { new, idempotency } => {
                self.admin_create(context, caller, new, idempotency).await
            }
            AdminCall::Amend { change, if_version } => {
                let if_version = if_version.ok_or(Denied::PreconditionRequired)?;
                self.admin_amend(context, caller, change, if_version).await
            }
            AdminCall::Remove { target, if_version } => {
                let if_version = if_version.ok_or(Denied::PreconditionRequired)?;
                self.admin_remove(context, caller, &target, if_version)
                    .await
            }
            AdminCall::RevokeCredential(environment, credential) => {
                self.revoke_credential(context, caller, &environment, &credential)
                    .await
            }
            AdminCall::RotateCredential {
                environment,
                credential,
                overlap,
                idempotency,
            } => {
                self.rotate_credential(
                    context,
                    caller,
                    &environment,
                    &credential,
                    overlap,
                    idempotency,
                )
                .await
            }
            AdminCall::RotateKeys {
                environment,
                key_set,
                overlap,
                force,
            } => {
                let how = Rotation { overlap, force };
                self.rotate_keys(context, &actor(caller), &environment, &key_set, how)
                    .await?;
                self.admin_show(&Target::KeySet(environment, key_set)).await
            }
            AdminCall::EndTokens(target) => self.end_tokens(context, caller, &target).await,
            AdminCall::RevokeToken(environment, token) => {
                self.admin_revoke_token(context, caller, &environment, &token)
                    .await
            }
            AdminCall::Webhooks(call) => self.admin_webhooks(context, caller, call).await,
            AdminCall::InspectToken(environment, token) => {
                self.inspect_token(context, &environment, &token).await
            }
            AdminCall::Subjects(call) => self.admin_subjects(context, caller, call).await,
            AdminCall::Approvals(call) => self.admin_approvals(context, caller, call).await,
        }
    }

    async fn admin_amend(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        change: Amend,
        if_version: Version,
    ) -> Result<Outcome, Refusal> {
        match change {
            Amend::Environment(id, change) => {
                self.amend_environment(context, caller, &id, change, if_version)
                    .await
            }
            Amend::Organization(id, change) => {
                self.amend_organization(context, caller, &id, change, if_version)
                    .await
            }
            Amend::Operator(id, change) => {
                self.amend_operator(context, caller, &id, change, if_version)
                    .await
            }
            Amend::Client(environment, id, change) => {
                self.amend_client(context, caller, &environment, &id, change, if_version)
                    .await
            }
            Amend::Credential(environment, id, change) => {
                self.amend_credential(context, caller, &environment, &id, change, if_version)
                    .await
            }
            Amend::Guards(environment, guards) => {
                self.replace_guards(context, caller, &environment, guards, if_version)
                    .await
            }
            Amend::Subject(environment, id, change) => {
                self.amend_subject(context, caller, &environment, &id, change, if_version)
                    .await
            }
        }
    }

    /// What a creation is about to commit, by its noun.
    async fn making(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        new: New,
    ) -> Result<Making, Refusal> {
        match new {
            New::Environment(new) => self.make_environment(context, caller, new).await,
            New::Organization(new) => self.make_organization(context, caller, new),
            New::Operator(new) => self.make_operator(context, caller, new),
            New::Client(new) => self.make_client(context, caller, new).await,
            New::Credential(new) => self.make_credential(context, caller, new).await,
            New::Subject(new) => self.make_subject(context, caller, new).await,
        }
    }

    async fn admin_remove(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        target: &Target,
        if_version: Version,
    ) -> Result<Outcome, Refusal> {
        match target {
            Target::Client(environment, id) => {
                self.remove_client(context, caller, environment, id, if_version)
                    .await
            }
            Target::Subject(environment, id) => {
                self.erase_subject(context, caller, environment, id, if_version)
                    .await
            }
            // Everything else is disabled or revoked, so that what the audit log names can be looked up.
            _ => Err(Denied::Conflict(
                "only clients and subjects can be removed; disable or revoke the others",
            )
            .into()),
        }
    }

    /// Commit one row's new content and answer with it.
    pub(super) async fn replace_row(
        &self,
        context: &CallContext,
        row: Row,
        if_version: Version,
        others: Vec<Change>,
        audit: AuditEvent,
    ) -> Result<Outcome, Refusal> {
        let key = row.key();
        let mut changes = vec![Change::Replace { row, if_version }];
        changes.extend(others);
        self.commit_changes(context, changes, audit).await?;
        self.row_view(&key).await
    }

    /// Commit changes to rows at the versions that the caller read, with the names that move.
    pub(super) async fn commit_changes(
        &self,
        context: &CallContext,
        changes: Vec<Change>,
        audit: AuditEvent,
    ) -> Result<(), Refusal> {
        let is_version =
            |change: &Change| matches!(change, Change::Replace { .. } | Change::Require { .. });
        let versions: Vec<bool> = changes.iter().map(is_version).collect();
        match self.commit(context.now, changes, audit).await {
            Ok(()) => Ok(()),
            Err(CommitError::Conflict { change }) if versions.get(change) == Some(&true) => {
                Err(Denied::PreconditionFailed.into())
            }
            Err(CommitError::Conflict { .. }) => {
                Err(Denied::Conflict("a name, host or contact in it is taken").into())
            }
            Err(CommitError::Fault(fault)) => Err(fault.into()),
        }
    }

    /// The row under `key` as it is now.
    pub(super) async fn row_view(&self, key: &Key) -> Result<Outcome, Refusal> {
        let [stored] = self.load(std::array::from_ref(key)).await?;
        let stored = stored.ok_or_else(|| Fault::internal("a row went while it was written"))?;
        Ok(Outcome::Row(self.view(stored).await?))
    }

    /// A row with what housekeeping knows of it.
    pub(super) async fn view(&self, stored: Arc<Stored>) -> Result<View, Fault> {
        let Some(credential) = stored.credential() else {
            return Ok(View {
                stored,
                last_used_at: None,
            });
        };
        let key = Key::LastUsed(credential.environment.clone(), credential.id.clone());
        let [used] = self.load(&[key]).await?;
        Ok(View {
            last_used_at: used.and_then(|used| last_used(&used)),
            stored,
        })
    }

    /// An audit event of an operator's call on a noun of `environment`.
    pub(crate) fn admin_event(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        environment: &EnvironmentId,
        organization: Option<OrganizationId>,
        action: &str,
        target: &str,
    ) -> AuditEvent {
        let event = self.event(context, &actor(caller), action, target);
        AuditEvent {
            environment: environment.clone(),
            organization,
            ..event
        }
    }
}

/// What the audit log calls an operator.
pub(super) fn actor(caller: &Authenticated<OperatorCaller>) -> String {
    format!("operator:{}", caller.who().operator.id)
}

/// The time in a last-used row.
pub(super) fn last_used(stored: &Stored) -> Option<crate::time::Timestamp> {
    match &stored.row {
        Row::LastUsed(_, _, at) => Some(*at),
        _ => None,
    }
}

/// A row that may only be changed at the version that the caller read.
pub(super) fn at_version(
    stored: Option<Arc<Stored>>,
    noun: &'static str,
    if_version: Version,
) -> Result<Arc<Stored>, Denied> {
    let stored = stored.ok_or(Denied::NotFound { noun })?;
    if stored.version == if_version {
        Ok(stored)
    } else {
        Err(Denied::PreconditionFailed)
    }
}
