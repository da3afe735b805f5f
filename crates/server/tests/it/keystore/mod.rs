//! The keystore's part for assets: every backend through one suite.

mod conformance;
pub mod openssl;
mod softhsm;
mod software;
pub mod token;
