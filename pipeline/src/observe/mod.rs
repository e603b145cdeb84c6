//! What the process says about itself: structured logs on standard error.

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Starts logging. `format` is pretty, json or auto; `level` a level or tracing directives. `RUST_LOG` wins.
pub(crate) fn start_logging(format: &str, level: &str) {
    // The broker and the table library speak of their own innards at info; librdkafka warns of each setting we mean.
    let quiet = ["tansu", "deltalake", "delta_kernel", "buoyant_kernel", "rdkafka", "datafusion"];
    let directives = quiet.iter().fold(format!("{level},librdkafka=error"), |all, name| format!("{all},{name}=warn"));
    let filter = EnvFilter::try_from_default_env().or_else(|_| EnvFilter::try_new(&directives)).unwrap_or_default();
    let terminal = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(terminal);
    if format == "json" || (format == "auto" && !terminal) {
        builder.json().flatten_event(true).init();
    } else {
        builder.with_target(false).init();
    }
}
