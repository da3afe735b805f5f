//! What service providers are told of rows: by polls and by callbacks, the same.
