//! The guards of an environment: one list, replaced whole, so that their order is never in doubt.

use super::{at_version, check, environments::profile_names};
use crate::{
    Engine,
    call::CallContext,
    commit::{Change, Version},
    denied::Refusal,
    id::EnvironmentId,
    model::guard::{Guard, GuardList},
    outcome::Outcome,
    row::{Key, Row, Stored},
    verify::{Authenticated, OperatorCaller},
};

impl Engine {
    pub(super) async fn replace_guards(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        environment: &EnvironmentId,
        guards: Vec<Guard>,
        if_version: Version,
    ) -> Result<Outcome, Refusal> {
        let keys = [
            Key::Environment(environment.clone()),
            Key::Guards(environment.clone()),
        ];
        let [place, stored] = self.load(&keys).await?;
        at_version(stored, "environment", if_version)?;
        // The dialects that the guards are checked against must still be there when they are written.
        let unchanged = place.iter().map(|place| Change::Require {
            key: Key::Environment(environment.clone()),
            if_version: place.version,
        });
        let unchanged = unchanged.collect();
        let place = place.as_deref().and_then(Stored::environment);
        let dialects = place.map_or(&[][..], |place| place.dialects.as_slice());
        let profiles: Vec<_> = place.into_iter().flat_map(profile_names).collect();
        let mut problems = check::Problems::default();
        problems.guards(&guards, dialects, &profiles);
        problems.done()?;
        let audit = self.admin_event(
            context,
            caller,
            environment,
            None,
            "guards.change",
            "guards",
        );
        let row = Row::Guards(GuardList {
            environment: environment.clone(),
            guards,
        });
        self.replace_row(context, row, if_version, unchanged, audit)
            .await
    }
}
