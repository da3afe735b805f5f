//! The engine's rules, through its two doors, on a memory store behind the real cache, with a clock that
//! stands still and entropy that counts.

mod administration;
mod decisions;
mod grants;
mod leaks;
mod lifecycle;
mod logins;
mod phones;
mod platforms;
mod quiltt;
mod races;
mod subjects;
mod ubiqu;
mod ultra;
mod wire;
pub mod world;
