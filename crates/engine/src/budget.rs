//! What a caller may ask in a second, for dialects that tell it with every answer.

use crate::{
    Engine,
    call::{Asked, CallContext},
    denied::Refusal,
    digest::Digest,
    model::credential::RateLimit,
    outcome::Outcome,
    time::Timestamp,
    verify::{Settled, network_of, too_many},
};

/// The budgets of a dialect's callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budgets {
    /// Of a subject with a session.
    pub session: RateLimit,
    /// Of an API key, and of the network of those who showed nothing that is valid.
    pub others: RateLimit,
}

/// What is left of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Requests that may come at once.
    pub limit: u32,
    /// Requests that may still come now.
    pub remaining: u32,
    /// When all of it is there again.
    pub reset_at: Timestamp,
}

/// What an answer's headers tell of its caller, whatever the answer is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// What is left of its budget; none: the dialect has none.
    pub budget: Option<Budget>,
    /// The version of the API that its credential is pinned to.
    pub api_version: Option<String>,
}

/// An answer with what its headers tell of the caller.
#[derive(Debug)]
pub struct Answered {
    /// The answer.
    pub result: Result<Outcome, Refusal>,
    /// What is told of the caller.
    pub told: Told,
}

impl Engine {
    /// Answer a call as [`Engine::handle`] does, charged to its caller's budget.
    pub async fn handle_within(
        &self,
        context: &CallContext,
        asked: Asked,
        budgets: Option<Budgets>,
    ) -> Answered {
        let imports = asked.is_at_a_route();
        let settled = Box::pin(self.settle(
            context,
            asked.callers,
            asked.presented,
            asked.sender,
            imports,
        ));
        let settled = settled.await;
        let told = Told {
            budget: None,
            api_version: match &settled {
                Ok(Settled::Client(client)) => client.who().credential.api_version.clone(),
                _ => None,
            },
        };
        let (budget, charged) = match budgets {
            None => (None, Ok(())),
            Some(budgets) => {
                let (budget, charged) = self.charge(context, settled.as_ref().ok(), budgets);
                (Some(budget), charged)
            }
        };
        let result = match (settled, charged) {
            (Err(refusal), _) => Err(refusal),
            (Ok(_), Err(retry_after_s)) => Err(too_many(retry_after_s).into()),
            (Ok(settled), Ok(())) => self.handle_settled(context, settled, asked.call).await,
        };
        Answered {
            result,
            told: Told { budget, ..told },
        }
    }

    fn charge(
        &self,
        context: &CallContext,
        caller: Option<&Settled>,
        budgets: Budgets,
    ) -> (Budget, Result<(), u32>) {
        let place = context.environment.as_str().as_bytes();
        let (limit, kind, name) = match caller {
            Some(Settled::Client(client)) => {
                let name = client.who().credential.id.as_str();
                (budgets.others, "credential", name.as_bytes().to_vec())
            }
            Some(Settled::Session(session)) => {
                let name = session.who().subject.id.as_str();
                (budgets.session, "session", name.as_bytes().to_vec())
            }
            _ => {
                let network = context.peer.map(network_of).unwrap_or_default();
                (budgets.others, "network", network)
            }
        };
        let names = [place, kind.as_bytes(), &name];
        let bucket = self.rates.bucket(Digest::of("countersign/budget", &names));
        let charged = bucket.take(limit, context.now);
        (bucket.left(limit, context.now), charged)
    }
}
