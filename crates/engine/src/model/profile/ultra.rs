//! The access token of Ultra, whose authorization server is a Keycloak realm, and that realm's issuer.

use super::{ClaimSource, HeaderMember, TokenProfile, claims};
use countersign_jose::Algorithm;
use serde_json::json;

/// The realm of an environment whose own issuer names none: the vendor's.
const REALM: &str = "ultraio";
/// What stands before a realm's name in its issuer.
const REALMS: &str = "/auth/realms/";

impl TokenProfile {
    /// The name of the profile, and of its key set.
    pub const ULTRA: &'static str = "ultra";

    /// The token that Ultra's published examples show: RS256 with `kid`, claims in Keycloak's order, then the
    /// vendor's own four. `issuer` is the environment's.
    pub fn ultra(issuer: &str) -> Self {
        use ClaimSource::*;
        Self {
            name: Self::ULTRA.into(),
            issuer: realm_issuer(issuer),
            key_set: Self::ULTRA.into(),
            algorithm: Algorithm::Rs256,
            header: vec![
                HeaderMember::Alg,
                HeaderMember::Typ("JWT".into()),
                HeaderMember::Kid,
            ],
            claims: claims([
                ("exp", ExpiresAt),
                ("iat", IssuedAt),
                ("jti", TokenUuid),
                ("iss", Issuer),
                ("aud", Audience),
                ("sub", ClientUuid),
                ("typ", Constant(json!("Bearer"))),
                ("azp", ClientId),
                ("realm_access", ScopeRoles),
                ("resource_access", Constant(json!({}))),
                ("scope", Scope),
                ("email_verified", Constant(json!(false))),
                ("clientId", ClientId),
                ("clientHost", PeerAddress),
                ("clientAddress", PeerAddress),
                ("preferred_username", ServiceAccountName),
                ("valid", Constant(json!(true))),
                ("permission", Constant(json!({ "global": [] }))),
                ("id", ClientUuid),
                ("type", Constant(json!("accessToken"))),
            ]),
            token_type: "Bearer".into(),
            lifetime_s: 3600,
        }
    }

    /// The realm that its issuer names; none for an issuer that is no realm's.
    pub fn realm(&self) -> Option<&str> {
        realm_of(&self.issuer).map(|(_, realm)| realm)
    }
}

/// The issuer of an environment's realm: its own issuer where that is a realm's, else the vendor's realm at the
/// same host. So whoever makes an environment chooses its realm by the issuer that he gives it.
fn realm_issuer(issuer: &str) -> String {
    if realm_of(issuer).is_some() {
        return issuer.into();
    }
    let host_starts = issuer.find("://").map_or(0, |place| place + 3);
    let origin = issuer
        .get(host_starts..)
        .and_then(|rest| rest.find('/'))
        .and_then(|path| issuer.get(..host_starts + path))
        .unwrap_or(issuer);
    format!("{origin}{REALMS}{REALM}")
}

/// The origin and the realm of a realm's issuer: one whole segment behind `/auth/realms/`.
fn realm_of(issuer: &str) -> Option<(&str, &str)> {
    let (origin, realm) = issuer.split_once(REALMS)?;
    let is_origin = origin
        .split_once("://")
        .is_some_and(|(_, host)| !host.contains('/'));
    (is_origin && !realm.is_empty() && !realm.contains('/')).then_some((origin, realm))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environments_issuer_chooses_its_realm() {
        for (issuer, realm) in [
            (
                "https://auth.ultra.io",
                "https://auth.ultra.io/auth/realms/ultraio",
            ),
            (
                "http://127.0.0.1:8080",
                "http://127.0.0.1:8080/auth/realms/ultraio",
            ),
            (
                "https://auth.example/tenant",
                "https://auth.example/auth/realms/ultraio",
            ),
            (
                "https://auth.example/auth/realms/games",
                "https://auth.example/auth/realms/games",
            ),
            (
                "https://auth.example/auth/realms/games/more",
                "https://auth.example/auth/realms/ultraio",
            ),
            (
                "https://auth.example/below/auth/realms/games",
                "https://auth.example/auth/realms/ultraio",
            ),
        ] {
            let profile = TokenProfile::ultra(issuer);
            assert_eq!(profile.issuer, realm, "{issuer}");
            assert!(profile.issuer.ends_with(profile.realm().unwrap()));
        }
        assert_eq!(TokenProfile::standard("https://a.example").realm(), None);
    }
}
