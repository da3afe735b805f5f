//! The judged request, read from a decision request: one pass over its headers, nothing copied.

use super::{
    identity::{APPROVAL, is_managed},
    overrides::is_alias,
    profile::{Carriers, Source},
};
use countersign_engine::{
    decision::{Carrier, ClientHeaders, Judged},
    id::RequestId,
};
use http::{HeaderValue, Version, request::Parts};
use std::{borrow::Cow, net::IpAddr};

/// Why a decision request tells of no request that could be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unjudgeable {
    /// A header that only we may set.
    Managed,
    /// A header by which the API may be told another method or target, in a spelling that passes the proxy.
    Override,
    /// A fact is not there at all: this proxy does not ask as the profile expects.
    Lacking(&'static str),
    /// A fact stands there twice, or is not what it should be.
    Fact(&'static str),
}

/// What a decision request carries, not yet checked.
#[derive(Default)]
struct Carried<'a> {
    method: Carrier<'a>,
    host: Carrier<'a>,
    target: Carrier<'a>,
    peer: Carrier<'a>,
    request_id: Carrier<'a>,
    authorization: Carrier<'a>,
    client_id: Carrier<'a>,
    origin: Carrier<'a>,
    preflight_method: Carrier<'a>,
    from_browser: bool,
    client_headers: ClientHeaders<'a>,
    approval: Carrier<'a>,
    content_digest: Carrier<'a>,
}

/// A request that can be judged.
#[derive(Debug)]
pub struct Read<'a> {
    /// Lower case, without port.
    pub host: Cow<'a, str>,
    /// The proxy's own name for the request.
    pub request_id: Option<RequestId>,
    /// Everything else; its host is empty, and it has no name.
    rest: Judged<'a>,
}

impl<'a> Read<'a> {
    /// For the engine.
    pub fn judged(&'a self) -> Judged<'a> {
        Judged {
            host: &self.host,
            request_id: self.request_id.as_ref(),
            ..self.rest
        }
    }

    /// Who sent the judged request.
    pub const fn peer(&self) -> Option<IpAddr> {
        self.rest.peer
    }

    /// Which page's script sent it, if it says so legibly.
    pub const fn origin(&self) -> Carrier<'a> {
        self.rest.origin
    }
}

/// Read what `carriers` names and no other proxy's headers.
///
/// # Errors
/// [`Unjudgeable`]: the answer is 400.
pub fn read<'a>(carriers: &Carriers, parts: &'a Parts) -> Result<Read<'a>, Unjudgeable> {
    let mut carried = Carried::default();
    for (name, value) in &parts.headers {
        let name = name.as_str();
        if is_managed(name) {
            return Err(Unjudgeable::Managed);
        }
        if is_alias(name) {
            return Err(Unjudgeable::Override);
        }
        carried.take(carriers, name, value);
    }
    carried.take_itself(carriers, parts);
    let peer = address(present(carried.peer, "peer")?).ok_or(Unjudgeable::Fact("peer"))?;
    let host = present(carried.host, "host")?;
    Ok(Read {
        host: bare_host(host).ok_or(Unjudgeable::Fact("host"))?,
        request_id: match carriers.request_id {
            None => None,
            Some(_) => Some(
                RequestId::parse(present(carried.request_id, "request id")?)
                    .map_err(|_| Unjudgeable::Fact("request id"))?,
            ),
        },
        rest: Judged {
            method: method(present(carried.method, "method")?)?,
            host: "",
            target: present(carried.target, "target")?,
            peer: Some(peer),
            authorization: carried.authorization,
            client_id: carried.client_id,
            origin: carried.origin,
            from_browser: carried.from_browser,
            preflight_method: carried.preflight_method,
            client_headers: carried.client_headers,
            approval: carried.approval,
            content_digest: carried.content_digest,
            request_id: None,
        },
    })
}

impl<'a> Carried<'a> {
    fn take(&mut self, carriers: &Carriers, name: &str, value: &'a HeaderValue) {
        let is = |source: Source| matches!(source, Source::Header(header) if header == name);
        let slot = match name {
            "authorization" => &mut self.authorization,
            "x-client-id" => &mut self.client_id,
            "origin" => &mut self.origin,
            "access-control-request-method" => &mut self.preflight_method,
            "client_id" => &mut self.client_headers.client_id,
            "client_secret" => &mut self.client_headers.client_secret,
            "grant_type" => &mut self.client_headers.grant_type,
            "scope" => &mut self.client_headers.scope,
            APPROVAL => &mut self.approval,
            "content-digest" => &mut self.content_digest,
            "sec-fetch-site" => {
                self.from_browser = true;
                return;
            }
            "host" if carriers.host == Source::Itself => &mut self.host,
            _ if is(carriers.method) => &mut self.method,
            _ if is(carriers.host) => &mut self.host,
            _ if is(carriers.target) => &mut self.target,
            _ if name == carriers.peer => &mut self.peer,
            _ if Some(name) == carriers.request_id => &mut self.request_id,
            _ => return,
        };
        *slot = match (*slot, value.to_str()) {
            (Carrier::Absent, Ok(text)) => Carrier::Present(text),
            _ => Carrier::Malformed,
        };
    }

    /// What stands in the request line of the decision request, or in HTTP/2's pseudo-headers.
    fn take_itself(&mut self, carriers: &Carriers, parts: &'a Parts) {
        if carriers.method == Source::Itself {
            self.method = Carrier::Present(parts.method.as_str());
        }
        if carriers.target == Source::Itself {
            let is_absolute = parts.version < Version::HTTP_2 && parts.uri.scheme().is_some();
            self.target = match parts.uri.path_and_query() {
                Some(target) if !is_absolute => Carrier::Present(target.as_str()),
                _ => Carrier::Malformed,
            };
        }
        if carriers.host == Source::Itself && parts.version >= Version::HTTP_2 {
            self.host = match (self.host, parts.uri.authority()) {
                (host, None) => host,
                (Carrier::Absent, Some(authority)) => Carrier::Present(authority.as_str()),
                _ => Carrier::Malformed,
            };
        }
    }
}

fn present<'a>(carrier: Carrier<'a>, fact: &'static str) -> Result<&'a str, Unjudgeable> {
    match carrier {
        Carrier::Present(text) if !text.is_empty() => Ok(text),
        Carrier::Absent => Err(Unjudgeable::Lacking(fact)),
        Carrier::Present(_) | Carrier::Malformed => Err(Unjudgeable::Fact(fact)),
    }
}

/// A method is a token (RFC 9110 section 5.6.2), of which we take letters, and case matters.
fn method(text: &str) -> Result<&str, Unjudgeable> {
    let is_method = text.len() <= METHOD_BYTES_MAX
        && text
            .bytes()
            .all(|b| b.is_ascii_alphabetic() || matches!(b, b'-' | b'_'));
    if is_method {
        Ok(text)
    } else {
        Err(Unjudgeable::Fact("method"))
    }
}

/// Longer than any registered method.
const METHOD_BYTES_MAX: usize = 32;

/// The last address of a list: the one that the asking proxy itself saw.
fn address(text: &str) -> Option<IpAddr> {
    let last = text.rsplit(',').next().unwrap_or(text).trim();
    last.parse()
        .ok()
        .map(|address: IpAddr| address.to_canonical())
}

/// As on the public listener: the longest name, a colon and a port, and some. Longer is no host.
const HOST_BYTES_MAX: usize = 261;

/// The host without port, in lower case; none when it is not a name or an address. A name with an empty label
/// is neither: `admin.example.` and `admin.example` are one host to a proxy, and would be two to a guard.
fn bare_host(text: &str) -> Option<Cow<'_, str>> {
    if text.len() > HOST_BYTES_MAX {
        return None;
    }
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((inner, port)) => {
            inner.parse::<std::net::Ipv6Addr>().ok()?;
            (text.get(..inner.len() + 2)?, port)
        }
        None => {
            let (host, port) = text.split_at(text.find(':').unwrap_or(text.len()));
            let named = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
            if !host.bytes().all(named) || host.split('.').any(str::is_empty) {
                return None;
            }
            (host, port)
        }
    };
    let is_port = match port.strip_prefix(':') {
        None => port.is_empty(),
        Some(digits) => digits.parse::<u16>().is_ok() && !digits.starts_with('+'),
    };
    if !is_port {
        return None;
    }
    if host.bytes().any(|b| b.is_ascii_uppercase()) {
        return Some(Cow::Owned(host.to_ascii_lowercase()));
    }
    Some(Cow::Borrowed(host))
}

#[cfg(test)]
mod tests;
