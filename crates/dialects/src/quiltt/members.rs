//! Members of a JSON body, and of a profile. What is not known is left alone: the vendor's clients send more than we
//! keep.

use crate::{Request, wire::json};
use countersign_engine::{
    denied::{Denied, ProblemKind},
    global_id,
    id::SubjectId,
    model::subject::{Address, Names},
    profiles::{ProfileMembers, ProfileName},
};
use serde_json::{Map, Value};

/// An object's members.
pub(super) type Members = Map<String, Value>;

/// The object in the body.
///
/// # Errors
/// [`Denied`]: another media type, no JSON, no object.
pub(super) fn body(request: &Request<'_>) -> Result<Members, Denied> {
    match json::value(request)? {
        Value::Object(members) => Ok(members),
        _ => Err(Denied::invalid("body", ProblemKind::Expected("an object"))),
    }
}

/// The same of a body that may be left out, or be `null`.
///
/// # Errors
/// As [`body`].
pub(super) fn body_if_any(request: &Request<'_>) -> Result<Members, Denied> {
    if request.body.is_empty() {
        return Ok(Members::new());
    }
    match json::value(request)? {
        Value::Null => Ok(Members::new()),
        Value::Object(members) => Ok(members),
        _ => Err(Denied::invalid(
            "body",
            ProblemKind::Expected("an object or null"),
        )),
    }
}

/// A text; `Some(None)` for `null`.
pub(super) fn text(
    members: &Members,
    name: &str,
    at: &str,
) -> Result<Option<Option<String>>, Denied> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(None)),
        Some(Value::String(text)) => Ok(Some(Some(text.clone()))),
        Some(_) => Err(Denied::invalid(at, ProblemKind::Expected("a text or null"))),
    }
}

/// A text that has to be there.
pub(super) fn required(members: &Members, name: &str) -> Result<String, Denied> {
    text(members, name, name)?
        .flatten()
        .ok_or_else(|| Denied::invalid(name, ProblemKind::Missing))
}

/// An object; `Some(None)` for `null`.
fn object<'a>(members: &'a Members, name: &str) -> Result<Option<Option<&'a Members>>, Denied> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(None)),
        Some(Value::Object(members)) => Ok(Some(Some(members))),
        Some(_) => Err(Denied::invalid(
            name,
            ProblemKind::Expected("an object or null"),
        )),
    }
}

/// A profile by its global id or its UUID.
pub(super) fn profile_name(text: &str) -> Option<ProfileName> {
    let uuid = subject_id(text);
    let is_uuid = uuid.is_some();
    let named = || SubjectId::parse(&global_id::decode("p", text)?.to_string()).ok();
    let id = uuid.or_else(named)?;
    Some(ProfileName { id, is_uuid })
}

fn subject_id(text: &str) -> Option<SubjectId> {
    let is_one = text.len() == 36
        && text.bytes().enumerate().all(|(place, b)| match place {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        });
    is_one
        .then(|| SubjectId::parse(&text.to_ascii_lowercase()).ok())
        .flatten()
}

/// What a body sets in a profile.
///
/// # Errors
/// [`Denied::Invalid`] of a member that has another type.
pub(super) fn profile(members: &Members) -> Result<ProfileMembers, Denied> {
    let plain = |name: &str| text(members, name, name);
    let uuid = match plain("uuid")?.flatten() {
        None => None,
        Some(text) => {
            let expected = ProblemKind::Expected("a UUID");
            Some(subject_id(&text).ok_or_else(|| Denied::invalid("uuid", expected))?)
        }
    };
    let names = object(members, "names")?.map(|names| names.map(read_names).transpose());
    let address = object(members, "address")?.map(|address| address.map(read_address).transpose());
    Ok(ProfileMembers {
        uuid,
        email: plain("email")?,
        phone: plain("phone")?,
        name: plain("name")?,
        names: names.transpose()?,
        date_of_birth: plain("dateOfBirth")?,
        address: address.transpose()?,
        metadata: object(members, "metadata")?.map(|metadata| metadata.cloned()),
    })
}

fn read_names(members: &Members) -> Result<Names, Denied> {
    Ok(Names {
        first: text(members, "first", "names.first")?.flatten(),
        last: text(members, "last", "names.last")?.flatten(),
    })
}

fn read_address(members: &Members) -> Result<Address, Denied> {
    let member = |name: &str| {
        let at = format!("address.{name}");
        Ok::<_, Denied>(text(members, name, &at)?.flatten())
    };
    Ok(Address {
        line1: member("line1")?,
        line2: member("line2")?,
        city: member("city")?,
        state: member("state")?,
        postal_code: member("postalCode")?,
        // The vendor's default.
        country_code: member("countryCode")?.or_else(|| Some("USA".into())),
    })
}
