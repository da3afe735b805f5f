//! From the engine's rows to what answers carry.

use super::{approval_rows, approval_views, leaving, rows, subject_views, time};
use countersign_engine::{
    id::OperatorId,
    model::{
        audit::AuditEvent,
        client::{Client, Platform},
        credential::{Credential, Holder, Material, RateLimit},
        environment::Environment,
        guard::{Guard, GuardList},
        operator::Operator,
        organization::Organization,
        scopes::Scopes,
        signing::{KeySet, SigningKey},
    },
    outcome::{Introspection, View},
    row::{Row, Stored},
    time::Timestamp,
};
use serde::Serialize;
use serde_json::Value;

/// A row as an answer carries it, whichever noun it is.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Shown {
    Environment(rows::Environment),
    Organization(rows::Organization),
    Operator(rows::Operator),
    Client(rows::Client),
    Credential(Box<rows::Credential>),
    Guards(rows::Guards),
    KeySet(rows::KeySet),
    Device(approval_rows::Device),
    Approval(Box<approval_rows::Approval>),
    AuditEvent(rows::AuditEvent),
    Subject(Box<rows::Subject>),
    Webhook(rows::Webhook),
    Delivery(rows::Delivery),
}

/// A row of a list: without what is long and seldom wanted.
pub(super) fn listed(view: &View, now: Timestamp) -> Option<Shown> {
    let mut shown = row(view, now)?;
    if let Shown::Approval(approval) = &mut shown {
        approval.record = None;
        approval.receipt = None;
    }
    Some(shown)
}

/// A row for an answer; nothing for nouns that no operator sees.
pub(super) fn row(view: &View, now: Timestamp) -> Option<Shown> {
    let stored = &*view.stored;
    let version = stored.version;
    Some(match &stored.row {
        Row::Environment(row) => Shown::Environment(environment(row, stored)),
        Row::Organization(row) => Shown::Organization(organization(row, stored)),
        Row::Operator(row) => Shown::Operator(operator(row, Some(version))),
        Row::Client(row) => Shown::Client(client(row, stored)),
        Row::Credential(row) => {
            Shown::Credential(Box::new(credential(row, version, view.last_used_at)))
        }
        Row::Guards(row) => Shown::Guards(guards(row, version)),
        Row::KeySet(row) => Shown::KeySet(key_set(row, version)),
        Row::Audit(row) => Shown::AuditEvent(audit_event(row)),
        Row::Subject(row) => Shown::Subject(Box::new(subject_views::subject(row, stored))),
        Row::Subscription(row) => Shown::Webhook(leaving::subscription(row, version)),
        Row::Delivery(row) => Shown::Delivery(leaving::delivery(row, version)),
        Row::Device(row) => Shown::Device(approval_views::device(row, now)),
        Row::Approval(row) => {
            Shown::Approval(Box::new(approval_views::approval(row, version, now)))
        }
        Row::Name(_)
        | Row::Revocation(_)
        | Row::Idempotency(_)
        | Row::LastUsed(..)
        | Row::Session(_)
        | Row::SessionWindow(_)
        | Row::Ticket(_)
        | Row::Attempts(_)
        | Row::Asset(_)
        | Row::Identification(_)
        | Row::Approvers(_) => return None,
    })
}

fn environment(row: &Environment, stored: &Stored) -> rows::Environment {
    let profile = |profile: &countersign_engine::model::profile::TokenProfile| rows::TokenProfile {
        name: profile.name.clone(),
        issuer: profile.issuer.clone(),
        key_set: profile.key_set.clone(),
        algorithm: word(&profile.algorithm),
        token_type: profile.token_type.clone(),
        lifetime_s: profile.lifetime_s,
    };
    rows::Environment {
        id: row.id.to_string(),
        display_name: row.display_name.clone(),
        mode: word(&row.mode),
        issuer: row.issuer.clone(),
        hosts: row.hosts.clone(),
        dialects: row.dialects.clone(),
        brand: row.brand.clone(),
        allowed_origins: row.allowed_origins.clone(),
        public_url: row.public_url.clone(),
        phone_url: row.phone_url.clone(),
        provider_registrations: row.provider_registrations.as_ref().map(ToString::to_string),
        token_profiles: row.profiles.iter().map(profile).collect(),
        tokens_not_before: raised(stored),
        created_at: time::write(row.created_at),
        version: stored.version,
    }
}

fn organization(row: &Organization, stored: &Stored) -> rows::Organization {
    rows::Organization {
        id: row.id.to_string(),
        display_name: row.display_name.clone(),
        state: word(&row.state),
        number: row.number,
        tokens_not_before: raised(stored),
        created_at: time::write(row.created_at),
        version: stored.version,
    }
}

/// An operator; without a version where the caller asks who it is.
pub(super) fn operator(row: &Operator, version: Option<u64>) -> rows::Operator {
    rows::Operator {
        id: row.id.to_string(),
        display_name: row.display_name.clone(),
        role: word(&row.role),
        state: word(&row.state),
        number: row.number,
        created_at: time::write(row.created_at),
        version,
    }
}

fn client(row: &Client, stored: &Stored) -> rows::Client {
    rows::Client {
        environment: row.environment.to_string(),
        id: row.id.to_string(),
        organization: row.organization.to_string(),
        display_name: row.display_name.clone(),
        kind: word(&row.kind),
        spelling: word(&row.spelling),
        state: word(&row.state),
        scopes: scopes(&row.scopes),
        resources: row.resources.clone(),
        serves: row.serves.clone(),
        platform: row.platform.as_ref().map(platform),
        sign_in: row.sign_in.as_ref().map(|sign_in| rows::SignIn {
            sign_ups: sign_in.sign_ups,
        }),
        provider: row.provider.as_ref().map(approval_views::provider),
        number: row.number,
        maker_number: row.maker_number,
        tokens_not_before: raised(stored),
        created_at: time::write(row.created_at),
        version: stored.version,
    }
}

fn platform(row: &Platform) -> rows::Platform {
    rows::Platform {
        code: row.code.clone(),
        algorithm: word(&row.algorithm),
        single_use: row.single_use,
        enrols: row.enrols,
        token_lifetime_max_s: row.token_lifetime_max_s,
    }
}

fn credential(row: &Credential, version: u64, last_used_at: Option<Timestamp>) -> rows::Credential {
    let (organization, client, operator) = match &row.holder {
        Holder::Client(organization, client) => (Some(organization), Some(client), None),
        Holder::Operator(operator) => (None, None, Some(operator)),
    };
    let (algorithm, jwk) = match &row.material {
        Material::DigestOnly => (None, None),
        Material::PublicKey(algorithm, jwk) => (Some(algorithm), serde_json::to_value(jwk).ok()),
        Material::Shared(algorithm, _) => (Some(algorithm), None),
    };
    let installed = row.environment.is_installation();
    rows::Credential {
        environment: (!installed).then(|| row.environment.to_string()),
        id: row.id.to_string(),
        kind: row.kind.name().to_owned(),
        client: client.map(ToString::to_string),
        organization: organization.map(ToString::to_string),
        operator: operator.map(OperatorId::to_string),
        hint: row.hint.clone(),
        comment: row.comment.clone(),
        scopes: scopes(&row.scopes),
        not_before: row.not_before.map(time::write),
        expires_at: row.expires_at.map(time::write),
        revoked_at: row.revoked_at.map(time::write),
        allowed_networks: row
            .allowed_networks
            .iter()
            .map(ToString::to_string)
            .collect(),
        origins: row.origins.clone(),
        metadata: row.metadata.clone(),
        api_version: row.api_version.clone(),
        rate_limit: row.rate_limit.map(rate_limit),
        replaces: row.replaces.as_ref().map(ToString::to_string),
        replaced_by: row.replaced_by.as_ref().map(ToString::to_string),
        algorithm: algorithm.map(word),
        jwk,
        last_used_at: last_used_at.map(time::write),
        created_at: time::write(row.created_at),
        version,
    }
}

fn guards(row: &GuardList, version: u64) -> rows::Guards {
    rows::Guards {
        environment: row.environment.to_string(),
        guards: row.guards.iter().map(guard).collect(),
        version,
    }
}

fn guard(row: &Guard) -> rows::Guard {
    let rule = row.approval.as_ref();
    rows::Guard {
        name: row.name.clone(),
        hosts: row.hosts.clone(),
        paths: row.paths.clone(),
        methods: row.methods.clone(),
        accept: row.accept.iter().map(word).collect(),
        profiles: row.profiles.clone(),
        audiences: row.audiences.clone(),
        scopes: scopes(&row.scopes),
        origins: row.origins.clone(),
        rate_limit: row.rate_limit.map(rate_limit),
        dialect: row.dialect.clone(),
        secrets_from_browsers: row.secrets_from_browsers,
        assertion: row.assertion,
        approval: rule.map(|_| "required".to_owned()),
        approvers: rule.map(|rule| approval_views::guard_approvers(&rule.approvers)),
        body: rule.map(|rule| word(&rule.body)),
        sentence: rule.map(|rule| rule.sentence.clone()),
    }
}

fn key_set(row: &KeySet, version: u64) -> rows::KeySet {
    let key = |key: &SigningKey| rows::SigningKey {
        kid: key.id.to_string(),
        state: word(&key.state),
        algorithm: word(&key.algorithm),
        thumbprint: key.public.as_ref().map(countersign_jose::Jwk::thumbprint),
        jwk: key
            .public
            .as_ref()
            .and_then(|jwk| serde_json::to_value(jwk).ok()),
        created_at: time::write(key.created_at),
        ends_at: key.ends_at.map(time::write),
    };
    rows::KeySet {
        environment: row.environment.to_string(),
        name: row.name.clone(),
        algorithm: word(&row.algorithm),
        rsa_bits: row.rsa_bits,
        keys: row.keys.iter().map(key).collect(),
        version,
    }
}

pub(super) fn audit_event(row: &AuditEvent) -> rows::AuditEvent {
    rows::AuditEvent {
        at: time::write(row.at),
        environment: row.environment.to_string(),
        organization: row.organization.as_ref().map(ToString::to_string),
        actor: row.actor.clone(),
        action: row.action.clone(),
        target: row.target.clone(),
        outcome: row.outcome.clone(),
        request_id: row.request_id.to_string(),
        peer: row.peer.map(|peer| peer.to_string()),
        count: row.count,
    }
}

/// What a token is, or that it is not active.
pub(super) fn inspection(token: Option<&Introspection>) -> rows::Inspection {
    let Some(token) = token else {
        return rows::Inspection::default();
    };
    rows::Inspection {
        active: true,
        scopes: Some(scopes(&token.scopes)),
        client: token.client_id.as_ref().map(ToString::to_string),
        subject: token.subject.clone(),
        audience: Some(token.audience.clone()),
        issuer: token.issuer.clone(),
        token_id: token.token_id.clone(),
        token_type: Some(token.token_type.clone()),
        issued_at: token.issued_at.map(time::write),
        expires_at: token.expires_at.map(time::write),
    }
}

fn rate_limit(limit: RateLimit) -> rows::RateLimit {
    rows::RateLimit {
        per_minute: limit.per_minute,
        burst: limit.burst,
    }
}

pub(super) fn scopes(scopes: &Scopes) -> Vec<String> {
    scopes.iter().map(str::to_owned).collect()
}

/// The point before which tokens are refused, where one was ever set.
pub(super) fn raised(stored: &Stored) -> Option<String> {
    (stored.not_before > Timestamp::EPOCH).then(|| time::write(stored.not_before))
}

/// The word that serde writes for a variant.
pub(super) fn word<T: Serialize>(variant: &T) -> String {
    match serde_json::to_value(variant) {
        Ok(Value::String(word)) => word,
        // Only enums of plain words come here; a test writes each of them.
        _ => String::new(),
    }
}
