//! The binary `countersign`.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // The one provider, for what takes the process's default. Nobody was here before us to install another.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    countersign::cli::run()
}
