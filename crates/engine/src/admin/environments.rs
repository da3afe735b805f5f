//! Environments: made with their data key, tag key and empty key sets; a worker fills these.

use super::{Making, actor, at_version, check};
use crate::{
    Engine,
    call::{CallContext, EnvironmentChange, NewEnvironment},
    commit::{Change, Version},
    denied::{Denied, Fault, Problem, ProblemKind, Refusal},
    id::EnvironmentId,
    keys::{OWN_SETS, own_set},
    model::{
        environment::Environment,
        guard::GuardList,
        name::{Name, NameSpace},
        profile::{QUILTT, TokenProfile},
        session::BITCANUCK,
        signing::KeySet,
    },
    opaque,
    outcome::Outcome,
    ports::KeyPlace,
    row::{Key, Row, Stored},
    verify::{Authenticated, OperatorCaller},
};

/// What RS384 needs to be the 384-byte signature that Ayyeka prints; the others sign with 2048.
const AYYEKA_RSA_BITS: u32 = 3072;
const RSA_BITS: u32 = 2048;

impl Engine {
    pub(super) async fn make_environment(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        new: NewEnvironment,
    ) -> Result<Making, Refusal> {
        let place = KeyPlace {
            environment: new.id.clone(),
            data_key: self.ports.keystore.new_data_key(&new.id)?,
        };
        let mut tag_key = [0; 32];
        self.ports.entropy.fill(&mut tag_key)?;
        let dialects = new.dialects.unwrap_or_else(|| vec!["standard".into()]);
        let environment = Environment {
            display_name: new.display_name.unwrap_or_else(|| new.id.to_string()),
            profiles: profiles(&dialects, &new.issuer),
            tag_keys: vec![self.ports.keystore.seal(&place, "tag", &tag_key)?],
            id: new.id,
            mode: new.mode,
            issuer: new.issuer,
            hosts: new.hosts,
            dialects,
            brand: new.brand.unwrap_or_else(|| opaque::BRAND.into()),
            allowed_origins: new.allowed_origins,
            public_url: new.public_url,
            phone_url: new.phone_url,
            provider_registrations: new.provider_registrations,
            data_key: place.data_key,
            created_at: context.now,
        };
        self.decide_environment(&environment)?;
        self.registrations_lead_somewhere(&environment).await?;
        let guards = GuardList {
            environment: environment.id.clone(),
            guards: Vec::new(),
        };
        let audit = self.event(
            context,
            &actor(caller),
            "environment.create",
            &format!("environment:{}", environment.id),
        );
        let mut rows = vec![Row::Environment(environment.clone()), Row::Guards(guards)];
        rows.extend(
            environment
                .hosts
                .iter()
                .map(|host| host_row(host, &environment.id)),
        );
        rows.extend(key_sets(&environment).map(Row::KeySet));
        let audit = crate::model::audit::AuditEvent {
            environment: environment.id,
            ..audit
        };
        Ok(Making {
            rows,
            changes: Vec::new(),
            secret: None,
            audit,
        })
    }

    /// Whatever made or changed it, an environment obeys these rules.
    fn decide_environment(&self, environment: &Environment) -> Result<(), Denied> {
        let mut problems = check::Problems::default();
        problems.text(&environment.display_name, "display_name");
        let expected = "an http or https URL of a host, without query, fragment and trailing slash";
        problems.expect(check::is_issuer(&environment.issuer), "issuer", expected);
        problems.hosts(&environment.hosts, "hosts");
        problems.origins(&environment.allowed_origins, "allowed_origins");
        problems.public_url(environment.public_url.as_deref(), "public_url");
        problems.phone_url(environment);
        problems.unique(&environment.dialects, "dialects");
        let known = environment
            .dialects
            .iter()
            .all(|name| self.dialects.contains(&name.as_str()));
        problems.expect(known, "dialects", "names of dialects that this server has");
        let brand = environment.brand.as_str();
        let fits = (2..=8).contains(&brand.len())
            && brand
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        problems.expect(fits, "brand", "2 to 8 lower-case letters or digits");
        problems.done()
    }

    /// Organizations are never removed, so one that is there stays.
    async fn registrations_lead_somewhere(&self, environment: &Environment) -> Result<(), Refusal> {
        let Some(organization) = environment.provider_registrations.clone() else {
            return Ok(());
        };
        let [organization] = self.load(&[Key::Organization(organization)]).await?;
        organization.ok_or_else(|| no_such("provider_registrations"))?;
        Ok(())
    }

    pub(super) async fn amend_environment(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        id: &EnvironmentId,
        change: EnvironmentChange,
        if_version: Version,
    ) -> Result<Outcome, Refusal> {
        let keys = [Key::Environment(id.clone()), Key::Guards(id.clone())];
        let [stored, guards] = self.load(&keys).await?;
        let stored = at_version(stored, "environment", if_version)?;
        let before = stored
            .environment()
            .ok_or_else(|| Fault::internal("an environment's row is not one"))?;
        let mut after = before.clone();
        if let Some(name) = change.display_name {
            after.display_name = name;
        }
        if let Some(hosts) = change.hosts {
            after.hosts = hosts;
        }
        if let Some(origins) = change.allowed_origins {
            after.allowed_origins = origins;
        }
        if let Some(url) = change.public_url {
            after.public_url = url;
        }
        if let Some(url) = change.phone_url {
            after.phone_url = url;
        }
        if let Some(organization) = change.provider_registrations {
            after.provider_registrations = organization;
        }
        if let Some(dialects) = change.dialects {
            after.profiles = profiles(&dialects, &after.issuer);
            after.dialects = dialects;
        }
        self.decide_environment(&after)?;
        self.registrations_lead_somewhere(&after).await?;
        let mut others = self.moved_hosts(before, &after).await?;
        if after.dialects != before.dialects
            && let Some(guards) = guards
        {
            decide_guards_stand(&after, &guards)?;
            // A guard that is written meanwhile was checked against the dialects of before.
            others.push(Change::Require {
                key: guards.row.key(),
                if_version: guards.version,
            });
        }
        others.extend(self.new_key_sets(&after).await?);
        let target = format!("environment:{id}");
        let audit = self.admin_event(context, caller, id, None, "environment.change", &target);
        self.replace_row(context, Row::Environment(after), if_version, others, audit)
            .await
    }

    async fn moved_hosts(
        &self,
        before: &Environment,
        after: &Environment,
    ) -> Result<Vec<Change>, Refusal> {
        let gone: Vec<_> = before
            .hosts
            .iter()
            .filter(|host| !after.hosts.contains(host))
            .collect();
        let keys: Vec<_> = gone
            .iter()
            .map(|host| host_row(host, &before.id).key())
            .collect();
        let rows = self.ports.store.load(&keys).await?;
        let mut changes = Vec::new();
        for (key, stored) in keys.into_iter().zip(rows) {
            let if_version = stored.ok_or(Denied::PreconditionFailed)?.version;
            changes.push(Change::Remove { key, if_version });
        }
        let came = after
            .hosts
            .iter()
            .filter(|host| !before.hosts.contains(host));
        changes.extend(came.map(|host| Change::Insert(host_row(host, &before.id))));
        Ok(changes)
    }

    /// The sets that a newly enabled dialect needs. Sets of a disabled one stay: its tokens may come back.
    async fn new_key_sets(&self, after: &Environment) -> Result<Vec<Change>, Refusal> {
        let sets: Vec<_> = key_sets(after).map(Row::KeySet).collect();
        let keys: Vec<_> = sets.iter().map(Row::key).collect();
        let known = self.ports.store.load(&keys).await?;
        let lacking = sets
            .into_iter()
            .zip(known)
            .filter(|(_, known)| known.is_none());
        Ok(lacking.map(|(set, _)| Change::Insert(set)).collect())
    }

    /// An environment that a call names.
    pub(crate) async fn named_environment(
        &self,
        id: &EnvironmentId,
    ) -> Result<std::sync::Arc<Stored>, Refusal> {
        let [stored] = self.load(&[Key::Environment(id.clone())]).await?;
        stored.ok_or_else(|| {
            Denied::NotFound {
                noun: "environment",
            }
            .into()
        })
    }

    /// Where secrets of `environment` are sealed.
    pub(super) async fn place_named(
        &self,
        environment: &EnvironmentId,
    ) -> Result<KeyPlace, Refusal> {
        let stored = self.named_environment(environment).await?;
        let place = stored.environment().map(crate::compiled::place_of);
        place.ok_or_else(|| Fault::internal("an environment's row is not one").into())
    }
}

/// What a guard may call the tokens of an environment: its profiles, and the sessions that we keep.
pub(super) fn profile_names(environment: &Environment) -> impl Iterator<Item = &str> {
    let kept = environment.dialects.iter().map(String::as_str);
    let kept = kept.filter(|dialect| *dialect == BITCANUCK);
    let spelled = environment.profiles.iter();
    spelled.map(|profile| profile.name.as_str()).chain(kept)
}

/// No guard names what the environment does not have any more.
fn decide_guards_stand(after: &Environment, guards: &Stored) -> Result<(), Denied> {
    let guards = guards.guards().map_or(&[][..], |list| &list.guards);
    let mut problems = Vec::new();
    for guard in guards {
        let dialect = guard.dialect.iter();
        let dialects = dialect
            .filter(|name| !after.dialects.contains(name))
            .map(|name| format!("the dialect {name}"));
        let profiles = guard.profiles.iter();
        let profiles = profiles
            .filter(|name| !profile_names(after).any(|known| known == name.as_str()))
            .map(|name| format!("the token profile {name}"));
        problems.extend(dialects.chain(profiles).map(|what| {
            let guard = guard.name.clone();
            Problem::new("dialects", ProblemKind::StillNamed { guard, what })
        }));
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Denied::Invalid(problems))
    }
}

/// The profiles that these dialects need; the standard one first, always.
fn profiles(dialects: &[String], issuer: &str) -> Vec<TokenProfile> {
    let mut profiles = vec![TokenProfile::standard(issuer)];
    if dialects.iter().any(|dialect| dialect == "ayyeka") {
        profiles.push(TokenProfile::ayyeka());
    }
    if dialects.iter().any(|dialect| dialect == QUILTT) {
        profiles.push(TokenProfile::quiltt());
    }
    if dialects.iter().any(|dialect| dialect == "ultra") {
        profiles.push(TokenProfile::ultra(issuer));
    }
    profiles
}

/// The key sets that an environment needs, empty.
fn key_sets(environment: &Environment) -> impl Iterator<Item = KeySet> {
    let of_profiles = environment.profiles.iter().map(|profile| {
        let rsa_bits = if profile.name == "ayyeka" {
            AYYEKA_RSA_BITS
        } else {
            RSA_BITS
        };
        (profile.key_set.as_str(), profile.algorithm, rsa_bits)
    });
    let of_profiles = of_profiles.map(|(name, algorithm, rsa_bits)| KeySet {
        environment: environment.id.clone(),
        name: name.into(),
        algorithm,
        rsa_bits,
        keys: Vec::new(),
    });
    of_profiles.chain(OWN_SETS.map(|name| own_set(&environment.id, name)))
}

fn host_row(host: &str, environment: &EnvironmentId) -> Row {
    Row::Name(Name {
        environment: EnvironmentId::installation(),
        space: NameSpace::Host,
        name: host.into(),
        target: environment.to_string(),
    })
}

/// A member that has to name something that is there.
pub(super) fn no_such(field: &'static str) -> Denied {
    Denied::invalid(field, ProblemKind::NoSuch)
}
