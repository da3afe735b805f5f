//! People, as answers carry them.

use super::{
    rows, time,
    views::{audit_event, raised, scopes, word},
};
use countersign_engine::{
    model::{
        device::Device,
        session::{Counted, Session},
        subject::{Address, Names, Subject},
    },
    outcome::SubjectExport,
    row::Stored,
};

/// A subject. Of its password it is only told whether there is one.
pub(super) fn subject(row: &Subject, stored: &Stored) -> rows::Subject {
    let attributes = &row.attributes;
    rows::Subject {
        environment: row.environment.to_string(),
        id: row.id.to_string(),
        organization: row.organization.to_string(),
        platform: row.platform.as_ref().map(ToString::to_string),
        email: row.email.clone(),
        phone: row.phone.clone(),
        name: attributes.name.clone(),
        names: attributes.names.as_ref().map(names),
        date_of_birth: attributes.date_of_birth.clone(),
        address: attributes.address.as_ref().map(address),
        metadata: row.metadata.clone(),
        has_password: row.password.is_some(),
        devices: row.devices.iter().map(ToString::to_string).collect(),
        state: word(&row.state),
        closing_at: row.closing_at.map(time::write),
        tokens_not_before: raised(stored),
        created_at: time::write(row.created_at),
        updated_at: time::write(row.updated_at),
        version: stored.version,
    }
}

fn names(row: &Names) -> rows::PersonNames {
    rows::PersonNames {
        first: row.first.clone(),
        last: row.last.clone(),
    }
}

fn address(row: &Address) -> rows::PersonAddress {
    rows::PersonAddress {
        line1: row.line1.clone(),
        line2: row.line2.clone(),
        city: row.city.clone(),
        state: row.state.clone(),
        postal_code: row.postal_code.clone(),
        country_code: row.country_code.clone(),
    }
}

/// Sessions of both kinds, those that are only counted first.
pub(super) fn sessions<'a>(
    counted: &[Counted],
    kept: impl IntoIterator<Item = &'a Stored>,
) -> Vec<rows::Session> {
    let kept = kept.into_iter().filter_map(|stored| stored.session());
    counted.iter().map(jwt).chain(kept.map(opaque)).collect()
}

fn opaque(row: &Session) -> rows::Session {
    rows::Session {
        id: row.name(),
        kind: "opaque".into(),
        hint: Some(row.hint.clone()),
        client: row.client.as_ref().map(ToString::to_string),
        credential: None,
        scopes: scopes(&row.scopes),
        created_at: time::write(row.created_at),
        expires_at: time::write(row.expires_at),
    }
}

fn jwt(row: &Counted) -> rows::Session {
    rows::Session {
        id: row.token_id.clone(),
        kind: "jwt".into(),
        hint: None,
        client: None,
        credential: row.credential.as_ref().map(ToString::to_string),
        scopes: Vec::new(),
        created_at: time::write(row.issued_at),
        expires_at: time::write(row.expires_at),
    }
}

/// All that is known of a subject; none when what was gathered is no subject.
pub(super) fn export(gathered: &SubjectExport) -> Option<rows::SubjectExport> {
    let kept = gathered.kept.iter().map(|stored| &**stored);
    let devices = gathered.devices.iter().filter_map(|stored| stored.device());
    let lines = gathered.audit.iter().filter_map(|stored| stored.audit());
    Some(rows::SubjectExport {
        exported_at: time::write(gathered.at),
        subject: subject(gathered.stored.subject()?, &gathered.stored),
        sessions: sessions(&gathered.counted, kept),
        devices: devices.map(device).collect(),
        audit: lines.map(audit_event).collect(),
        is_cut: gathered.is_cut,
    })
}

fn device(row: &Device) -> rows::SubjectDevice {
    rows::SubjectDevice {
        id: row.id.to_string(),
        name: row.name.clone(),
        created_at: time::write(row.created_at),
    }
}
