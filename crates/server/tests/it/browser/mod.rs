//! A real Chromium: what a page may call across origins, and what no page may.

mod behind_nginx;
mod demo_page;

use crate::interop::program;
use serde_json::{Value, json};
use std::{fs, net::SocketAddr};

/// Open pages in a browser, and do what each one says; what came of every step, by page and step.
fn visit(pages: &[Value]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let facts = folder.path().join("facts.json");
    let text = json!({ "chromium": CHROMIUM, "pages": pages });
    fs::write(&facts, text.to_string()).unwrap();
    program::node_at("tests/browser/pages.mjs", &facts)
}

/// Where Debian puts it.
const CHROMIUM: &str = "/usr/bin/chromium";

/// A page at this address.
fn page(name: &str, url: &str, steps: &[Value]) -> Value {
    json!({ "name": name, "url": url, "steps": steps })
}

/// An origin of its own at `address`: browsers take every name under `localhost` for this machine.
fn origin(name: &str, address: SocketAddr) -> String {
    format!("http://{name}.localhost:{}", address.port())
}

/// A step: a script's `fetch`.
fn fetch(name: &str, method: &str, url: &str, headers: &Value, body: Option<&Value>) -> Value {
    let body = body.map(ToString::to_string);
    json!({ "name": name, "method": method, "url": url, "headers": headers, "body": body })
}

/// The page's script was not let through: browsers tell it nothing more.
fn assert_kept_out(step: &Value) {
    assert_eq!(*step, json!({ "failed": "TypeError" }));
}
