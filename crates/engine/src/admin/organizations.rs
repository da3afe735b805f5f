//! Organizations.

use super::{Making, at_version, check};
use crate::{
    Engine,
    call::{CallContext, NewOrganization, OrganizationChange},
    commit::Version,
    denied::{Denied, Fault, Refusal},
    id::{EnvironmentId, OrganizationId},
    model::{
        State,
        name::{Name, NameSpace},
        organization::Organization,
    },
    opaque::random_text,
    outcome::Outcome,
    row::{Key, Row},
    verify::{Authenticated, OperatorCaller},
};

impl Engine {
    pub(super) fn make_organization(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        new: NewOrganization,
    ) -> Result<Making, Refusal> {
        let entropy = &*self.ports.entropy;
        let id = match new.id {
            Some(id) => id,
            None => OrganizationId::parse(&format!("org_{}", random_text(16, entropy)?))
                .map_err(Fault::internal)?,
        };
        let number = new.number.map_or_else(|| self.random_number(), Ok)?;
        let organization = Organization {
            id: id.clone(),
            display_name: new.display_name,
            state: State::Active,
            number,
            created_at: context.now,
        };
        decide_organization(&organization)?;
        let name = Name {
            environment: EnvironmentId::installation(),
            space: NameSpace::OrganizationNumber,
            name: number.to_string(),
            target: id.to_string(),
        };
        let place = EnvironmentId::installation();
        let target = format!("organization:{id}");
        let audit = self.admin_event(
            context,
            caller,
            &place,
            Some(id),
            "organization.create",
            &target,
        );
        let rows = vec![Row::Organization(organization), Row::Name(name)];
        Ok(Making {
            rows,
            changes: Vec::new(),
            secret: None,
            audit,
        })
    }

    pub(super) async fn amend_organization(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        id: &OrganizationId,
        change: OrganizationChange,
        if_version: Version,
    ) -> Result<Outcome, Refusal> {
        let [stored] = self.load(&[Key::Organization(id.clone())]).await?;
        let stored = at_version(stored, "organization", if_version)?;
        let before = stored
            .organization()
            .ok_or_else(|| Fault::internal("an organization's row is not one"))?;
        let mut after = before.clone();
        if let Some(name) = change.display_name {
            after.display_name = name;
        }
        if let Some(state) = change.state {
            after.state = state;
        }
        decide_organization(&after)?;
        let place = EnvironmentId::installation();
        let target = format!("organization:{id}");
        let audit = self.admin_event(
            context,
            caller,
            &place,
            Some(id.clone()),
            "organization.change",
            &target,
        );
        self.replace_row(
            context,
            Row::Organization(after),
            if_version,
            Vec::new(),
            audit,
        )
        .await
    }

    /// A number for dialects that print numbers: short enough to type, too many to meet often.
    pub(crate) fn random_number(&self) -> Result<u64, Fault> {
        let mut bytes = [0; 4];
        self.ports.entropy.fill(&mut bytes)?;
        Ok(u64::from(u32::from_be_bytes(bytes) >> 1) + 1000)
    }
}

fn decide_organization(organization: &Organization) -> Result<(), Denied> {
    let mut problems = check::Problems::default();
    problems.text(&organization.display_name, "display_name");
    problems.expect(is_number(organization.number), "number", NUMBER);
    problems.done()
}

pub(super) const NUMBER: &str = "a whole number from 1 to 9007199254740991";

/// A number that every reader of JSON reads exactly (RFC 8259 section 6).
pub(super) fn is_number(number: u64) -> bool {
    (1..=9_007_199_254_740_991).contains(&number)
}
