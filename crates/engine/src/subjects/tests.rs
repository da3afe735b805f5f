//! Rules of subjects, each refused for its own reason.

use super::*;
use crate::model::{
    State,
    subject::{Address, Names},
};
use serde_json::{Map, json};

fn jane() -> Subject {
    Subject {
        environment: EnvironmentId::parse("sandbox").unwrap(),
        id: SubjectId::parse("e6dd0bda-7384-4d88-866b-2e5aa1b2c693").unwrap(),
        organization: OrganizationId::parse("acme").unwrap(),
        platform: None,
        email: Some("jane@example.com".into()),
        phone: Some("+15551234567".into()),
        attributes: Attributes {
            name: Some("Jane Doe".into()),
            names: Some(Names {
                first: Some("Jane".into()),
                last: Some("Doe".into()),
            }),
            date_of_birth: Some("1984-02-29".into()),
            address: Some(Address {
                line1: Some("1 Main Street".into()),
                country_code: Some("USA".into()),
                ..Address::default()
            }),
        },
        metadata: None,
        state: State::Active,
        closing_at: None,
        password: None,
        devices: Vec::new(),
        created_at: Timestamp::EPOCH,
        updated_at: Timestamp::EPOCH,
    }
}

fn address(subject: &mut Subject) -> &mut Address {
    subject.attributes.address.as_mut().unwrap()
}

#[test]
fn what_is_well_formed_is_taken() {
    assert_eq!(decide_subject_members(&jane()), Ok(()));
}

#[test]
fn each_member_is_refused_for_its_own_reason() {
    type Spoil = fn(&mut Subject);
    let cases: [(&str, Spoil); 12] = [
        ("id", |s| s.id = SubjectId::parse("jane").unwrap()),
        ("id", |s| {
            s.id = SubjectId::parse(&s.id.as_str().to_uppercase()).unwrap();
        }),
        ("email", |s| s.email = Some("jane".into())),
        ("email", |s| s.email = Some("Jane@example.com".into())),
        ("phone", |s| s.phone = Some("+1 555 123 4567".into())),
        ("metadata", |s| {
            let members = (0..51).map(|n| (n.to_string(), json!(n)));
            s.metadata = Some(members.collect::<Map<_, _>>());
        }),
        ("name", |s| s.attributes.name = Some(" ".into())),
        ("names.last", |s| {
            s.attributes.names.as_mut().unwrap().last = Some("D\u{7}oe".into());
        }),
        ("address.city", |s| address(s).city = Some("x".repeat(257))),
        ("address.country_code", |s| {
            address(s).country_code = Some("US".into());
        }),
        ("address.country_code", |s| {
            address(s).country_code = Some("usa".into());
        }),
        ("date_of_birth", |s| {
            s.attributes.date_of_birth = Some("1985-02-29".into());
        }),
    ];
    for (field, spoil) in cases {
        let mut subject = jane();
        spoil(&mut subject);
        let Err(Denied::Invalid(problems)) = decide_subject_members(&subject) else {
            panic!("{field} was taken");
        };
        let fields: Vec<_> = problems.iter().map(|problem| &problem.field).collect();
        assert_eq!(fields, [field]);
    }
}

#[test]
fn dates_are_those_of_the_calendar() {
    for (text, expected) in [
        ("2000-02-29", true),
        ("1900-02-29", false),
        ("2024-04-31", false),
        ("2024-13-01", false),
        ("2024-00-01", false),
        ("2024-01-00", false),
        ("2024-1-01", false),
        ("+024-01-01", false),
        ("2024-01-01T", false),
        ("2024/01/01", false),
        ("20é4-01-1", false),
    ] {
        assert_eq!(is_calendar_date(text), expected, "{text}");
    }
}

#[test]
fn an_identifier_that_is_brought_along_is_a_uuid_in_either_case() {
    let expected = jane().id;
    for (text, is_one) in [
        ("e6dd0bda-7384-4d88-866b-2e5aa1b2c693", true),
        ("E6DD0BDA-7384-4D88-866B-2E5AA1B2C693", true),
        ("e6dd0bda73844d88866b2e5aa1b2c693", false),
        ("{e6dd0bda-7384-4d88-866b-2e5aa1b2c693}", false),
        ("urn:uuid:e6dd0bda-7384-4d88-866b-2e5aa1b2c693", false),
        ("jane", false),
        ("", false),
    ] {
        assert_eq!(subject_id(text), is_one.then(|| expected.clone()), "{text}");
    }
}

#[test]
fn each_contact_is_a_name_under_its_platform() {
    let mut subject = jane();
    let texts = |subject: &Subject| {
        let text = |name: Name| format!("{} {}", name.space.word(), name.name);
        names(subject).map(text).collect::<Vec<_>>()
    };
    assert_eq!(
        texts(&subject),
        [
            "subject_email acme/-/jane@example.com",
            "subject_phone acme/-/+15551234567"
        ]
    );
    subject.platform = Some(ClientId::parse("partner").unwrap());
    subject.phone = None;
    assert_eq!(
        texts(&subject),
        ["subject_email acme/partner/jane@example.com"]
    );
    assert_eq!(new_subject(&subject).len(), 2);
}
