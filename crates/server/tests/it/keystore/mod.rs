//! The keystore's part for assets: every backend through one suite.

mod conformance;
mod openssl;
mod softhsm;
mod software;
mod token;
