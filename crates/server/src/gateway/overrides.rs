//! The headers by which some frameworks let a caller name another method or target than the request has, behind the
//! back of whoever judged that: the one list. The sample configurations keep them from the API.

/// Every such header, as documentation and sample configurations write it.
pub const OVERRIDES: &[&str] = &[
    "X-HTTP-Method-Override",
    "X-HTTP-Method",
    "X-Method-Override",
    "X-Original-URL",
    "X-Rewrite-URL",
];

/// Whether CGI and its heirs read this (lower-case) name as one of the list, while a proxy that deletes the list does
/// not: it has `_` or `.` for `-`.
pub fn is_alias(name: &str) -> bool {
    // Most names are told apart here.
    name.starts_with('x')
        && name.contains(['_', '.'])
        && OVERRIDES.iter().any(|known| {
            let (name, known) = (name.bytes(), known.bytes());
            name.map(dashed).eq(known.map(|b| b.to_ascii_lowercase()))
        })
}

const fn dashed(byte: u8) -> u8 {
    match byte {
        b'_' | b'.' => b'-',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_proxy_deletes_and_some_framework_reads_is_an_alias() {
        for name in [
            "x_http_method_override",
            "x-http_method-override",
            "x.original.url",
            "x_rewrite-url",
        ] {
            assert!(is_alias(name), "{name}");
        }
        for name in [
            "x-http-method-override",
            "x-original-url",
            "x_http_method_overrides",
            "x_original_uri",
            "x_own",
            "client_id",
        ] {
            assert!(!is_alias(name), "{name}");
        }
    }
}
