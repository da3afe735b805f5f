//! What the demo's gateways let pass: one rule for each face of the sample API.

use countersign_engine::model::{
    guard::{Accept, ApprovalRule, Approvers, BoundBody, Guard},
    scopes::{NotScopes, Scopes},
};

/// What a caller of the standard faces must be allowed.
pub const READ: &str = "sites.read";
/// What the standard client may be given besides, so that a token without [`READ`] can be shown.
pub const WRITE: &str = "sites.write";
/// What an integrator's server must be allowed to look at every profile's accounts.
pub const REMOTE: &str = "accounts.read";
/// The group of the customer's approvers who may countersign what its scripts ask for.
pub const OPERATIONS: &str = "operations";

/// The guards, in the order in which they are read. `pages` are the origins from which browsers may call.
///
/// # Errors
/// Never for the scopes above.
pub fn guards(pages: &[String]) -> Result<Vec<Guard>, NotScopes> {
    let mut guards = Vec::from(open());
    guards.push(Guard {
        accept: vec![Accept::AccessToken],
        profiles: vec!["ayyeka".into()],
        dialect: Some("ayyeka".into()),
        ..guard("ayyeka", &["/v2.0/*"], &[])
    });
    guards.push(Guard {
        accept: vec![Accept::AccessToken, Accept::ApiKey],
        profiles: vec!["standard".into()],
        scopes: Scopes::parse(READ)?,
        ..guard("sites", &["/sites", "/sites/*"], &["GET"])
    });
    guards.extend(quiltt(pages)?);
    guards.extend(countersigned());
    guards.push(Guard {
        accept: vec![Accept::Session],
        profiles: vec!["bitcanuck".into()],
        dialect: Some("bitcanuck".into()),
        ..guard("bitcanuck", &["/api/v1/wallets"], &["GET"])
    });
    guards.push(Guard {
        accept: vec![
            Accept::RegistrationToken,
            Accept::ClientHeaders,
            Accept::AccessToken,
            Accept::ApiKey,
        ],
        profiles: vec!["ultra".into(), "standard".into()],
        scopes: Scopes::parse(READ)?,
        origins: pages.to_vec(),
        dialect: Some("ultra".into()),
        ..guard("ultra", &["/graphql"], &["POST"])
    });
    Ok(guards)
}

/// What needs no credential.
fn open() -> [Guard; 2] {
    let anyone = |guard| Guard {
        accept: vec![Accept::Anonymous],
        ..guard
    };
    [
        anyone(guard("health", &["/health"], &["GET"])),
        anyone(guard("page", &["/", "/page.js"], &["GET"])),
    ]
}

/// The two scopes of Quiltt's document: an end user's session opens the one, an API key the other.
fn quiltt(pages: &[String]) -> Result<[Guard; 2], NotScopes> {
    let environment = ["/v1/remote/*", "/v1/accounts/{id}/ach_numbers"];
    Ok([
        Guard {
            accept: vec![Accept::Session, Accept::SubjectBasic],
            profiles: vec!["quiltt".into()],
            origins: pages.to_vec(),
            dialect: Some("quiltt".into()),
            ..guard("quiltt-profile", &["/v1/graphql"], &["POST"])
        },
        Guard {
            accept: vec![Accept::ApiKey],
            scopes: Scopes::parse(REMOTE)?,
            dialect: Some("quiltt".into()),
            ..guard("quiltt-environment", &environment, &["GET"])
        },
    ])
}

/// What a person approves on a phone before it passes. A payout is the end user's to approve, who asks with a
/// session; a lockdown that a script asks for is for the people of the customer.
fn countersigned() -> [Guard; 2] {
    [
        Guard {
            accept: vec![Accept::Session],
            profiles: vec!["quiltt".into()],
            approval: Some(ApprovalRule {
                approvers: Approvers::Subject,
                body: BoundBody::CheckedByApi,
                sentence: "Pay {query.amount} to {query.to}".into(),
            }),
            ..guard("payouts", &["/payouts"], &["POST"])
        },
        Guard {
            accept: vec![Accept::AccessToken, Accept::ApiKey],
            profiles: vec!["standard".into()],
            approval: Some(ApprovalRule {
                approvers: Approvers::Group {
                    organization: None,
                    group: OPERATIONS.into(),
                    needed: 1,
                },
                body: BoundBody::None,
                sentence: "Lock site {query.site} down".into(),
            }),
            ..guard("lockdown", &["/lockdown"], &["POST"])
        },
    ]
}

/// The guards of a folder that an earlier demo began, with those that it did not know. Read top-down, so that new
/// ones come first; the pages of known ones move with their port, everything else is its reader's.
pub fn with_new(kept: &[Guard], wanted: Vec<Guard>) -> Vec<Guard> {
    let (known, mut guards): (Vec<Guard>, Vec<Guard>) = wanted
        .into_iter()
        .partition(|guard| kept.iter().any(|it| it.name == guard.name));
    guards.extend(kept.iter().map(|guard| {
        let same = known.iter().find(|it| it.name == guard.name);
        Guard {
            origins: same.map_or(&guard.origins, |same| &same.origins).clone(),
            ..guard.clone()
        }
    }));
    guards
}

/// A rule that lets nothing pass yet.
fn guard(name: &str, paths: &[&str], methods: &[&str]) -> Guard {
    let texts = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
    Guard {
        name: name.into(),
        hosts: Vec::new(),
        paths: texts(paths),
        methods: texts(methods),
        accept: Vec::new(),
        profiles: Vec::new(),
        audiences: Vec::new(),
        scopes: Scopes::default(),
        origins: Vec::new(),
        rate_limit: None,
        dialect: None,
        secrets_from_browsers: false,
        approval: None,
        assertion: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(port: u16) -> Vec<String> {
        super::super::sample_api::origins(port)
    }

    #[test]
    fn a_folder_of_an_earlier_demo_gets_the_new_guards_before_its_own() {
        let old = [
            guard("health", &["/health"], &["GET"]),
            guard("graphql", &["/graphql"], &["POST"]),
            guard("mine", &["/mine"], &[]),
        ];
        let guards = with_new(&old, guards(&pages(8083)).unwrap());
        let names: Vec<&str> = guards.iter().map(|guard| guard.name.as_str()).collect();
        let place = |name: &str| names.iter().position(|it| *it == name).unwrap();
        assert!(place("ultra") < place("graphql"), "{names:?}");
        assert_eq!(names.last(), Some(&"mine"));
        assert_eq!(guards[place("health")], old[0], "as it was");
        let same = with_new(&guards, super::guards(&pages(8083)).unwrap());
        assert_eq!(same, guards, "a second time changes nothing");
    }

    #[test]
    fn sessions_of_one_vendor_open_no_other_vendors_face() {
        for guard in guards(&pages(8083)).unwrap() {
            if guard.accept.contains(&Accept::Session) {
                assert_eq!(guard.profiles.len(), 1, "{}", guard.name);
            }
        }
    }

    #[test]
    fn the_pages_of_known_guards_move_with_their_port() {
        let old = guards(&pages(8083)).unwrap();
        let moved = with_new(&old, guards(&pages(9000)).unwrap());
        assert_eq!(moved, guards(&pages(9000)).unwrap());
    }
}
