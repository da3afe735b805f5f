//! The people that a demo begins with: an end user's profile (Quiltt), and a user who logs in (BitCanuck).

use super::{clients::Setting, sample_api::PROFILE, setup::create};
use crate::system::SystemEntropy;
use anyhow::Context as _;
use countersign_engine::{
    call::{AdminCall, New, NewSubject, SubjectCall, Target},
    global_id,
    id::SubjectId,
    model::subject::Attributes,
    opaque::random_text,
    row::Stored,
    secret::Secret,
};
use std::sync::Arc;

/// The user's address: the one that BitCanuck's document prints.
pub const EMAIL: &str = "john@email.com";
/// The code of the partner's platform, as long as the document draws it.
pub const PLATFORM: &str = "demobank";

/// The user's identifier.
const USER: &str = "3d0f6b1c-7a52-4e0b-9c3e-84f1d2a6b705";
/// The address of the profile: another person's.
pub const PROFILE_EMAIL: &str = "ada@visitor.example";

/// Letters and digits of a password.
const PASSWORD_CHARS: usize = 24;

/// The profile, as Quiltt spells it: the one whose accounts the sample API has.
///
/// # Errors
/// When it cannot be made.
pub async fn profile(setting: &Setting<'_>) -> anyhow::Result<String> {
    subject(setting, profile_subject()?.as_str(), PROFILE_EMAIL).await?;
    Ok(PROFILE.into())
}

/// The same, as Countersign knows it.
///
/// # Errors
/// Never for the one above.
pub fn profile_subject() -> anyhow::Result<SubjectId> {
    let uuid = global_id::decode("p", PROFILE).context("a profile's identifier")?;
    Ok(SubjectId::parse(&uuid.to_string())?)
}

/// The user's password: a new one, because nobody can tell the old one.
///
/// # Errors
/// When the user or the password cannot be made.
pub async fn user(setting: &Setting<'_>) -> anyhow::Result<Secret<String>> {
    subject(setting, USER, EMAIL).await?;
    let password = Secret::new(random_text(PASSWORD_CHARS, &SystemEntropy)?);
    let call = SubjectCall::SetPassword {
        environment: setting.environment.clone(),
        subject: SubjectId::parse(USER)?,
        password: password.clone(),
    };
    setting.operator.ask(AdminCall::Subjects(call)).await?;
    Ok(password)
}

/// The subject with this identifier, made unless it is there.
async fn subject(setting: &Setting<'_>, id: &str, email: &str) -> anyhow::Result<Arc<Stored>> {
    let (place, operator) = (setting.environment, setting.operator);
    let target = Target::Subject(place.clone(), SubjectId::parse(id)?);
    if let Some(stored) = operator.find(target).await? {
        return Ok(stored);
    }
    let new = NewSubject {
        environment: place.clone(),
        id: Some(id.into()),
        organization: setting.organization.clone(),
        platform: None,
        email: Some(email.into()),
        phone: None,
        attributes: Attributes::default(),
        metadata: None,
    };
    let (stored, _) = operator.make(create(New::Subject(new))).await?;
    Ok(stored)
}
