//! What the demo's gateways let pass: one rule for each face of the sample API.

use countersign_engine::model::{
    guard::{Accept, Guard},
    scopes::{NotScopes, Scopes},
};

/// What a caller of the standard faces must be allowed.
pub const READ: &str = "sites.read";
/// What the standard client may be given besides, so that a token without [`READ`] can be shown.
pub const WRITE: &str = "sites.write";

/// The guards, in the order in which they are read.
///
/// # Errors
/// Never for the scopes above.
pub fn guards() -> Result<Vec<Guard>, NotScopes> {
    let read = Scopes::parse(READ)?;
    let standard = |name: &str, paths: &[&str], methods: &[&str]| Guard {
        accept: vec![Accept::AccessToken, Accept::ApiKey],
        profiles: vec!["standard".into()],
        scopes: read.clone(),
        ..guard(name, paths, methods)
    };
    Ok(vec![
        Guard {
            accept: vec![Accept::Anonymous],
            ..guard("health", &["/health"], &["GET"])
        },
        Guard {
            accept: vec![Accept::AccessToken],
            profiles: vec!["ayyeka".into()],
            dialect: Some("ayyeka".into()),
            ..guard("ayyeka", &["/v2.0/*"], &[])
        },
        standard("sites", &["/sites", "/sites/*"], &["GET"]),
        standard("graphql", &["/graphql"], &["POST"]),
    ])
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
        assertion: false,
    }
}
