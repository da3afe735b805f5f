//! The engine's rules, through its two doors, on a memory store behind the real cache, with a clock that
//! stands still and entropy that counts.

mod administration;
mod decisions;
mod grants;
mod lifecycle;
mod platforms;
mod races;
mod subjects;
mod ultra;
mod world;
