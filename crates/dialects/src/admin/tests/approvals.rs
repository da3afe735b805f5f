//! Approvers, devices, approvals, and guards that demand them: what is taken, refused and answered.

use super::{
    call,
    outcomes::{MADE, answer, sandbox, sealed, told, view},
    sent,
};
use countersign_engine::{
    call::{AdminCall, Amend},
    denied::{Denied, Problem, ProblemKind},
    digest::Digest,
    id::{
        ApprovalId, ApproverId, AssetId, ClientId, DeviceId, IdentificationId, OrganizationId,
        RequestId, SubjectId,
    },
    model::{
        approval::{
            Approval, ApprovalState, Asked, Bound, Operation, OperationKind, Seat, Used, Vote,
        },
        approver::{Approver, ApproverList},
        asset::{Asset, AssetState},
        device::{Device, DeviceAsset, Link, Waiting},
        guard::{ApprovalRule, Approvers, BoundBody},
        held_key::{HeldKey, HeldPrivate},
        identification::IdentificationState,
        provider_object::IdentificationFacts,
    },
    octets::Octets,
    outcome::{ApprovalOutcome, DeviceFacts, Listed, News, Outcome},
    row::{Key, Row},
    time::Timestamp,
};
use countersign_jose::Jwk;
use std::time::Duration;

const HEX: &str = "0123456789abcdef0123456789abcdef";

fn rule(members: &str) -> Result<Option<ApprovalRule>, Vec<(String, ProblemKind)>> {
    let body =
        format!(r#"{{"guards":[{{"name":"g","paths":["/"],"accept":["session"]{members}}}]}}"#);
    match call(sent("PUT", "/admin/v1/environments/sandbox/guards", &body)) {
        Ok(AdminCall::Amend {
            change: Amend::Guards(_, mut guards),
            ..
        }) => Ok(guards.remove(0).approval),
        Err(Denied::Invalid(problems)) => Err(problems
            .into_iter()
            .map(|Problem { field, kind }| (field, kind))
            .collect()),
        other => panic!("{members}: {other:?}"),
    }
}

#[test]
fn a_guard_says_who_approves_what_becomes_of_the_body_and_what_is_shown() {
    let group = |organization: Option<&str>, needed| Approvers::Group {
        organization: organization.map(|name| OrganizationId::parse(name).unwrap()),
        group: "finance".into(),
        needed,
    };
    for (approvers, expected) in [
        ("", Approvers::Subject),
        (r#","approvers":null"#, Approvers::Subject),
        (r#","approvers":"subject""#, Approvers::Subject),
        (r#","approvers":{"group":"finance"}"#, group(None, 1)),
        (
            r#","approvers":{"organization":"acme","group":"finance","needed":255}"#,
            group(Some("acme"), 255),
        ),
    ] {
        let members =
            format!(r#","approval":"required","body":"none","sentence":"Pay"{approvers}"#);
        let expected = ApprovalRule {
            approvers: expected,
            body: BoundBody::None,
            sentence: "Pay".into(),
        };
        assert_eq!(rule(&members), Ok(Some(expected)), "{approvers}");
    }
    assert_eq!(rule(r#","approval":null,"body":null"#), Ok(None));
}

#[test]
fn a_guard_that_says_half_of_it_does_not_load() {
    use ProblemKind::{Expected, Missing, UnknownMember};
    let alone = Expected("this only beside `approval`: `required`");
    let number = Expected("a whole number from 1 to 255");
    let who = Expected("`subject`, or a group of an organization's approvers");
    let cases: &[(&str, &[(&str, ProblemKind)])] = &[
        (
            r#","approval":"required""#,
            &[("body", Missing), ("sentence", Missing)],
        ),
        (
            r#","approval":"required","sentence":"Pay""#,
            &[("body", Missing)],
        ),
        (
            r#","approvers":"subject","body":"none","sentence":"Pay""#,
            &[
                ("approvers", alone.clone()),
                ("body", alone.clone()),
                ("sentence", alone.clone()),
            ],
        ),
        (
            r#","approval":true"#,
            &[("approval", Expected("`required`"))],
        ),
        (
            r#","approval":"required","body":"bound","sentence":"Pay""#,
            &[("body", Expected("`none` or `checked_by_api`"))],
        ),
        (
            r#","approval":"required","body":"none","sentence":"Pay","approvers":"anyone""#,
            &[("approvers", who.clone())],
        ),
        (
            r#","approval":"required","body":"none","sentence":"Pay","approvers":{"group":"f","needed":0}"#,
            &[("approvers.needed", number.clone())],
        ),
        (
            r#","approval":"required","body":"none","sentence":"Pay","approvers":{"group":"f","needed":256,"neded":1}"#,
            &[
                ("approvers.needed", number),
                ("approvers.neded", UnknownMember),
            ],
        ),
        (
            r#","approval":"required","body":"none","sentence":"Pay","approvers":{}"#,
            &[("approvers.group", Missing)],
        ),
    ];
    for (members, expected) in cases {
        let expected: Vec<(String, ProblemKind)> = expected
            .iter()
            .map(|(member, kind)| (format!("guards[0].{member}"), kind.clone()))
            .collect();
        assert_eq!(rule(members), Err(expected), "{members}");
    }
}

/// Method, target, body, and each wrong member with why.
type Case<'a> = (&'a str, &'a str, &'a str, &'a [(&'a str, ProblemKind)]);

#[test]
fn a_wrong_member_about_approvals_is_named() {
    use ProblemKind::{Expected, Missing, UnknownMember};
    let id = Expected("1 to 64 characters of A-Z a-z 0-9 - _ .");
    let text = Expected("a string");
    let approvers = "/admin/v1/environments/sandbox/organizations/acme/approvers";
    let one = "/admin/v1/environments/sandbox/organizations/acme/approvers/ada";
    let callbacks = "/admin/v1/environments/sandbox/clients/AB12/callbacks";
    let cases: &[Case<'_>] = &[
        ("POST", approvers, "{}", &[("id", Missing)]),
        (
            "POST",
            approvers,
            r#"{"id":"a b","groups":[1],"device":"d"}"#,
            &[
                ("id", id),
                ("groups[0]", text.clone()),
                ("device", UnknownMember),
            ],
        ),
        (
            "PATCH",
            one,
            r#"{"id":"eve","display_name":null}"#,
            &[("display_name", text.clone()), ("id", UnknownMember)],
        ),
        (
            "PUT",
            callbacks,
            r#"{"callback_url":7,"secret":"s"}"#,
            &[("callback_url", text), ("secret", UnknownMember)],
        ),
        (
            "GET",
            "/admin/v1/environments/sandbox/approvals?state=pending",
            "",
            &[("state", UnknownMember)],
        ),
        (
            "GET",
            "/admin/v1/environments/sandbox/organizations/acme/approvers?limit=1",
            "",
            &[("limit", UnknownMember)],
        ),
    ];
    for (method, target, body, expected) in cases {
        let expected = expected
            .iter()
            .map(|(field, kind)| Problem::new(*field, kind.clone()));
        let refused = call(sent(method, target, body)).unwrap_err();
        let expected = Denied::Invalid(expected.collect());
        assert_eq!(refused, expected, "{method} {target} {body}");
    }
}

fn device() -> Device {
    let provider = ClientId::parse("client_1").unwrap();
    let asset = |provider, id: &str| DeviceAsset {
        provider,
        asset: AssetId::parse(id).unwrap(),
    };
    let waiting = |id: &str, expires_at| Waiting {
        approval: ApprovalId::parse(id).unwrap(),
        provider: None,
        expires_at,
    };
    Device {
        environment: sandbox(),
        id: DeviceId::parse("dev_1").unwrap(),
        public_key: Jwk::default(),
        name: "Ada's phone".into(),
        pin: countersign_engine::model::ticket::KeptCode {
            pepper: sealed(),
            mac: Digest::of("test", &[b"pin"]),
        },
        wrong_pins: 5,
        locked_at: Some(MADE),
        assets: vec![asset(None, "asset_1"), asset(Some(provider), "asset_2")],
        links: vec![
            Link::Subject(SubjectId::parse("e6dd0bda-7384-4d88-866b-2e5aa1b2c693").unwrap()),
            Link::Approver(
                OrganizationId::parse("acme").unwrap(),
                ApproverId::parse("ada").unwrap(),
            ),
        ],
        waiting: vec![
            waiting("over", MADE),
            waiting("waits", MADE.plus(Duration::from_secs(1))),
        ],
        created_at: MADE,
        updated_at: MADE,
    }
}

fn asset() -> Asset {
    let key = || HeldKey {
        public: vec![1],
        private: HeldPrivate::Sealed(sealed()),
    };
    Asset {
        environment: sandbox(),
        id: AssetId::parse("asset_2").unwrap(),
        provider: Some(ClientId::parse("client_1").unwrap()),
        organization: Some(OrganizationId::parse("acme").unwrap()),
        device: DeviceId::parse("dev_1").unwrap(),
        sign: key(),
        decrypt: key(),
        authenticate: key(),
        state: AssetState::Locked,
        created_at: MADE,
        updated_at: MADE,
    }
}

fn approval(asked: Asked, state: ApprovalState) -> Approval {
    let device = DeviceId::parse("dev_1").unwrap();
    Approval {
        environment: sandbox(),
        id: ApprovalId::parse(HEX).unwrap(),
        organization: Some(OrganizationId::parse("acme").unwrap()),
        asked,
        token: "sealed-material".into(),
        otp: "feedfacefeedfacefeedfacefeedface".into(),
        record: r#"{"v":1}"#.into(),
        seats: vec![Seat {
            approver: Some(ApproverId::parse("ada").unwrap()),
            display_name: Some("Ada".into()),
            device: device.clone(),
            asset: AssetId::parse("asset_1").unwrap(),
        }],
        needed: 1,
        votes: vec![Vote {
            device,
            approves: true,
            at: MADE,
            statement: "{}".into(),
            device_signature: Octets(vec![1]),
            asset_signature: None,
        }],
        state,
        signature: None,
        used: (state == ApprovalState::Approved).then(|| Used {
            at: MADE,
            request_id: RequestId::parse("r7").unwrap(),
        }),
        receipt: Some("head.payload.signature".into()),
        created_at: MADE,
        updated_at: MADE,
        expires_at: MADE,
    }
}

fn countersignature() -> Asked {
    Asked::Countersignature(Bound {
        guard: "payouts".into(),
        client: Some(ClientId::parse("client_1").unwrap()),
        subject: "s1".into(),
        method: "POST".into(),
        host: "api.example".into(),
        target: "/payouts?to=b&amount=1".into(),
        content_digest: Some("sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:".into()),
    })
}

fn operation() -> Asked {
    Asked::Operation(Operation {
        provider: ClientId::parse("client_1").unwrap(),
        kind: OperationKind::Sign,
        asset: AssetId::parse("asset_2").unwrap(),
        pair: OperationKind::Authenticate,
        fingerprint: Digest::from_bytes([7; 32]),
        resource_uri: None,
        notify: false,
        cipher: None,
    })
}

fn outcomes() -> Vec<(&'static str, Outcome)> {
    let row = |asked, state| view(Row::Approval(Box::new(approval(asked, state))));
    let list = ApproverList {
        approvers: vec![Approver {
            id: ApproverId::parse("ada").unwrap(),
            display_name: "Ada".into(),
            groups: vec!["finance".into()],
            device: Some(DeviceId::parse("dev_1").unwrap()),
            created_at: MADE,
        }],
        ..ApproverList::new(sandbox(), OrganizationId::parse("acme").unwrap())
    };
    let nonce = IdentificationFacts {
        id: IdentificationId::parse(HEX).unwrap(),
        nonce: "194197169".into(),
        state: IdentificationState::Created,
        asset: None,
        link: Some("https://phone.example/phone#nonce=194197169".into()),
        created_at: MADE,
        updated_at: MADE,
    };
    let facts = DeviceFacts {
        device: device(),
        environment: "Sandbox".into(),
        assets: vec![(asset(), Some("Example Bank".into()))],
    };
    vec![
        (
            "approvers",
            Outcome::Approval(ApprovalOutcome::Approvers(list)),
        ),
        (
            "a nonce",
            Outcome::Approval(ApprovalOutcome::Nonce(nonce, MADE)),
        ),
        (
            "a device",
            Outcome::Approval(ApprovalOutcome::Device(facts)),
        ),
        (
            "devices",
            Outcome::Rows(Listed {
                rows: vec![view(Row::Device(Box::new(device())))],
                next: None,
            }),
        ),
        (
            "an approval that was used",
            Outcome::Row(row(countersignature(), ApprovalState::Approved)),
        ),
        (
            "approvals, one of them over although nobody has noted it",
            Outcome::Rows(Listed {
                rows: vec![
                    row(operation(), ApprovalState::Pending),
                    row(countersignature(), ApprovalState::Rejected),
                ],
                next: None,
            }),
        ),
    ]
}

#[test]
fn each_outcome_about_approvals_has_its_answer() {
    let answers: Vec<String> = outcomes()
        .into_iter()
        .map(|(name, outcome)| told(name, &answer(Ok(outcome))))
        .collect();
    insta::assert_snapshot!(answers.join("\n"));
}

#[test]
fn nothing_that_is_sealed_or_opens_something_is_in_an_answer_about_approvals() {
    for (name, outcome) in outcomes() {
        let answer = answer(Ok(outcome));
        let body = String::from_utf8(answer.body().to_vec()).unwrap();
        let encoded = data_encoding::BASE64.encode(b"sealed-material");
        let is_clean = !body.contains("sealed-material") && !body.contains(&encoded);
        assert!(is_clean, "{name}: {body}");
        assert_eq!(answer.headers()["cache-control"], "no-store", "{name}");
    }
}

#[test]
fn what_only_whoever_waits_is_told_is_no_operators_answer() {
    let polled = Outcome::Approval(ApprovalOutcome::Polled {
        news: News {
            is_there: true,
            of: Key::Environment(sandbox()),
        },
        approval: ApprovalId::parse(HEX).unwrap(),
        state: ApprovalState::Pending,
        is_used: false,
        approvals: 0,
        needed: 1,
        expires_at: Timestamp::FAR,
    });
    assert_eq!(answer(Ok(polled)).status(), 500);
}
