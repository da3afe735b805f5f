//! Clients.

use super::{
    Making, at_version, check,
    environments::no_such,
    organizations::{NUMBER, is_number},
};
use crate::{
    Engine,
    call::{CallContext, ClientChange, NewClient, PlatformChange},
    commit::{Change, CommitError, Version},
    denied::{Denied, Fault, ProblemKind, Refusal},
    global_id,
    id::{ClientId, EnvironmentId},
    model::{
        State,
        client::{Client, ClientKind, Platform, ServiceProvider, Spelling},
        name::{Name, NameSpace},
    },
    opaque::{hex_id, random_text},
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
        let platform = new.platform.map(|platform| self.with_code(platform));
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
            platform: platform.transpose()?,
            sign_in: new.sign_in,
            provider: (new.kind == ClientKind::ServiceProvider).then(ServiceProvider::default),
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
        let mut rows = vec![Row::Name(number_name(&client))];
        rows.extend(code_name(&client).map(Row::Name));
        rows.insert(0, Row::Client(client));
        Ok(Making {
            rows,
            changes,
            secret: None,
            audit,
        })
    }

    pub(crate) fn new_client_id(&self, spelling: Spelling) -> Result<ClientId, Fault> {
        let entropy = &*self.ports.entropy;
        let text = match spelling {
            Spelling::Countersign => format!("client_{}", random_text(22, entropy)?),
            Spelling::Quiltt => global_id::encode("app", global_id::random(entropy)?),
            Spelling::Bitcanuck => global_id::random(entropy)?.to_string(),
            Spelling::Ayyeka => {
                let mut bytes = [0; 16];
                entropy.fill(&mut bytes)?;
                data_encoding::HEXUPPER.encode(&bytes)
            }
            Spelling::Ubiqu => hex_id(entropy)?,
        };
        ClientId::parse(&text).map_err(Fault::internal)
    }

    /// The platform with a code, made up unless it has one.
    fn with_code(&self, platform: Platform) -> Result<Platform, Fault> {
        if !platform.code.is_empty() {
            return Ok(platform);
        }
        let mut bytes = [0; 6];
        self.ports.entropy.fill(&mut bytes)?;
        let code = data_encoding::HEXLOWER.encode(&bytes);
        Ok(Platform { code, ..platform })
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
        if let Some(sign_in) = change.sign_in {
            after.sign_in = sign_in;
        }
        if let Some(platform) = change.platform {
            amend_platform(&mut after, platform)?;
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
        let names = std::iter::once(number_name(client)).chain(code_name(client));
        let names: Vec<Key> = names.map(|name| Row::Name(name).key()).collect();
        let found = self.ports.store.load(&names).await?;
        let mut changes = vec![Change::Remove { key, if_version }];
        changes.extend(names.into_iter().zip(found).filter_map(|(key, stored)| {
            let if_version = stored?.version;
            Some(Change::Remove { key, if_version })
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

pub(crate) fn number_name(client: &Client) -> Name {
    Name {
        environment: client.environment.clone(),
        space: NameSpace::ClientNumber,
        name: client.number.to_string(),
        target: client.id.to_string(),
    }
}

/// The code of a platform, unique in its environment.
fn code_name(client: &Client) -> Option<Name> {
    let platform = client.platform.as_ref()?;
    Some(Name {
        environment: client.environment.clone(),
        space: NameSpace::PlatformCode,
        name: platform.code.clone(),
        target: client.id.to_string(),
    })
}

/// Partners have built the code into their addresses: it stays.
fn amend_platform(client: &mut Client, change: PlatformChange) -> Result<(), Denied> {
    let platform = client.platform.as_mut().ok_or_else(|| {
        Denied::invalid(
            "platform",
            ProblemKind::Expected("none: the client is no platform"),
        )
    })?;
    if change.code.is_some_and(|code| code != platform.code) {
        return Err(Denied::Conflict(
            "the code of a platform stays as it was made; make another platform",
        ));
    }
    if let Some(algorithm) = change.algorithm {
        platform.algorithm = algorithm;
    }
    if let Some(single_use) = change.single_use {
        platform.single_use = single_use;
    }
    if let Some(enrols) = change.enrols {
        platform.enrols = enrols;
    }
    if let Some(life) = change.token_lifetime_max_s {
        platform.token_lifetime_max_s = life;
    }
    Ok(())
}

/// The longest life of a platform's token, in seconds: it must be remembered as long.
const PLATFORM_TOKEN_LIFETIME_MAX_S: u32 = 3600;

fn decide_platform(client: &Client, problems: &mut check::Problems) {
    let is_one = client.kind == ClientKind::Platform;
    problems.expect(
        client.platform.is_some() == is_one,
        "platform",
        "the settings of a platform, for clients of this kind and only for them",
    );
    let Some(platform) = &client.platform else {
        return;
    };
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let is_code = (4..=32).contains(&platform.code.len()) && platform.code.bytes().all(plain);
    problems.expect(is_code, "platform.code", "4 to 32 characters of a-z 0-9 -");
    let algorithms = ["RS256", "RS384", "RS512", "HS256", "HS384", "HS512"];
    problems.expect(
        algorithms.contains(&platform.algorithm.name()),
        "platform.algorithm",
        "RS512, RS384, RS256, HS512, HS384 or HS256",
    );
    let life = platform.token_lifetime_max_s;
    problems.expect(
        (1..=PLATFORM_TOKEN_LIFETIME_MAX_S).contains(&life),
        "platform.token_lifetime_max_s",
        "1 to 3600 seconds",
    );
}

fn decide_client(client: &Client) -> Result<(), Denied> {
    let mut problems = check::Problems::default();
    problems.text(&client.display_name, "display_name");
    problems.resources(&client.resources, "resources");
    problems.resources(&client.serves, "serves");
    decide_platform(client, &mut problems);
    problems.expect(is_number(client.number), "number", NUMBER);
    problems.expect(is_number(client.maker_number), "maker_number", NUMBER);
    problems.done()
}
