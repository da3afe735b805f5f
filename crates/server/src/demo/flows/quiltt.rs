//! Quiltt: an environment's API key, and a profile's sessions.

use super::{Flow, flow, member};
use crate::demo::{facts::Place, people::PROFILE_EMAIL};
use std::path::Path;

const JSON: &str = "-H 'Content-Type: application/json'";
/// What an end user asks of the profile GraphQL API.
const QUERY: &str = r#"-d '{"query": "{ profile { id accounts { name } } }"}'"#;

/// The flows of one environment, whose mails are in `mails`.
pub fn flows(place: &Place, mails: &Path) -> Vec<Flow> {
    let api = &place.sample_api;
    let key = place.clients.quiltt.api_key_secret.expose();
    let profile = &place.clients.quiltt.profile_id;
    let session = at(place, "auth", "/v1/users/session");
    let with_key = format!("-H 'Authorization: Bearer {key}'");
    let issue = issue(place);
    let token = session_token(place);
    let bearer = "-H \"Authorization: Bearer $TOKEN\"";
    let graphql = format!("curl -s -i {api}/v1/graphql {JSON} {QUERY}");
    let mut flows = vec![
        flow(
            "quiltt-session",
            "Quiltt: a session for a profile, issued with the API key",
            format!("curl -s -i {issue}"),
        ),
        flow(
            "quiltt-profile",
            "Quiltt, profile scope: GraphQL with a session",
            format!("{token}\n{graphql} \\\n  {bearer}"),
        ),
        flow(
            "quiltt-basic",
            "Quiltt, profile scope: the same with Basic, from a server",
            format!(
                "ENCODED=$(printf %s '{profile}:{key}' | base64 | tr -d '\\n')\n{graphql} \\\n  -H \"Authorization: Basic $ENCODED\""
            ),
        ),
        flow(
            "quiltt-remote",
            "Quiltt, environment scope: remote data, with the API key",
            format!("curl -s -i {api}/v1/remote/mx/accounts {with_key}"),
        ),
        flow(
            "quiltt-ach",
            "Quiltt, environment scope: an account's ACH numbers",
            format!(
                "curl -s -i {api}/v1/accounts/{}/ach_numbers {with_key}",
                crate::demo::sample_api::ACCOUNT
            ),
        ),
        flow(
            "quiltt-profiles",
            "Quiltt, environment scope: its profiles, at the other host",
            format!("curl -s -i {} {with_key}", at(place, "api", "/v1/profiles")),
        ),
        flow(
            "quiltt-check",
            "Quiltt: what is this session?",
            format!("{token}\ncurl -s -i {session} {bearer}"),
        ),
        flow(
            "quiltt-revoke",
            "Refused: a session that was revoked; the next decision knows",
            format!("{token}\ncurl -s -X DELETE {session} {bearer}\n{graphql} \\\n  {bearer}"),
        ),
        flow(
            "refused-other-scope",
            "Refused: a profile's session where an API key is asked for",
            format!("{token}\ncurl -s -i {api}/v1/remote/mx/accounts {bearer}"),
        ),
    ];
    flows.push(sign_in(place, mails));
    flows
}

/// Ask for a session of the profile.
fn issue(place: &Place) -> String {
    let sessions = at(place, "auth", "/v1/users/sessions");
    let key = place.clients.quiltt.api_key_secret.expose();
    let profile = &place.clients.quiltt.profile_id;
    format!(
        "-X POST {sessions} \\\n  -H 'Authorization: Bearer {key}' \\\n  {JSON} -d '{{\"userId\": \"{profile}\"}}'"
    )
}

/// Keep a session of the profile in `$TOKEN`.
pub fn session_token(place: &Place) -> String {
    format!(
        "ANSWER=$(curl -s {})\n{}",
        issue(place),
        member("TOKEN", "token")
    )
}

/// Identify, read the mail, authenticate.
fn sign_in(place: &Place, mails: &Path) -> Flow {
    let session = at(place, "auth", "/v1/users/session");
    let client = &place.clients.quiltt.client_id;
    let who = format!("\"clientId\": \"{client}\", \"email\": \"{PROFILE_EMAIL}\"");
    let mails = mails.display();
    flow(
        "quiltt-sign-in",
        "Quiltt: an end user signs in with a passcode, which comes by mail",
        format!(
            "curl -s -X POST {session} {JSON} -d '{{\"session\": {{{who}}}}}'\n\
             for SECOND in 1 2 3 4 5 6 7 8 9; do sleep 1\n\
             MAIL=$(ls -t {mails}/*.eml | head -n 1)\n\
             CODE=$(sed -n 's/^Subject: \\([0-9]*\\) is your code.*/\\1/p' \"$MAIL\")\n\
             [ -z \"$CODE\" ] || break; done\n\
             curl -s -i -X PUT {session} {JSON} \\\n  -d '{{\"session\": {{{who}, \"passcode\": \"'$CODE'\"}}}}'"
        ),
    )
}

/// A URL on one of the vendor's two hosts: browsers and curl take every name under `localhost` for this machine.
fn at(place: &Place, host: &str, path: &str) -> String {
    let base = place
        .public
        .replace("127.0.0.1", &format!("{host}.localhost"));
    format!("{base}{path}")
}
