//! The demo's hands: the operator's calls, as the admin API makes them. It has no other way in.

use crate::{folder::OPERATOR_FILE, state::ServerState};
use anyhow::{Context as _, bail};
use countersign_engine::{
    call::{AdminCall, Asked, Call, Callers, Listing, Presented, Shown, Target},
    denied::{Denied, Refusal},
    id::EnvironmentId,
    model::operator::Role,
    outcome::{Outcome, View},
    row::Stored,
    secret::Secret,
    time::Timestamp,
};
use serde::Deserialize;
use std::{path::Path, sync::Arc};
use zeroize::Zeroizing;

/// Rows of a page: the most there is.
const PAGE_ROWS: u32 = 200;

/// The first operator's token, from the file that the server wrote into its folder.
///
/// # Errors
/// When it is not there or not readable: without it nothing can be set up.
pub fn token(folder: &Path) -> anyhow::Result<Secret<String>> {
    #[derive(Deserialize)]
    struct OperatorFile {
        token: String,
    }
    let path = folder.join(OPERATOR_FILE);
    let shown = path.display();
    let text = std::fs::read(&path).map(Zeroizing::new).with_context(|| {
        format!("cannot read {shown}, the operator's token of this folder; use another folder")
    })?;
    let file: OperatorFile =
        serde_json::from_slice(&text).with_context(|| format!("{shown} is damaged"))?;
    Ok(Secret::new(file.token))
}

/// The operator of the demo.
pub struct Operator {
    /// The running server.
    pub state: Arc<ServerState>,
    /// The operator's token.
    pub token: Secret<String>,
}

impl Operator {
    /// Ask for one thing.
    ///
    /// # Errors
    /// [`Refusal`], as the admin API would answer it.
    pub async fn ask(&self, call: AdminCall) -> Result<Outcome, Refusal> {
        let context = self
            .state
            .context(EnvironmentId::installation(), None, "demo");
        let asked = Asked {
            callers: Callers::Operator(Role::Owner),
            presented: Presented::Present(Shown::Bearer(self.token.clone())),
            sender: countersign_engine::call::Sender::Machine,
            call: Ok(Call::Admin(call)),
        };
        self.state.engine.handle(&context, asked).await
    }

    /// What the clock says.
    pub fn now(&self) -> Timestamp {
        self.state.clock.now()
    }

    /// The row of `target`, or nothing where there is no such thing.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn find(&self, target: Target) -> anyhow::Result<Option<Arc<Stored>>> {
        match self.ask(AdminCall::Show(target)).await {
            Ok(Outcome::Row(View { stored, .. })) => Ok(Some(stored)),
            Ok(_) => bail!("a row was asked for, and something else was answered"),
            Err(Refusal::Denied(Denied::NotFound { .. })) => Ok(None),
            Err(refusal) => Err(refusal).context("cannot read what the folder holds"),
        }
    }

    /// Every row of `listing`.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn list(&self, listing: Listing) -> anyhow::Result<Vec<Arc<Stored>>> {
        let mut rows = Vec::new();
        let mut after = None;
        loop {
            let call = AdminCall::List {
                listing: listing.clone(),
                after,
                limit: PAGE_ROWS,
            };
            let Outcome::Rows(page) = self.ask(call).await? else {
                bail!("rows were asked for, and something else was answered");
            };
            rows.extend(page.rows.into_iter().map(|view| view.stored));
            after = page.next;
            if after.is_none() {
                return Ok(rows);
            }
        }
    }

    /// Make something, or its successor: the row, and its secret if it has one.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn make(
        &self,
        call: AdminCall,
    ) -> anyhow::Result<(Arc<Stored>, Option<Secret<String>>)> {
        match self.ask(call).await? {
            Outcome::Created { view, secret } => Ok((view.stored, secret)),
            _ => bail!("something was to be made, and something else was answered"),
        }
    }
}
