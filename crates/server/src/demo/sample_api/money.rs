//! What two more vendors' APIs keep: accounts that end users linked (Quiltt) and their wallets (BitCanuck). The
//! shapes are the vendors' where these publish one; who may ask is the gateway's business.

use super::{Passed, graphql::Caller, handlers};
use crate::http::Answer;
use async_graphql::{Context, Object, SimpleObject};
use countersign_engine::global_id;
use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

/// The profile that the demo's accounts belong to, as Quiltt spells it.
pub const PROFILE: &str = "p_13mB2fqbTNLmyk5EcQppkwA";

/// One of the accounts.
pub const ACCOUNT: &str = "acct_11KIfUo1UGsbln1YZIfOnOT";

/// An account that was linked.
#[derive(Serialize, SimpleObject)]
struct Account {
    /// Its identifier.
    id: &'static str,
    /// What people call it.
    name: &'static str,
    /// What is in it, in dollars.
    balance: f64,
    #[graphql(skip)]
    number: &'static str,
    #[graphql(skip)]
    routing: &'static str,
}

const ACCOUNTS: &[Account] = &[
    Account {
        id: ACCOUNT,
        name: "Everyday checking",
        balance: 1204.50,
        number: "1111222233330000",
        routing: "011401533",
    },
    Account {
        id: "acct_12tIVmYDYdPnT7D8vJJE1xa",
        name: "Rainy day savings",
        balance: 8800.0,
        number: "1111222233331111",
        routing: "011401533",
    },
];

fn account(id: &str) -> Option<&'static Account> {
    ACCOUNTS.iter().find(|account| account.id == id)
}

/// `/v1/...` below `/v1/remote` and `/v1/accounts`: an integrator's servers look at every profile's.
pub fn environment(segments: &[&str]) -> Option<Answer> {
    let body = match segments {
        ["remote", "mx", "accounts"] => ACCOUNTS
            .iter()
            .map(|account| json!({ "accountId": account.id, "profileId": PROFILE }))
            .collect(),
        ["remote", "mx", "accounts", id] => remote(account(id)?),
        ["accounts", id, "ach_numbers"] => {
            let account = account(id)?;
            json!({ "accountId": account.id, "number": account.number, "routing": account.routing })
        }
        _ => return None,
    };
    Some(handlers::json_answer(StatusCode::OK, &body))
}

/// An account as its provider keeps it.
fn remote(account: &Account) -> Value {
    json!({
        "accountId": account.id,
        "profileId": PROFILE,
        "type": "MX",
        "documents": { "api.mx.com": { "/accounts": { "id": account.id, "body": { "name": account.name } } } },
    })
}

/// `/api/v1/wallets`: those of the user who asks.
pub fn wallets(passed: &Passed, segments: &[&str]) -> Option<Answer> {
    let ["wallets"] = segments else {
        return None;
    };
    let caller = Caller::of(&passed.identity);
    let owner = caller.subject();
    let wallets = json!([
        { "id": "w-1", "userId": owner, "currency": "BTC", "balance": "0.04200000" },
        { "id": "w-2", "userId": owner, "currency": "EUR", "balance": "150.00" },
    ]);
    Some(handlers::json_answer(
        StatusCode::OK,
        &json!({ "data": wallets }),
    ))
}

/// What an end user can ask: about oneself, and nobody else.
pub struct Query;

/// An end user.
#[derive(SimpleObject)]
struct Profile {
    /// Its identifier, as the gateway told it: a UUID.
    uuid: String,
    /// The same, as Quiltt spells it.
    id: String,
    /// What was linked.
    accounts: Vec<&'static Account>,
}

#[Object]
impl Query {
    /// Who is asking, as the gateway told the API.
    async fn caller(&self, context: &Context<'_>) -> async_graphql::Result<Caller> {
        context.data::<Caller>().cloned()
    }

    /// Whoever asks.
    async fn profile(&self, context: &Context<'_>) -> async_graphql::Result<Profile> {
        let caller = context.data::<Caller>()?;
        let uuid = caller.subject().unwrap_or("-");
        let parsed = uuid.parse()?;
        Ok(Profile {
            uuid: uuid.to_owned(),
            id: global_id::encode("p", parsed),
            accounts: ACCOUNTS.iter().collect(),
        })
    }
}
