//! Operators, and the first of them.

use super::{Making, at_version, check};
use crate::{
    Engine,
    bounds::PAGE_ROWS_MAX,
    call::{CallContext, NewOperator, OperatorChange},
    commit::{Change, CommitError, Version},
    denied::{Denied, Fault, Refusal},
    id::{CredentialId, EnvironmentId, OperatorId},
    model::{
        State,
        credential::{Credential, CredentialKind, Holder, Material},
        environment::Mode,
        operator::{Operator, Role},
        scopes::Scopes,
    },
    opaque::{self, random_text},
    outcome::Outcome,
    ports::Query,
    row::{Key, Row, Stored},
    secret::Secret,
    verify::{Authenticated, OperatorCaller},
};
use std::sync::Arc;

impl Engine {
    /// Make the first operator (role owner) and its token, in an installation that has none.
    ///
    /// # Errors
    /// `Denied::Conflict` when there is an operator already.
    pub async fn bootstrap(
        &self,
        context: &CallContext,
        id: OperatorId,
    ) -> Result<Secret<String>, Refusal> {
        let known = self.ports.store.list(&Query::Operators, None, 1).await?;
        if !known.rows.is_empty() {
            return Err(Denied::Conflict("there is an operator already").into());
        }
        let new = NewOperator {
            id: id.clone(),
            display_name: None,
            role: Role::Owner,
        };
        let audit = self.event(
            context,
            "engine",
            "operator.create",
            &format!("operator:{id}"),
        );
        let audit = crate::model::audit::AuditEvent {
            environment: EnvironmentId::installation(),
            ..audit
        };
        let making = self.operator_rows(context, new, audit)?;
        let changes = making.rows.into_iter().map(Change::Insert).collect();
        match self.commit(context.now, changes, making.audit).await {
            Ok(()) => making
                .secret
                .ok_or_else(|| Fault::internal("an operator without a token").into()),
            Err(CommitError::Conflict { .. }) => {
                Err(Denied::Conflict("there is an operator already").into())
            }
            Err(CommitError::Fault(fault)) => Err(fault.into()),
        }
    }

    /// A new token for the first active owner: for whoever holds the data folder and has lost every token.
    /// Tokens that there are stay as they are.
    ///
    /// # Errors
    /// `Denied::Conflict` when nobody is an active owner, or stopped being one meanwhile.
    pub async fn recover_operator(&self, context: &CallContext) -> Result<Secret<String>, Refusal> {
        let owner = self.first_owner().await?;
        let owner = owner.ok_or(Denied::Conflict("there is no active owner"))?;
        let operator = owner
            .operator()
            .ok_or_else(|| Fault::internal("an operator's row is not one"))?;
        let (credential, secret) = self.operator_token(context, &operator.id)?;
        let target = format!("operator:{}", operator.id);
        let mut audit = self.event(context, "engine", "operator.recover", &target);
        audit.environment = EnvironmentId::installation();
        let changes = vec![
            Change::Require {
                key: owner.row.key(),
                if_version: owner.version,
            },
            Change::Insert(Row::Credential(credential)),
        ];
        match self.commit(context.now, changes, audit).await {
            Ok(()) => Ok(secret),
            Err(CommitError::Conflict { .. }) => {
                Err(Denied::Conflict("the owner has changed meanwhile").into())
            }
            Err(CommitError::Fault(fault)) => Err(fault.into()),
        }
    }

    async fn first_owner(&self) -> Result<Option<Arc<Stored>>, Fault> {
        let mut after = None;
        loop {
            let page = self
                .ports
                .store
                .list(&Query::Operators, after.as_ref(), PAGE_ROWS_MAX)
                .await?;
            let owner = page
                .rows
                .into_iter()
                .find(|stored| stored.operator().is_some_and(owns));
            if owner.is_some() || page.next.is_none() {
                return Ok(owner);
            }
            after = page.next;
        }
    }

    pub(super) fn make_operator(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        new: NewOperator,
    ) -> Result<Making, Refusal> {
        let place = EnvironmentId::installation();
        let target = format!("operator:{}", new.id);
        let audit = self.admin_event(context, caller, &place, None, "operator.create", &target);
        self.operator_rows(context, new, audit)
    }

    fn operator_rows(
        &self,
        context: &CallContext,
        new: NewOperator,
        audit: crate::model::audit::AuditEvent,
    ) -> Result<Making, Refusal> {
        let operator = Operator {
            display_name: new.display_name.unwrap_or_else(|| new.id.to_string()),
            id: new.id,
            role: new.role,
            state: State::Active,
            number: self.random_number()?,
            created_at: context.now,
        };
        decide_operator(&operator)?;
        let (credential, secret) = self.operator_token(context, &operator.id)?;
        let rows = vec![Row::Operator(operator), Row::Credential(credential)];
        Ok(Making {
            rows,
            changes: Vec::new(),
            secret: Some(secret),
            audit,
        })
    }

    /// A token of an operator. It has no tag: the installation has no tag key, and its listener no strangers.
    pub(super) fn operator_token(
        &self,
        context: &CallContext,
        id: &OperatorId,
    ) -> Result<(Credential, Secret<String>), Refusal> {
        let place = EnvironmentId::installation();
        let entropy = &*self.ports.entropy;
        let kind = opaque::Kind {
            brand: opaque::BRAND,
            word: "opr",
            mode: Mode::Production,
        };
        let secret = opaque::mint(kind, &place, None, entropy)?;
        let name = format!("cred_{}", random_text(16, entropy)?);
        let credential = Credential {
            digest: opaque::lookup(&place, secret.expose()),
            environment: place,
            id: CredentialId::parse(&name).map_err(Fault::internal)?,
            kind: CredentialKind::OperatorToken,
            holder: Holder::Operator(id.clone()),
            material: Material::DigestOnly,
            hint: super::material::hint(secret.expose()),
            comment: String::new(),
            scopes: Scopes::default(),
            not_before: None,
            expires_at: None,
            revoked_at: None,
            allowed_networks: Vec::new(),
            origins: Vec::new(),
            metadata: None,
            api_version: None,
            rate_limit: None,
            replaces: None,
            replaced_by: None,
            created_at: context.now,
        };
        Ok((credential, secret))
    }

    pub(super) async fn amend_operator(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        id: &OperatorId,
        change: OperatorChange,
        if_version: Version,
    ) -> Result<Outcome, Refusal> {
        let [stored] = self.load(&[Key::Operator(id.clone())]).await?;
        let stored = at_version(stored, "operator", if_version)?;
        let before = stored
            .operator()
            .ok_or_else(|| Fault::internal("an operator's row is not one"))?;
        let mut after = before.clone();
        if let Some(name) = change.display_name {
            after.display_name = name;
        }
        if let Some(role) = change.role {
            after.role = role;
        }
        if let Some(state) = change.state {
            after.state = state;
        }
        decide_operator(&after)?;
        let others = self.keep_an_owner(before, &after).await?;
        let place = EnvironmentId::installation();
        let audit = self.admin_event(
            context,
            caller,
            &place,
            None,
            "operator.change",
            &format!("operator:{id}"),
        );
        self.replace_row(context, Row::Operator(after), if_version, others, audit)
            .await
    }

    /// An installation that nobody owns could not be mended: when an owner steps back, another must
    /// be there, still at the commit.
    async fn keep_an_owner(
        &self,
        before: &Operator,
        after: &Operator,
    ) -> Result<Vec<Change>, Refusal> {
        if !owns(before) || owns(after) {
            return Ok(Vec::new());
        }
        let page = self
            .ports
            .store
            .list(&Query::Operators, None, PAGE_ROWS_MAX)
            .await?;
        let other = page.rows.iter().find(|stored| {
            stored
                .operator()
                .is_some_and(|operator| operator.id != before.id && owns(operator))
        });
        let other = other.ok_or(Denied::Conflict("the last active owner cannot step back"))?;
        Ok(vec![Change::Require {
            key: other.row.key(),
            if_version: other.version,
        }])
    }
}

fn owns(operator: &Operator) -> bool {
    operator.role == Role::Owner && operator.state == State::Active
}

fn decide_operator(operator: &Operator) -> Result<(), Denied> {
    let mut problems = check::Problems::default();
    problems.text(&operator.display_name, "display_name");
    problems.done()
}
