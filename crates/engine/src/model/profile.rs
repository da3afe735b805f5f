//! Token profiles: how a token is spelled. Data, because what a vendor prints is never normalised.

mod ultra;

use countersign_jose::Algorithm;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How one kind of JWT is spelled and verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenProfile {
    /// What routes call it: `standard`, `ayyeka`.
    pub name: String,
    /// What `iss` prints.
    pub issuer: String,
    /// The set whose current key signs.
    pub key_set: String,
    /// The algorithm of that set's keys.
    pub algorithm: Algorithm,
    /// The members of the header, in the order they are printed.
    pub header: Vec<HeaderMember>,
    /// The claims and where each comes from, in the order they are printed.
    pub claims: Vec<Claim>,
    /// What the token endpoint says of it: `Bearer`, or `JWT` as Ayyeka prints.
    pub token_type: String,
    /// Seconds from issue to expiry.
    pub lifetime_s: u32,
}

impl TokenProfile {
    /// Whether tokens carry a claim from `source`.
    pub fn prints(&self, source: &ClaimSource) -> bool {
        self.claims.iter().any(|claim| claim.source == *source)
    }

    /// The audience that every token of this profile has, where it is always the same.
    pub fn own_audience(&self) -> Option<&str> {
        let claim = self.claims.iter().find(|claim| claim.name == "aud")?;
        match &claim.source {
            ClaimSource::Constant(value) => value.as_str(),
            _ => None,
        }
    }

    /// The JWT access token of RFC 9068: RS256 over 2048 bits, as its section 2.1 requires us to offer.
    pub fn standard(issuer: &str) -> Self {
        use ClaimSource::*;
        Self {
            name: "standard".into(),
            issuer: issuer.into(),
            key_set: "standard".into(),
            algorithm: Algorithm::Rs256,
            header: vec![
                HeaderMember::Alg,
                HeaderMember::Typ("at+jwt".into()),
                HeaderMember::Kid,
            ],
            claims: claims([
                ("iss", Issuer),
                ("sub", Subject),
                ("aud", Audience),
                ("exp", ExpiresAt),
                ("iat", IssuedAt),
                ("jti", TokenId),
                ("client_id", ClientId),
                ("scope", Scope),
            ]),
            token_type: "Bearer".into(),
            lifetime_s: 600,
        }
    }

    /// The token that Ayyeka's document prints: RS384 over 3072 bits, neither `kid` nor `jti`,
    /// claims in alphabetical order.
    pub fn ayyeka() -> Self {
        use ClaimSource::*;
        Self {
            name: "ayyeka".into(),
            issuer: "Cloud".into(),
            key_set: "ayyeka".into(),
            algorithm: Algorithm::Rs384,
            header: vec![HeaderMember::Alg, HeaderMember::Typ("JWT".into())],
            claims: claims([
                ("aud", OrganizationNumber),
                ("exp", ExpiresAt),
                ("iat", IssuedAt),
                ("iss", Issuer),
                ("sub", MakerAndClientNumber),
            ]),
            token_type: "JWT".into(),
            lifetime_s: 3600,
        }
    }

    /// The session that Quiltt's documents print: HS512, a header of `alg` alone, a day long. Issuer and audience
    /// are the vendor's own names, whatever the hosts are here: its clients know them. `eid` stands behind the
    /// documented claims, because its front-end library compares it where it is there.
    pub fn quiltt() -> Self {
        use ClaimSource::*;
        Self {
            name: QUILTT.into(),
            issuer: "auth.quiltt.io".into(),
            key_set: QUILTT.into(),
            algorithm: Algorithm::Hs512,
            header: vec![HeaderMember::Alg],
            claims: claims([
                ("nbf", NotBefore),
                ("iat", IssuedAt),
                ("jti", TokenUuid),
                ("iss", Issuer),
                ("aud", Constant("api.quiltt.io".into())),
                ("exp", ExpiresAt),
                ("ver", Constant(2.into())),
                ("did", Credential),
                ("uid", SubjectGlobalId),
                ("eid", EnvironmentGlobalId),
            ]),
            token_type: "Bearer".into(),
            lifetime_s: 24 * 60 * 60,
        }
    }
}

/// The name of Quiltt's dialect, token profile and key set.
pub const QUILTT: &str = "quiltt";

/// The dialect of the standards, and of what is ours and no vendor's.
pub const STANDARD: &str = "standard";

fn claims<const N: usize>(pairs: [(&str, ClaimSource); N]) -> Vec<Claim> {
    pairs
        .into_iter()
        .map(|(name, source)| Claim {
            name: name.into(),
            source,
        })
        .collect()
}

/// One member of the header (RFC 7515 section 4.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeaderMember {
    /// `alg`, always the key's.
    Alg,
    /// `typ`, as given.
    Typ(String),
    /// `kid`, the key's identifier.
    Kid,
}

/// One claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Its name in the token.
    pub name: String,
    /// Where its value comes from.
    pub source: ClaimSource,
}

/// Where a claim's value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimSource {
    /// The profile's issuer, a string.
    Issuer,
    /// Who the token speaks for: `client:` and the client's id, which no subject's id can equal.
    Subject,
    /// The resources that were asked for (RFC 8707), or the issuer: a string, or an array of several.
    Audience,
    /// The client's id, a string.
    ClientId,
    /// When it was issued, whole seconds.
    IssuedAt,
    /// When it ends, whole seconds.
    ExpiresAt,
    /// A unique name of the token, 16 random bytes.
    TokenId,
    /// The scopes, space-delimited; left out when there are none.
    Scope,
    /// The organization's number as a string (Ayyeka's account).
    OrganizationNumber,
    /// `<maker's number>:<client's number>` (Ayyeka's user and API client).
    MakerAndClientNumber,
    /// As issued at: valid from then on, whole seconds.
    NotBefore,
    /// A unique name of the token, a random UUID.
    TokenUuid,
    /// The credential that asked for it (Quiltt's deployment), a string; the client where its user signed in.
    Credential,
    /// The subject's global id (Quiltt's `p_1…`), a string.
    SubjectGlobalId,
    /// The environment's global id (Quiltt's `env_1…`), a string.
    EnvironmentGlobalId,
    /// A UUID that stands for the client, the same in every token (Keycloak's service account).
    ClientUuid,
    /// `service-account-` and the client's id (Keycloak's).
    ServiceAccountName,
    /// The scopes as roles, `{"roles":[…]}` (Keycloak's `realm_access`).
    ScopeRoles,
    /// The address that asked for it, a string; left out when unknown.
    PeerAddress,
    /// Always the same JSON value, printed as it stands here.
    Constant(Value),
}
