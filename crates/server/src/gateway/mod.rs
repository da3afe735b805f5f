//! The gateway listeners' face: what a proxy asks, and how it must be answered to understand.

use crate::{config::Profile, state::ServerState};
use bytes::Bytes;
use countersign_engine::id::EnvironmentId;
use http::StatusCode;
use http_body_util::Full;
use hyper::body::Incoming;
use std::{net::IpAddr, sync::Arc};

/// What one gateway listener is for. Fixed in configuration: nothing is detected.
#[derive(Debug, Clone)]
pub struct GatewayProfile {
    /// Which proxy asks, and so which headers carry what.
    pub profile: Profile,
    /// The environment it asks for; none: the judged host decides.
    pub environment: Option<EnvironmentId>,
}

/// Answer one decision request. `peer` is the proxy's own address, none on a Unix socket.
pub async fn answer(
    _state: &Arc<ServerState>,
    _profile: &GatewayProfile,
    _request: http::Request<Incoming>,
    _peer: Option<IpAddr>,
) -> http::Response<Full<Bytes>> {
    let mut response = http::Response::new(Full::default());
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response
}
