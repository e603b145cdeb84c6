//! `tidelake check`: configuration, broker, topics, lake and sources, in one report.

use super::Failure;
use crate::config::Config;
use crate::daemon::Daemon;
use crate::roles::now;
use std::io::Write;
use tidelake_connectors::annotate::ExternalModelConfig;
use tidelake_schemas::Task;
use tidelake_transformers::Transformers;

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
    if let Some(settings) = config.stages.transformers() {
        // Models are files: they are loaded here, as enrich will load them.
        let models = tokio::task::spawn_blocking(move || Transformers::start(&settings)).await??;
        writeln!(out, "ok  {}", models.label())?;
    }
    let records = config.tasks.iter().flat_map(|task| crate::sources::records(task, now()));
    let configured: Vec<Task> = records.collect();
    if args.offline {
        return warn(&mut out, crate::refresh::unmet(&configured));
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
    let make = crate::sources::maker(daemon.clients());
    for task in &configured {
        let routes = make(task)?;
        for (at, source) in routes.iter().enumerate() {
            let capabilities = source.capabilities();
            let found = if args.probe { source.probe().await?.summary } else { "not asked (--probe asks)".to_owned() };
            let (order, name, zone) = (if at == 0 { "" } else { "then " }, capabilities.connector, capabilities.zone);
            writeln!(out, "ok  task {}: {order}{name} ({zone} licence zone): {found}", task.task)?;
            if daemon.config.media.enabled {
                writeln!(out, "    media: {}", daemon.config.media_terms(name, zone))?;
            }
            if let Some(external) = daemon.config.external_model.as_ref().filter(|external| external.enabled) {
                writeln!(out, "    annotate: {}", annotate_terms(external, zone))?;
            }
        }
    }
    let mut declared = super::sources::declared(&daemon).await?;
    for mut task in configured {
        task.paused = declared.get(&task.task).is_some_and(|old| old.paused);
        declared.insert(task.task.clone(), task);
    }
    warn(&mut out, crate::refresh::unmet(declared.values()))
}

/// Whether captions of a zone are asked about, in words.
fn annotate_terms(external: &ExternalModelConfig, zone: &str) -> String {
    match external.may_ask_about(zone) {
        Ok(()) if external.asks_about(zone) => format!("captions are asked about at {}", external.base_url),
        Ok(()) => format!("external_model.select.zones leaves zone {zone} out"),
        Err(why) => why,
    }
}

fn warn(out: &mut impl Write, warnings: Vec<String>) -> Result<(), Failure> {
    warnings.iter().try_for_each(|warning| writeln!(out, "warn  {warning}"))?;
    Ok(())
}
