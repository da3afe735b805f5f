//! Clients.

use super::{
    Making, at_version, check,
    environments::no_such,
    organizations::{NUMBER, is_number},
};
use crate::{
    Engine,
    call::{CallContext, ClientChange, NewClient},
    commit::{Change, CommitError, Version},
    denied::{Denied, Fault, Refusal},
    id::{ClientId, EnvironmentId},
    model::{
        State,
        client::{Client, Spelling},
        name::{Name, NameSpace},
    },
    opaque::random_text,
    outcome::Outcome,
    row::{Key, Row},
    verify::{Authenticated, OperatorCaller},
};

impl Engine {
    pub(super) async fn make_client(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        new: NewClient,
    ) -> Result<Making, Refusal> {
        self.named_environment(&new.environment).await?;
        let owner = Key::Organization(new.organization.clone());
        let [organization] = self.load(std::array::from_ref(&owner)).await?;
        let organization = organization.ok_or_else(|| no_such("organization"))?;
        let id = match new.id {
            Some(id) => id,
            None => self.new_client_id(new.spelling)?,
        };
        let client = Client {
            environment: new.environment,
            id: id.clone(),
            organization: new.organization,
            display_name: new.display_name,
            kind: new.kind,
            spelling: new.spelling,
            state: State::Active,
            scopes: new.scopes,
            resources: new.resources,
            serves: new.serves,
            number: new.number.map_or_else(|| self.random_number(), Ok)?,
            maker_number: new.maker_number.unwrap_or(caller.who().operator.number),
            created_at: context.now,
        };
        decide_client(&client)?;
        let place = client.environment.clone();
        let owner_id = Some(client.organization.clone());
        let target = format!("client:{id}");
        let audit = self.admin_event(context, caller, &place, owner_id, "client.create", &target);
        // The organization must still be there, as it was, when the client begins.
        let changes = vec![Change::Require {
            key: owner,
            if_version: organization.version,
        }];
        let number = Row::Name(number_name(&client));
        let rows = vec![Row::Client(client), number];
        Ok(Making {
            rows,
            changes,
            secret: None,
            audit,
        })
    }

    fn new_client_id(&self, spelling: Spelling) -> Result<ClientId, Fault> {
        let entropy = &*self.ports.entropy;
        let text = match spelling {
            Spelling::Countersign => format!("client_{}", random_text(22, entropy)?),
            Spelling::Ayyeka => {
                let mut bytes = [0; 16];
                entropy.fill(&mut bytes)?;
                data_encoding::HEXUPPER.encode(&bytes)
            }
        };
        ClientId::parse(&text).map_err(Fault::internal)
    }

    pub(super) async fn amend_client(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        environment: &EnvironmentId,
        id: &ClientId,
        change: ClientChange,
        if_version: Version,
    ) -> Result<Outcome, Refusal> {
        let [stored] = self
            .load(&[Key::Client(environment.clone(), id.clone())])
            .await?;
        let stored = at_version(stored, "client", if_version)?;
        let before = stored
            .client()
            .ok_or_else(|| Fault::internal("a client's row is not one"))?;
        let mut after = before.clone();
        if let Some(name) = change.display_name {
            after.display_name = name;
        }
        if let Some(state) = change.state {
            after.state = state;
        }
        if let Some(scopes) = change.scopes {
            after.scopes = scopes;
        }
        if let Some(resources) = change.resources {
            after.resources = resources;
        }
        if let Some(serves) = change.serves {
            after.serves = serves;
        }
        decide_client(&after)?;
        let owner = Some(after.organization.clone());
        let target = format!("client:{id}");
        let audit = self.admin_event(
            context,
            caller,
            environment,
            owner,
            "client.change",
            &target,
        );
        self.replace_row(context, Row::Client(after), if_version, Vec::new(), audit)
            .await
    }

    /// The client goes at once, and with it everything that hangs on it: each decision asks for its row.
    /// Housekeeping sweeps its credentials later.
    pub(super) async fn remove_client(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        environment: &EnvironmentId,
        id: &ClientId,
        if_version: Version,
    ) -> Result<Outcome, Refusal> {
        let key = Key::Client(environment.clone(), id.clone());
        let [stored] = self.load(std::array::from_ref(&key)).await?;
        let stored = at_version(stored, "client", if_version)?;
        let client = stored
            .client()
            .ok_or_else(|| Fault::internal("a client's row is not one"))?;
        let name = number_name(client);
        let name = Row::Name(name).key();
        let [number] = self.load(std::array::from_ref(&name)).await?;
        let mut changes = vec![Change::Remove { key, if_version }];
        changes.extend(number.map(|stored| Change::Remove {
            key: name,
            if_version: stored.version,
        }));
        let owner = Some(client.organization.clone());
        let audit = self.admin_event(
            context,
            caller,
            environment,
            owner,
            "client.remove",
            &format!("client:{id}"),
        );
        match self.commit(context.now, changes, audit).await {
            Ok(()) => Ok(Outcome::Done),
            Err(CommitError::Conflict { .. }) => Err(Denied::PreconditionFailed.into()),
            Err(CommitError::Fault(fault)) => Err(fault.into()),
        }
    }
}

fn number_name(client: &Client) -> Name {
    Name {
        environment: client.environment.clone(),
        space: NameSpace::ClientNumber,
        name: client.number.to_string(),
        target: client.id.to_string(),
    }
}

fn decide_client(client: &Client) -> Result<(), Denied> {
    let mut problems = check::Problems::default();
    problems.text(&client.display_name, "display_name");
    problems.resources(&client.resources, "resources");
    problems.resources(&client.serves, "serves");
    problems.expect(is_number(client.number), "number", NUMBER);
    problems.expect(is_number(client.maker_number), "maker_number", NUMBER);
    problems.done()
}
