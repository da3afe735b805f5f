//! The commands that the demo prints: each can be pasted into a shell as it stands, and needs no other.

mod bitcanuck;
mod countersigned;
mod hands;
mod quiltt;
mod ubiqu;
mod ultra;

use super::facts::Place;
pub use hands::Hands;
use std::path::Path;

/// One command, or a few that belong together.
pub struct Flow {
    /// Its name for scripts.
    pub name: &'static str,
    /// What it shows.
    pub title: &'static str,
    /// For `sh`, with curl, sed and base64; openssl where somebody signs.
    pub command: String,
}

/// Every flow, in the order in which a newcomer would try them.
pub fn flows(
    sandbox: &Place,
    production: &Place,
    hands: &Hands<'_>,
    (admin, operator_token): (&str, &str),
    mails: &Path,
) -> Vec<Flow> {
    let mut flows = ayyeka(sandbox, production);
    flows.extend(quiltt::flows(sandbox, mails));
    flows.extend(bitcanuck::flows(sandbox));
    flows.extend(ultra::flows(sandbox));
    flows.extend(ubiqu::flows(sandbox, hands));
    flows.extend(countersigned::flows(sandbox, hands));
    flows.extend(standard(sandbox));
    flows.extend(api_key(sandbox));
    flows.push(flow(
        "whoami",
        "The admin API: who am I?",
        format!(
            "curl -s -i {admin}/admin/v1/whoami \\\n  -H 'Authorization: Bearer {operator_token}'"
        ),
    ));
    flows
}

fn flow(name: &'static str, title: &'static str, command: String) -> Flow {
    Flow {
        name,
        title,
        command,
    }
}

fn ayyeka(sandbox: &Place, production: &Place) -> Vec<Flow> {
    let (public, api) = (&sandbox.public, &sandbox.sample_api);
    let elsewhere = &production.sample_api;
    let key = &sandbox.clients.ayyeka.key;
    let secret = sandbox.clients.ayyeka.secret.expose();
    let ask =
        format!("curl -s {public}/auth/token -u '{key}:{secret}' -d grant_type=client_credentials");
    let token = token(&ask);
    vec![
        flow(
            "ayyeka-token",
            "Ayyeka: a token, asked for as its document prints it",
            format!(
                "curl -s -i -X POST {public}/auth/token \\\n  \
                 -H 'Content-Type: application/x-www-form-urlencoded' \\\n  \
                 -H \"Authorization: Basic $(echo '{key}:{secret}' | base64 | tr -d '\\n')\" \\\n  \
                 -H 'Cache-Control: no-cache' \\\n  \
                 -d 'grant_type= client_credentials'"
            ),
        ),
        flow(
            "ayyeka-call",
            "Ayyeka: the API, with a token; the answer's Seen-Countersign-* headers are what the API was told",
            format!(
                "{token}\n\
                 curl -s -i {api}/v2.0/site -H \"Authorization:Bearer $TOKEN\" -H 'Cache-Control: no-cache'"
            ),
        ),
        flow(
            "refused-without-token",
            "Refused: no token, in Ayyeka's own words",
            format!("curl -s -i {api}/v2.0/site"),
        ),
        flow(
            "refused-elsewhere",
            "Refused: a token of the sandbox in production",
            format!(
                "{token}\ncurl -s -i {elsewhere}/v2.0/site -H \"Authorization: Bearer $TOKEN\""
            ),
        ),
    ]
}

fn standard(sandbox: &Place) -> Vec<Flow> {
    let (public, api) = (&sandbox.public, &sandbox.sample_api);
    let id = &sandbox.clients.standard.client_id;
    let secret = sandbox.clients.standard.client_secret.expose();
    let client = format!("-u '{id}:{secret}'");
    let grant = "-d grant_type=client_credentials";
    let ask = format!("curl -s {public}/oauth2/token {client} {grant}");
    let token_of_all = token(&ask);
    let token_of_write = token(&format!("{ask} -d scope=sites.write"));
    let bearer = "-H \"Authorization: Bearer $TOKEN\"";
    vec![
        flow(
            "standard-token",
            "OAuth 2.0: a token that may read",
            format!(
                "curl -s -i {public}/oauth2/token \\\n  {client} \\\n  {grant} -d scope=sites.read"
            ),
        ),
        flow(
            "standard-call",
            "OAuth 2.0: the API, with a token",
            format!("{token_of_all}\ncurl -s -i {api}/sites {bearer}"),
        ),
        flow(
            "standard-introspect",
            "OAuth 2.0: what is this token?",
            format!(
                "{token_of_all}\ncurl -s -i {public}/oauth2/introspect {client} -d \"token=$TOKEN\""
            ),
        ),
        flow(
            "standard-revoke",
            "OAuth 2.0: revoke a token; the next decision knows",
            format!(
                "{token_of_all}\n\
                 curl -s {public}/oauth2/revoke {client} -d \"token=$TOKEN\"\n\
                 curl -s -i {api}/sites {bearer}"
            ),
        ),
        flow(
            "refused-too-weak",
            "Refused: a token that may write, where reading is asked for",
            format!("{token_of_write}\ncurl -s -i {api}/sites {bearer}"),
        ),
    ]
}

fn api_key(sandbox: &Place) -> Vec<Flow> {
    let api = &sandbox.sample_api;
    let key = sandbox.clients.api_key.expose();
    vec![
        flow(
            "api-key",
            "An API key, shown as it is",
            format!("curl -s -i {api}/sites/1001 -H 'Authorization: Bearer {key}'"),
        ),
        flow(
            "graphql",
            "GraphQL, with the API key",
            format!(
                "curl -s -i {api}/graphql \\\n  \
                 -H 'Authorization: Bearer {key}' \\\n  \
                 -H 'Content-Type: application/json' \\\n  \
                 -d '{{\"query\": \"{{ caller {{ identity {{ header value }} }} sites {{ displayName streams {{ unit }} }} }}\"}}'"
            ),
        ),
        flow(
            "health",
            "What needs no credential",
            format!("curl -s -i {api}/health"),
        ),
    ]
}

/// Keep the token of an answer in `$TOKEN`.
fn token(ask: &str) -> String {
    format!("TOKEN=$({ask} | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')")
}

/// Keep the text that a member of `$ANSWER` holds.
fn member(variable: &str, name: &str) -> String {
    format!("{variable}=$(printf %s \"$ANSWER\" | sed 's/.*\"{name}\":\"\\([^\"]*\\)\".*/\\1/')")
}
