//! `tidelake check`: configuration, broker, topics, lake and sources, in one report.

use super::Failure;
use crate::config::Config;
use crate::daemon::Daemon;
use crate::roles::now;
use std::io::Write;

#[derive(clap::Args)]
pub(crate) struct CheckArgs {
    /// Only the configuration: touch no broker, lake or source.
    #[arg(long)]
    offline: bool,
    /// Also ask each source with one cheap request.
    #[arg(long)]
    probe: bool,
}

pub(crate) async fn run(args: &CheckArgs, config: Config) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    // A configuration that does not hold never gets here.
    writeln!(out, "ok  configuration: {} task(s), data directory {}", config.tasks.len(), config.data_dir.display())?;
    if args.offline {
        return Ok(());
    }
    let daemon = Daemon::start(config).await?;
    writeln!(out, "ok  broker {}: topics as configured", daemon.connection.bootstrap())?;
    for landed in tidelake_schemas::topics::LANDED {
        let table = daemon.lake.open(landed.table).await?;
        let state = match &table {
            Some(table) => format!("version {}", table.version().unwrap_or_default()),
            None => "will be made when its first record lands".to_owned(),
        };
        writeln!(out, "ok  table {}: {state}", landed.table)?;
    }
    let make = crate::sources::maker(crate::sources::Clients::of(&daemon.config).into());
    for task in &daemon.config.tasks {
        let source = make(&crate::sources::record(task, now()))?;
        let capabilities = source.capabilities();
        let found = if args.probe { source.probe().await?.summary } else { "not asked (--probe asks)".to_owned() };
        writeln!(
            out,
            "ok  task {}: {} ({} licence zone): {found}",
            task.name, capabilities.connector, capabilities.zone
        )?;
        if daemon.config.media.enabled {
            writeln!(out, "    media: {}", daemon.config.media_terms(capabilities.zone))?;
        }
    }
    Ok(())
}
