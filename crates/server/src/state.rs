//! What every request handler is handed.

use crate::{
    default_environment::DefaultEnvironment,
    health::Health,
    http::Waiting,
    named::{self, Named},
    system::RequestNames,
    telemetry::metrics::Metrics,
};
use countersign_engine::{
    Engine,
    call::CallContext,
    denied::Fault,
    id::{EnvironmentId, RequestId},
    ports::{Clock, Freshness, Query, Store},
};
use ipnet::IpNet;
use std::{net::IpAddr, sync::Arc};

/// The running server, without its sockets. One for the whole process.
pub struct ServerState {
    /// Decides.
    pub engine: Arc<Engine>,
    /// Keeps rows; for workers and metrics only.
    pub store: Arc<dyn Store>,
    /// Whether what is cached may be believed.
    pub freshness: Arc<dyn Freshness>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Names requests.
    pub names: RequestNames,
    /// Counts.
    pub metrics: Metrics,
    /// Whether the node should be sent requests.
    pub health: Health,
    /// Holds requests that wait for news.
    pub waiting: Waiting,
    /// Where requests for IP literals and `localhost` go that no environment lists.
    pub default_environment: DefaultEnvironment,
    /// Where the configuration names an environment.
    pub named: Vec<Named>,
    /// Peers whose `X-Forwarded-For` is believed on the public and admin listeners.
    pub trusted_proxies: Vec<IpNet>,
}

impl ServerState {
    /// The context of a request that has just arrived: the one reading of the clock, and its id.
    pub fn context(
        &self,
        environment: EnvironmentId,
        peer: Option<IpAddr>,
        dialect: &'static str,
    ) -> CallContext {
        CallContext {
            environment,
            now: self.clock.now(),
            request_id: self.request_id(),
            peer,
            dialect,
        }
    }

    /// Whether there is more than one environment.
    ///
    /// # Errors
    /// [`Fault`] when the store cannot tell.
    pub async fn has_several_environments(&self) -> Result<bool, Fault> {
        let page = self.store.list(&Query::Environments, None, 2).await?;
        Ok(page.rows.len() > 1)
    }

    /// Whether there is any environment.
    ///
    /// # Errors
    /// [`Fault`] when the store cannot tell.
    pub async fn has_environment(&self) -> Result<bool, Fault> {
        let page = self.store.list(&Query::Environments, None, 1).await?;
        Ok(!page.rows.is_empty())
    }

    /// A line for each environment that the configuration names and that is not there.
    ///
    /// # Errors
    /// [`Fault`] when the store cannot tell.
    pub async fn lacking_environments(&self) -> Result<Vec<String>, Fault> {
        named::lacking(&self.named, &*self.store).await
    }

    /// Why this node should not be sent requests, in one word; none when it should.
    pub fn obstacle(&self) -> Option<&'static str> {
        self.health.obstacle(self.freshness.is_fresh())
    }

    /// A request id of its own: 8 characters of base62.
    #[expect(
        clippy::expect_used,
        reason = "eight letters and digits are an identifier"
    )]
    pub fn request_id(&self) -> RequestId {
        let name = self.names.next();
        std::str::from_utf8(&name)
            .ok()
            .and_then(|name| RequestId::parse(name).ok())
            .expect("eight letters and digits")
    }
}
