//! The phone page: static files, as they stand in `page/`. No build step, nothing from elsewhere.

use super::calls;
use crate::{
    Decoded, Reply, Request, Response,
    wire::openapi::{Answer, Body, of},
};
use bytes::Bytes;
use countersign_engine::{
    call::{ApprovalCall, Call, CallContext, Presented},
    denied::{Denied, Refusal},
    digest::sha256,
    outcome::{ApprovalOutcome, Outcome},
};
use countersign_jose::base64url_encode;
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY,
        X_CONTENT_TYPE_OPTIONS,
    },
};
use std::sync::OnceLock;

/// A file of the page.
struct File {
    name: &'static str,
    media_type: &'static str,
    bytes: &'static [u8],
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const MANIFEST: &str = "application/manifest+json";
const SVG: &str = "image/svg+xml";
const PNG: &str = "image/png";

/// A file that stands in `page/` under this name.
macro_rules! file {
    ($name:literal, $media_type:expr) => {
        File {
            name: $name,
            media_type: $media_type,
            bytes: include_bytes!(concat!("page/", $name)),
        }
    };
}

/// The first is the page itself.
static FILES: &[File] = &[
    file!("index.html", HTML),
    file!("style.css", CSS),
    file!("app.js", SCRIPT),
    file!("api.js", SCRIPT),
    file!("device.js", SCRIPT),
    file!("dom.js", SCRIPT),
    file!("keys.js", SCRIPT),
    file!("record.js", SCRIPT),
    file!("request.js", SCRIPT),
    file!("setup.js", SCRIPT),
    file!("text.js", SCRIPT),
    file!("watch.js", SCRIPT),
    file!("worker.js", SCRIPT),
    file!("manifest.webmanifest", MANIFEST),
    file!("icon.svg", SVG),
    file!("icon-code.svg", SVG),
    file!("icon-device.svg", SVG),
    file!("icon-requests.svg", SVG),
    file!("icon-180.png", PNG),
    file!("icon-192.png", PNG),
    file!("icon-512.png", PNG),
];

/// No script, style or picture but ours, no frame around it, nowhere else to talk to.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
/// What the page never asks for cannot be asked for in its name.
const PERMISSIONS: HeaderValue = HeaderValue::from_static(
    "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=(), bluetooth=(), serial=(), hid=(), \
     midi=(), accelerometer=(), gyroscope=(), magnetometer=()",
);
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const WORKER_ALLOWED: HeaderName = HeaderName::from_static("service-worker-allowed");
const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");

/// Which file a request is for, and whether its browser has it already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    file: usize,
    is_there: bool,
}

pub(super) const ANSWERS: &[Answer] = &[
    Answer {
        status: 200,
        about: "The file.",
        body: Some(Body {
            media_type: "*/*",
            schema: of::<String>,
        }),
        headers: &[
            ("ETag", "Names these bytes."),
            (
                "Cache-Control",
                "`no-cache`: to be asked for again each time, with `If-None-Match`.",
            ),
        ],
    },
    Answer {
        status: 304,
        about: "The browser has it.",
        body: None,
        headers: &[],
    },
];

pub(super) fn decode_page(request: &Request<'_>) -> Decoded {
    asked(request, Some(0))
}

pub(super) fn decode_file(request: &Request<'_>) -> Decoded {
    let named = request.parameters.iter().find(|(name, _)| *name == "file");
    let place = named.and_then(|(_, name)| FILES.iter().position(|file| file.name == &**name));
    asked(request, place)
}

fn asked(request: &Request<'_>, file: Option<usize>) -> Decoded {
    let (call, reply) = match file {
        // The page is there where phones are, and the environment says so.
        Some(file) => (
            Ok(Call::Approval(ApprovalCall::About)),
            Reply::Page(Asked {
                file,
                is_there: is_there(request.headers, file),
            }),
        ),
        None => (Err(Denied::NotFound { noun: "file" }), Reply::Plain),
    };
    Decoded {
        presented: Presented::Absent,
        call,
        reply,
    }
}

/// Whether `If-None-Match` names the file's bytes (RFC 9110 section 13.1.2).
fn is_there(headers: &HeaderMap, file: usize) -> bool {
    let Some(tag) = tag(file) else {
        return false;
    };
    let mut listed = headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(','));
    listed.any(|one| one.trim().trim_start_matches("W/") == tag)
}

/// What `ETag` says of a file's bytes.
fn tag(file: usize) -> Option<&'static str> {
    static TAGS: OnceLock<Vec<String>> = OnceLock::new();
    let tags = TAGS.get_or_init(|| {
        let made = FILES.iter().map(|file| {
            let name = base64url_encode(&sha256(file.bytes));
            format!("\"{name}\"")
        });
        made.collect()
    });
    tags.get(file).map(String::as_str)
}

pub(super) fn encode(
    result: &Result<Outcome, Refusal>,
    reply: &Reply,
    context: &CallContext,
) -> Response {
    calls::encoded(result, context, |outcome| match (outcome, reply) {
        (Outcome::Approval(ApprovalOutcome::About { .. }), Reply::Page(asked)) => answer(*asked),
        _ => None,
    })
}

fn answer(asked: Asked) -> Option<Response> {
    let file = FILES.get(asked.file)?;
    let mut response = Response::new(match asked.is_there {
        true => Bytes::new(),
        false => Bytes::from_static(file.bytes),
    });
    if asked.is_there {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(file.media_type));
    headers.insert(ETAG, HeaderValue::from_static(tag(asked.file)?));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(PERMISSIONS_POLICY, PERMISSIONS);
    headers.insert(OPENER_POLICY, SAME_ORIGIN);
    headers.insert(RESOURCE_POLICY, SAME_ORIGIN);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if file.name == "worker.js" {
        // Its folder is `/phone/`, and the page is `/phone`.
        headers.insert(WORKER_ALLOWED, HeaderValue::from_static("/phone"));
    }
    Some(response)
}
