//! Requests that a person countersigns before they pass.

use super::{Flow, flow, hands::Hands, member, quiltt};
use crate::demo::facts::Place;

const BODY: &str = r#"{"reference": "invoice 7"}"#;

/// The flows of one environment, which has a phone.
pub fn flows(place: &Place, hands: &Hands<'_>) -> Vec<Flow> {
    if place.phone.own.is_none() {
        return Vec::new();
    }
    let payout = Payout::of(place);
    let passes = "-H \"Countersign-Approval: $ID\"";
    let asked = format!(
        "{}\nANSWER=$(curl -s {})\n{}",
        payout.begin,
        payout.call,
        member("ID", "approval")
    );
    let approved = format!("{asked}\n{}", hands.approve("$ID"));
    let other = payout.call.replace("amount=12.50", "amount=99.50");
    vec![
        flow(
            "payout-asked",
            "Countersigned: a payout is refused until a person approves it; Location says where to ask for the answer",
            format!("{}\ncurl -s -i {}", payout.begin, payout.call),
        ),
        flow(
            "payout",
            "Countersigned: the person approves on the phone, and the same request passes, once",
            format!("{approved}\ncurl -s -i {} \\\n  {passes}", payout.call),
        ),
        flow(
            "refused-other-payout",
            "Refused: an approval of one amount with another",
            format!("{approved}\ncurl -s -i {other} \\\n  {passes}"),
        ),
        flow(
            "payout-receipt",
            "Countersigned: the receipt, which anybody can check without asking Countersign",
            format!(
                "{approved}\n{}",
                hands.receipt("sandbox", "$ID", &poll(place, "$ID"))
            ),
        ),
        lockdown(place, hands),
    ]
}

/// A payout of the profile's end user, who shows a session.
struct Payout {
    /// What comes before: the session, and the digest of the body.
    begin: String,
    /// What curl is told.
    call: String,
}

impl Payout {
    fn of(place: &Place) -> Self {
        let begin = format!(
            "{}\nBODY='{BODY}'\nDIGEST=$(printf %s \"$BODY\" | openssl dgst -sha256 -binary | base64)",
            quiltt::session_token(place),
        );
        let call = format!(
            "'{}/payouts?to=Ada&amount=12.50' \\\n  \
             -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' \\\n  \
             -H \"Content-Digest: sha-256=:$DIGEST:\" -d \"$BODY\"",
            place.sample_api,
        );
        Self { begin, call }
    }
}

/// A script asks, and the customer's people say whether.
fn lockdown(place: &Place, hands: &Hands<'_>) -> Flow {
    let call = format!(
        "-X POST '{}/lockdown?site=1002' \\\n  -H 'Authorization: Bearer {}'",
        place.sample_api,
        place.clients.api_key.expose(),
    );
    flow(
        "lockdown",
        "Countersigned: a script asks with an API key, and one of the customer's people approves",
        format!(
            "ANSWER=$(curl -s {call})\n{}\n{}\ncurl -s -i {call} \\\n  -H \"Countersign-Approval: $ID\"",
            member("ID", "approval"),
            hands.approve("$ID"),
        ),
    )
}

/// Ask what came of an approval.
fn poll(place: &Place, id: &str) -> String {
    format!("curl -s -i \"{}/approvals/{id}\"", place.public)
}
