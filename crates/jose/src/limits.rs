//! Bounds on what is parsed before anything is verified.

/// Bounds on a token and on JSON from strangers. What exceeds one is refused, never cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest compact token, in bytes as carried.
    pub token_bytes_max: usize,
    /// Longest JOSE header, in bytes after decoding.
    pub header_bytes_max: usize,
    /// Deepest nesting of objects and arrays; the outermost counts as one.
    pub depth_max: usize,
    /// Most elements of any one array.
    pub array_max: usize,
}

impl Default for Limits {
    /// 8 KiB of token (what a request header carries), 2 KiB of header, 8 levels, 64 elements.
    fn default() -> Self {
        Self {
            token_bytes_max: 8 * 1024,
            header_bytes_max: 2 * 1024,
            depth_max: 8,
            array_max: 64,
        }
    }
}
