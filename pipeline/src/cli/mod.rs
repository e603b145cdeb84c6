//! The command line: one file per command.

mod accounts;
mod annotate;
mod audit;
mod backup;
mod broker;
mod catalog;
mod check;
mod cluster;
mod copies;
mod coverage;
mod dates;
mod demo;
mod diff;
mod drift;
mod enrich;
mod erase;
mod explain;
mod export;
mod import;
mod lake;
mod listing;
mod login;
mod maintain;
mod media;
mod privacy;
mod publish;
mod query;
mod quota;
mod repl;
mod replay;
mod report;
mod reset;
mod resolve;
mod restore;
mod run;
mod serve;
mod shown;
mod sources;
mod sql;
mod tables;
mod tap;
mod why;

use crate::clock;
use crate::config::Config;
use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;
use tidelake_serve::cluster::Cluster;

/// Exit codes, as the README documents them.
pub(crate) mod exit {
    /// Something failed; the message says what, why and what to do.
    pub(crate) const ERROR: u8 = 1;
    /// The configuration or the arguments are wrong.
    pub(crate) const CONFIG: u8 = 2;
    /// A role failed for good.
    pub(crate) const ROLE: u8 = 3;
    /// Stopped before everything held was finished; nothing is lost, it is read again.
    pub(crate) const UNDRAINED: u8 = 4;
    /// An audit found a difference.
    pub(crate) const AUDIT: u8 = 5;
}

/// Any error a command may end with.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// TikTok as a live table you can query.
#[derive(Parser)]
#[command(name = "tidelake", version, about, max_term_width = 110)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub shared: Shared,
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(clap::Args)]
pub(crate) struct Shared {
    /// Configuration file (TOML); without one, embedded defaults.
    #[arg(short, long, global = true, env = "TIDELAKE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where the embedded broker and the default lake live; overrides data_dir of the file.
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Who answers SQL: ballista://HOST:PORT, a cluster (see `tidelake cluster`); by default this process.
    #[arg(long, global = true, value_name = "URL")]
    pub engine: Option<Cluster>,
    /// Log level: error, warn, info, debug, trace, or tracing directives.
    #[arg(long, global = true, value_name = "LEVEL")]
    pub log_level: Option<String>,
    /// Log format: auto, pretty, json.
    #[arg(long, global = true, value_name = "FORMAT")]
    pub log_format: Option<String>,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run the daemon: collect, enrich, land, keep media, ask about captions and maintain the lake until stopped.
    Run(run::RunArgs),
    /// Check configuration, broker, topics, lake and sources without starting.
    Check(check::CheckArgs),
    /// Run everything against an offline TikTok, then answer questions about it.
    Demo(demo::DemoArgs),
    /// Import recorded payloads: web JSON and pages, 4CAT/Zeeschuimer, yt-dlp, personal archives, Research API.
    Import(import::ImportArgs),
    /// Your own products, which captions are searched for: import, list, search, show, remove, export.
    Catalog(catalog::CatalogArgs),
    /// Run the caption stages on text or JSON lines; one JSON object per line. With the models of the configuration, if any.
    Enrich(enrich::EnrichArgs),
    /// Ask the external model of the configuration about text or JSON lines; one JSON object per line.
    Annotate(annotate::AnnotateArgs),
    /// Say what links point at; short links are asked for with one request each.
    Resolve(resolve::ResolveArgs),
    /// Log an account in: its owner agrees on TikTok's page, and the Display API may be asked for it.
    Login(login::LoginArgs),
    /// List the accounts that are logged in, without secrets.
    Accounts(accounts::AccountsArgs),
    /// Take an account's consent back and remove it.
    Logout(accounts::LogoutArgs),
    /// What is collected: add, list, pause, resume, remove, while the daemon runs.
    Sources(sources::SourcesArgs),
    /// Ask the lake in SQL; without a query, a prompt.
    Sql(sql::SqlArgs),
    /// Open the lake to clients: PostgreSQL's protocol, Arrow Flight SQL, HTTP.
    Serve(serve::ServeArgs),
    /// Answer one of the usual questions, by name; without one, list them.
    Query(query::QueryArgs),
    /// Write the answer to a query, or a table, to a file or a directory of files, here or in a bucket.
    Export(export::ExportArgs),
    /// Publish counts and sums that name nobody, with a code book and a report of what was left out.
    Publish(publish::PublishArgs),
    /// List what copies of the lake were made: exports, publications, backups.
    Copies(copies::CopiesArgs),
    /// Copy tables, positions and the state of tasks to another store, or check such a copy.
    Backup(backup::BackupArgs),
    /// Make a lake, and a log to go on with, of a backup.
    Restore(restore::RestoreArgs),
    /// List tables and views, or functions.
    Tables(tables::TablesArgs),
    /// A report on what was collected, as a page with charts, as JSON or as PDF.
    Report(report::ReportArgs),
    /// How complete is what was collected: what each task asked for, got, and why it stopped.
    Coverage(coverage::CoverageArgs),
    /// Daily budgets: what is spent, left and kept in reserve, and whether it is enough.
    Quota(quota::QuotaArgs),
    /// What has changed in what sources give: fields that went, came or became another, and zeros that are not believed.
    Drift(drift::DriftArgs),
    /// Which pictures and films are stored, and what became of the others.
    Media(media::MediaArgs),
    /// Run caption stages again over history, into columns of their own.
    Replay(replay::ReplayArgs),
    /// Keep the lake fast and small: larger files, order, checkpoints, clean logs, nothing kept too long; once.
    Maintain(maintain::MaintainArgs),
    /// Compare what two versions of a stage found.
    Diff(diff::DiffArgs),
    /// Run queries on several machines: a scheduler, and executors. Engines name it by --engine.
    Cluster(cluster::ClusterArgs),
    /// Take a creator or videos out of everything there is, and keep them out.
    Erase(erase::EraseArgs),
    /// What is held of people and why; what is held of somebody; what was erased.
    Privacy(privacy::PrivacyArgs),
    /// Print a topic's records as they come.
    Tap(tap::TapArgs),
    /// Where each observation of a video came from and what became of it.
    Why(why::WhyArgs),
    /// Prove that every message has exactly one outcome.
    Audit(audit::AuditArgs),
    /// Run only the embedded broker, for other tidelake processes on this machine.
    Broker(broker::BrokerArgs),
    /// Accept a hole in the log: move a table's position to what the topic still holds.
    Reset(reset::ResetArgs),
}

/// Runs the command; prints what went wrong.
pub(crate) async fn run(arguments: Arguments) -> ExitCode {
    let config = match clock::read_environment().map_err(Failure::from).and_then(|()| arguments.shared.load()) {
        Ok(config) => config,
        Err(error) => return fail(&error, exit::CONFIG),
    };
    let quiet = !matches!(arguments.command, Command::Run(_) | Command::Serve(_));
    let level = if quiet && arguments.shared.log_level.is_none() { "warn" } else { config.logging.level.as_str() };
    crate::observe::start_logging(&config.logging.format, level);
    if let Some(speed) = clock::simulated() {
        tracing::warn!(now = %clock::now(), speed, "{} is set: time is simulated", clock::VARIABLE);
    }
    let outcome = match arguments.command {
        Command::Run(args) => return run::run(args, config).await,
        Command::Audit(args) => return audit::run(&args, config).await,
        Command::Broker(args) => broker::run(&args, &config).await,
        Command::Check(args) => check::run(&args, config).await,
        Command::Demo(args) => demo::run(&args, config, arguments.shared.data_dir.as_deref()).await,
        Command::Import(args) => import::run(&args, config).await,
        Command::Catalog(args) => catalog::run(&args, &config).await,
        Command::Erase(args) => erase::run(&args, config).await,
        Command::Privacy(args) => privacy::run(&args, config).await,
        Command::Enrich(args) => enrich::run(&args, &config).await,
        Command::Annotate(args) => annotate::run(&args, &config).await,
        Command::Resolve(args) => resolve::run(&args, &config).await,
        Command::Login(args) => login::run(&args, &config).await,
        Command::Accounts(args) => accounts::run(&args, &config).await,
        Command::Logout(args) => accounts::logout(&args, &config).await,
        Command::Sources(args) => sources::run(args, config).await,
        Command::Serve(args) => serve::run(&args, config).await,
        Command::Sql(args) => lake::sql(&args, &config).await,
        Command::Query(args) => query::run(&args, &config).await,
        Command::Export(args) => export::run(&args, &config).await,
        Command::Publish(args) => publish::run(&args, &config).await,
        Command::Copies(args) => copies::run(&args, &config).await,
        Command::Backup(args) => backup::run(&args, config).await,
        Command::Restore(args) => restore::run(&args, config).await,
        Command::Tables(args) => tables::run(&args, &config).await,
        Command::Coverage(args) => coverage::run(&args, &config).await,
        Command::Quota(args) => quota::run(&args, config).await,
        Command::Drift(args) => drift::run(&args, &config).await,
        Command::Media(args) => media::run(&args, &config).await,
        Command::Replay(args) => replay::run(&args, &config).await,
        Command::Maintain(args) => maintain::run(&args, config).await,
        Command::Diff(args) => diff::run(&args, &config).await,
        Command::Report(args) => report::run(&args, &config).await,
        Command::Cluster(args) => cluster::run(args, &config).await,
        Command::Tap(args) => tap::run(&args, config).await,
        Command::Why(args) => why::run(&args, &config).await,
        Command::Reset(args) => reset::run(&args, config).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error, exit::ERROR),
    }
}

pub(crate) use lake::history;

/// Prints an error for a person. A closed pipe (`| head`) is no error.
#[allow(clippy::print_stderr, reason = "this is where the CLI speaks")]
pub(crate) fn fail(error: &Failure, code: u8) -> ExitCode {
    if let Some(io) = error.downcast_ref::<std::io::Error>()
        && io.kind() == std::io::ErrorKind::BrokenPipe
    {
        return ExitCode::SUCCESS;
    }
    eprintln!("tidelake: {error}");
    ExitCode::from(code)
}

impl Shared {
    fn load(&self) -> Result<Config, Failure> {
        let mut config = Config::load(self.config.as_deref())?;
        if let Some(dir) = &self.data_dir {
            config.data_dir.clone_from(dir);
        }
        if let Some(engine) = &self.engine {
            config.lake.engine = Some(engine.clone());
        }
        if let Some(level) = &self.log_level {
            config.logging.level.clone_from(level);
        }
        if let Some(format) = &self.log_format {
            config.logging.format.clone_from(format);
        }
        Ok(config)
    }
}
