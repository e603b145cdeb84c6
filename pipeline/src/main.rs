//! Tidelake: TikTok as a live table you can query. See `ARCHITECTURE.md` for the path of a record.

mod backup;
mod catalogue;
mod cli;
mod clock;
mod config;
mod daemon;
mod drained;
mod erasure;
mod log;
mod observe;
mod plan;
mod refresh;
mod replay;
mod roles;
mod sources;
mod stored_counts;
mod stored_lake;
mod target;
mod upkeep;

use clap::Parser;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Two providers are compiled in by dependencies; TLS panics unless one is chosen.
    _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let arguments = cli::Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return cli::fail(&error.into(), cli::exit::ERROR),
    };
    let code = runtime.block_on(cli::run(arguments));
    // Blocking threads that outlive the grace period must not keep the process.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    code
}
