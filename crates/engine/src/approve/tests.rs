//! People answer, from several nodes over one store, with real keys. What a store refuses is modelled by the ledger.

mod answers;
mod countersigned;
mod ledger;
mod operations;
mod receipts;
mod revoked;
mod strongbox;
mod typed;
mod world;
