//! Looking: pages of rows, and one row.

use super::last_used;
use crate::{
    Engine,
    bounds::PAGE_ROWS_MAX,
    call::{Listing, Target},
    denied::{Denied, Fault, Refusal},
    engine::not_found,
    id::{ClientId, EnvironmentId, OrganizationId},
    model::credential::Holder,
    outcome::{Listed, Outcome, View},
    ports::{Cursor, Query},
    row::{Key, Row, Stored},
};
use std::sync::Arc;

impl Engine {
    pub(super) async fn admin_list(
        &self,
        listing: Listing,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Outcome, Refusal> {
        let query = match listing {
            Listing::Environments => Query::Environments,
            Listing::Organizations => Query::Organizations,
            Listing::Operators => Query::Operators,
            Listing::Clients(environment, organization) => {
                self.check_environment(&environment).await?;
                Query::Clients(environment, organization)
            }
            Listing::Credentials(environment, client) => {
                self.check_environment(&environment).await?;
                let holder = match client {
                    Some(client) => Some(self.holder(&environment, &client).await?),
                    None => None,
                };
                Query::Credentials(environment, holder)
            }
            Listing::KeySets(environment) => {
                self.check_environment(&environment).await?;
                Query::KeySets(environment)
            }
            Listing::Subjects(environment, organization) => {
                self.check_environment(&environment).await?;
                self.check_organization(&organization).await?;
                Query::Subjects(environment, organization)
            }
            Listing::Audit {
                environment,
                organization,
                since,
            } => Query::Audit {
                environment,
                organization,
                since,
            },
        };
        let page = self
            .ports
            .store
            .list(&query, after.as_ref(), limit.clamp(1, PAGE_ROWS_MAX))
            .await?;
        let rows = self.views(page.rows).await?;
        Ok(Outcome::Rows(Listed {
            rows,
            next: page.next,
        }))
    }

    pub(super) async fn admin_show(&self, target: &Target) -> Result<Outcome, Refusal> {
        let (key, noun) = match target {
            Target::Environment(id) => (Key::Environment(id.clone()), "environment"),
            Target::Organization(id) => (Key::Organization(id.clone()), "organization"),
            Target::Operator(id) => (Key::Operator(id.clone()), "operator"),
            Target::Client(environment, id) => {
                (Key::Client(environment.clone(), id.clone()), "client")
            }
            Target::Guards(environment) => (Key::Guards(environment.clone()), "environment"),
            Target::KeySet(environment, name) => {
                (Key::KeySet(environment.clone(), name.clone()), "key set")
            }
            Target::Subject(environment, id) => {
                (Key::Subject(environment.clone(), id.clone()), "subject")
            }
            Target::Credential(environment, id) => {
                let stored = self.credential_by_id(environment, id).await?;
                return Ok(Outcome::Row(self.view(stored).await?));
            }
        };
        let [stored] = self.load(&[key]).await?;
        let stored = stored.ok_or_else(|| not_found(noun))?;
        Ok(Outcome::Row(self.view(stored).await?))
    }

    /// Rows with what housekeeping knows of them, in one more round trip.
    async fn views(&self, rows: Vec<Arc<Stored>>) -> Result<Vec<View>, Fault> {
        let key = |stored: &Arc<Stored>| {
            let credential = stored.credential()?;
            Some(Key::LastUsed(
                credential.environment.clone(),
                credential.id.clone(),
            ))
        };
        let keys: Vec<_> = rows.iter().filter_map(key).collect();
        let used = if keys.is_empty() {
            Vec::new()
        } else {
            self.ports.store.load(&keys).await?
        };
        let mut used = used.into_iter();
        let views = rows.into_iter().map(|stored| {
            let known = match &stored.row {
                Row::Credential(_) => used.next().flatten(),
                _ => None,
            };
            View {
                last_used_at: known.and_then(|known| last_used(&known)),
                stored,
            }
        });
        Ok(views.collect())
    }

    pub(super) async fn check_environment(
        &self,
        environment: &EnvironmentId,
    ) -> Result<(), Refusal> {
        if environment.is_installation() {
            return Ok(());
        }
        self.named_environment(environment).await.map(|_| ())
    }

    pub(crate) async fn check_organization(&self, id: &OrganizationId) -> Result<(), Refusal> {
        let [stored] = self.load(&[Key::Organization(id.clone())]).await?;
        stored.map(|_| ()).ok_or_else(|| not_found("organization"))
    }

    async fn holder(
        &self,
        environment: &EnvironmentId,
        client: &ClientId,
    ) -> Result<Holder, Refusal> {
        let [stored] = self
            .load(&[Key::Client(environment.clone(), client.clone())])
            .await?;
        let owner = stored
            .as_deref()
            .and_then(Stored::client)
            .map(|client| client.organization.clone());
        let owner = owner.ok_or(Denied::NotFound { noun: "client" })?;
        Ok(Holder::Client(owner, client.clone()))
    }
}
