//! Ultra: a front end's registration token, and a back end's four headers.

use super::{Flow, flow, token};
use crate::demo::facts::Place;

/// The flows of one environment.
pub fn flows(place: &Place) -> Vec<Flow> {
    let (public, api) = (&place.public, &place.sample_api);
    let ultra = &place.clients.ultra;
    let realm = format!(
        "{public}/auth/realms/{}/protocol/openid-connect",
        ultra.realm
    );
    let registration = ultra.registration_token.expose();
    let headers = four_headers(place);
    let form = format!(
        "-d grant_type=client_credentials -d client_id={} \\\n  --data-urlencode 'client_secret={}' -d scope={}",
        ultra.backend_client_id,
        ultra.backend_client_secret.expose(),
        ultra.scope,
    );
    let ask = token(&format!("curl -s {realm}/token {form}"));
    let front_end = |token: &str| {
        format!(
            "curl -s -i -X POST \\\n  -H \"Authorization: Bearer {token}\" \\\n  -H \"X-Client-ID: {}\" \\\n  {api}/graphql",
            ultra.client_id
        )
    };
    vec![
        flow(
            "ultra-front-end",
            "Ultra, front end: a registration token and X-Client-ID, as its document prints them",
            front_end(registration),
        ),
        flow(
            "ultra-back-end",
            "Ultra, back end: four headers, as its document prints them",
            format!("curl -s -i -X POST \\\n  {headers} \\\n  {api}/graphql"),
        ),
        flow(
            "ultra-token-by-headers",
            "Ultra, back end: the same headers at the realm's token endpoint",
            format!("curl -s -i -X POST \\\n  {headers} \\\n  {realm}/token"),
        ),
        flow(
            "ultra-token",
            "Ultra, back end: a token, asked for as OpenID says",
            format!("curl -s -i {realm}/token \\\n  {form}"),
        ),
        flow(
            "ultra-call",
            "Ultra, back end: the API, with a token",
            format!(
                "{ask}\n\
                 curl -s -i {api}/graphql -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' \\\n  \
                 -d '{{\"query\": \"{{ sites {{ displayName }} }}\"}}'"
            ),
        ),
        flow(
            "refused-registration-token",
            "Refused: a registration token that nobody was given, in the words of a GraphQL API",
            front_end("wrong"),
        ),
        flow(
            "refused-in-a-browser",
            "Refused: a back end's secret that a browser sends has leaked",
            format!(
                "curl -s -i -X POST \\\n  {headers} \\\n  -H 'Origin: {}' \\\n  {api}/graphql",
                api.replace("127.0.0.1", "localhost")
            ),
        ),
    ]
}

/// The headers of the document's curl, with its spaces.
fn four_headers(place: &Place) -> String {
    let ultra = &place.clients.ultra;
    format!(
        "-H \"client_id:{}\" \\\n  -H \"client_secret: {}\" \\\n  \
         -H \"grant_type: client_credentials\" \\\n  -H \"scope: {}\"",
        ultra.backend_client_id,
        ultra.backend_client_secret.expose(),
        ultra.scope,
    )
}
