//! `tidelake sources`: what is collected, declared while the daemon runs.

use super::{Failure, listing};
use crate::config::{CanaryConfig, Config, FallbackConfig, TaskConfig, parse_duration};
use crate::daemon::Daemon;
use crate::log::LogError;
use crate::log::client::Connection;
use crate::log::tasks;
use crate::plan::{Bounds, Kind, Platform, plan};
use crate::roles::{collect, now};
use crate::sources::Clients;
use crate::target::Target;
use clap::Subcommand;
use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::time::Duration;
use tidelake_connectors::client::Route;
use tidelake_schemas::{Cursor, Task};

#[derive(clap::Args)]
pub(crate) struct SourcesArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Declare something to be collected.
    Add(Box<AddArgs>),
    /// List what is declared and how far it is.
    List {
        /// table, json or csv.
        #[arg(long, default_value = "table")]
        format: String,
    },
    /// Collect nothing for these until they are resumed.
    Pause { names: Vec<String> },
    /// Go on where they were paused.
    Resume { names: Vec<String> },
    /// Take these back. What they have collected stays.
    Remove { names: Vec<String> },
}

#[derive(clap::Args)]
struct AddArgs {
    kind: Kind,
    /// Handles, hashtags, keywords, sound ids, links, video ids, the account's name, or what is refreshed.
    #[arg(required = true, value_name = "VALUE")]
    values: Vec<String>,
    /// Which platform it is on.
    #[arg(long, value_enum, default_value_t, value_name = "PLATFORM")]
    connector: Platform,
    /// Unique name; made of kind and values if absent.
    #[arg(long)]
    name: Option<String>,
    /// Time from one cycle to the next, e.g. 6h; absent: once (compliance: 14d).
    #[arg(long, value_parser = duration, value_name = "DURATION")]
    every: Option<Duration>,
    /// Higher goes first.
    #[arg(long, default_value_t = 0, allow_hyphen_values = true)]
    priority: i32,
    /// Two-letter codes of regions.
    #[arg(long, value_delimiter = ',', value_name = "CODE")]
    region: Vec<String>,
    /// Backfill from this UTC day, YYYY-MM-DD.
    #[arg(long, value_name = "DAY")]
    from: Option<String>,
    /// Up to this UTC day, inclusive; absent: today.
    #[arg(long, value_name = "DAY")]
    to: Option<String>,
    /// Days that every cycle asks for again, to see late videos and newer counts (7 without --from).
    #[arg(long, value_name = "DAYS")]
    trailing_days: Option<u32>,
    /// Records per cycle at most.
    #[arg(long)]
    limit: Option<u64>,
    /// Records that every cycle brings at the least; fewer are no answer.
    #[arg(long, value_name = "RECORDS")]
    at_least: Option<u32>,
    /// A value known to bring something (e.g. a creator with videos), polled beside: while it brings nothing, nothing is
    /// no answer.
    #[arg(long, value_name = "VALUE")]
    canary: Option<String>,
    /// Time between polls of the canary; absent: 6h.
    #[arg(long, value_parser = duration, value_name = "DURATION", requires = "canary")]
    canary_every: Option<Duration>,
    /// Connectors to go on with, in order, when the one before cannot be used, e.g. web.
    #[arg(long, value_delimiter = ',', value_name = "CONNECTOR")]
    fallback: Vec<String>,
    /// Show what would be declared.
    #[arg(long)]
    dry_run: bool,
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| format!("{text:?} is not a duration; write 90s, 15m, 6h or 1d"))
}

pub(crate) async fn run(args: SourcesArgs, config: Config) -> Result<(), Failure> {
    if let Action::Add(add) = args.action {
        return declare(*add, config).await;
    }
    let daemon = Daemon::reach(config).await?;
    match args.action {
        Action::List { format } => list(&daemon, &format).await,
        Action::Pause { names } => set_paused(&daemon, &names, true).await,
        Action::Resume { names } => set_paused(&daemon, &names, false).await,
        Action::Remove { names } => remove(&daemon, &names).await,
        Action::Add(_) => Ok(()),
    }
}

async fn declare(add: AddArgs, config: Config) -> Result<(), Failure> {
    let mut task = task(&add, &config)?;
    crate::sources::settle(&Clients::alone(&config), &mut task)
        .map_err(|why| format!("source {}: {why}", task.name))?;
    let records = crate::sources::records(&task, now());
    let mut out = std::io::stdout();
    if add.dry_run {
        for record in &records {
            let floor = record.at_least.map_or_else(String::new, |n| format!(", at least {n} a cycle"));
            writeln!(out, "{}: {} {}{floor}", record.task, record.connector, record.spec)?;
            for route in &record.fallback {
                writeln!(out, "{}: then {} {}", record.task, route.connector, route.spec)?;
            }
        }
        return Ok(());
    }
    let daemon = Daemon::reach(config).await?;
    let known = declared(&daemon).await?;
    if let Some(record) = records.iter().find(|record| known.contains_key(&record.task)) {
        let why = "is declared already. Remove it first, or choose another --name";
        return Err(format!("source {} {why}", record.task).into());
    }
    for record in &records {
        tasks::declare(&daemon.connection, daemon.config.log.lanes, record).await?;
        writeln!(out, "{}: declared, by {}", record.task, connectors(record))?;
    }
    Ok(())
}

/// What the arguments say of a canary.
fn canary(add: &AddArgs, bounds: &Bounds) -> Result<Option<CanaryConfig>, Failure> {
    if add.at_least.is_none() && add.canary.is_none() {
        return Ok(None);
    }
    let spec = match &add.canary {
        Some(value) => Some(plan(add.connector, add.kind, std::slice::from_ref(value), bounds)?.1),
        None => None,
    };
    Ok(Some(CanaryConfig { every: add.canary_every.unwrap_or_default(), at_least: add.at_least.unwrap_or(1), spec }))
}

/// What the profile's other connectors are asked for where it does not allow searches.
fn target(add: &AddArgs, config: &Config, bounds: &Bounds) -> Option<Target> {
    let closed = config.profile.is_some_and(|profile| profile.grant(Route::ResearchApi, None).is_err());
    let asked = closed && add.connector == Platform::Tiktok && *bounds == Bounds::default();
    let values = || add.values.iter().map(|value| value.trim_start_matches(['#', '@']).to_owned()).collect();
    match add.kind {
        Kind::Creator if asked => Some(Target::Creator(values())),
        Kind::Hashtag if asked => Some(Target::Hashtag(values())),
        Kind::Sound if asked => Some(Target::Sound(values())),
        _ => None,
    }
}

fn task(add: &AddArgs, config: &Config) -> Result<TaskConfig, Failure> {
    let bounds = Bounds {
        regions: add.region.clone(),
        from: add.from.clone(),
        to: add.to.clone(),
        trailing_days: add.trailing_days,
        limit: add.limit,
    };
    let target = target(add, config, &bounds);
    let (connector, spec) = match &target {
        Some(_) if add.canary.is_some() => {
            let why = "--canary names a value for one connector, and here the profile gives several: use --at-least";
            return Err(why.into());
        }
        Some(_) => Default::default(),
        None => plan(add.connector, add.kind, &add.values, &bounds)?,
    };
    Ok(TaskConfig {
        name: add.name.clone().unwrap_or_else(|| name(add)),
        connector: connector.to_owned(),
        every: add.every.unwrap_or_default(),
        priority: add.priority,
        spec,
        canary: canary(add, &bounds)?,
        fallback: add.fallback.iter().cloned().map(FallbackConfig::Name).collect(),
        target,
    })
}

/// `hashtag/skincare,makeup/US`; of another platform `youtube/creator/…`
fn name(add: &AddArgs) -> String {
    let kind = clap::ValueEnum::to_possible_value(&add.kind).map(|v| v.get_name().to_owned()).unwrap_or_default();
    let values: Vec<&str> = add.values.iter().map(|v| v.trim_start_matches(['#', '@'])).collect();
    let platform = clap::ValueEnum::to_possible_value(&add.connector).filter(|_| add.connector != Platform::Tiktok);
    let mut parts: Vec<String> = platform.map(|value| value.get_name().to_owned()).into_iter().collect();
    parts.extend([kind, values.join(",")]);
    if !add.region.is_empty() {
        parts.push(add.region.join(",").to_uppercase());
    }
    parts.join("/")
}

/// Reads the task topic off the runtime's threads.
pub(super) async fn declared(daemon: &Daemon) -> Result<BTreeMap<String, Task>, Failure> {
    let (connection, lanes) = (daemon.connection.clone(), daemon.config.log.lanes);
    Ok(tokio::task::spawn_blocking(move || tasks::declared(&connection, lanes)).await??)
}

/// The named tasks with their canaries, or an error that names what is declared.
fn find(declared: &BTreeMap<String, Task>, names: &[String]) -> Result<Vec<Task>, Failure> {
    let one = |name: &String| {
        let known = || declared.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        declared.get(name).cloned().ok_or_else(|| format!("no source {name:?}; declared are: {}", known()))
    };
    let mut found: Vec<Task> = names.iter().map(one).collect::<Result<_, _>>()?;
    let canary = |name: &String| declared.get(&crate::sources::canary_of(name)).cloned();
    found.extend(names.iter().filter_map(canary).filter(|canary| !names.contains(&canary.task)));
    Ok(found)
}

async fn set_paused(daemon: &Daemon, names: &[String], paused: bool) -> Result<(), Failure> {
    for mut task in find(&declared(daemon).await?, names)? {
        task.paused = paused;
        tasks::declare(&daemon.connection, daemon.config.log.lanes, &task).await?;
        writeln!(std::io::stdout(), "{}: {}", task.task, if paused { "paused" } else { "resumed" })?;
    }
    Ok(())
}

async fn remove(daemon: &Daemon, names: &[String]) -> Result<(), Failure> {
    for task in find(&declared(daemon).await?, names)? {
        tasks::remove(&daemon.connection, daemon.config.log.lanes, &task.task).await?;
        writeln!(std::io::stdout(), "{}: removed; what it has collected stays", task.task)?;
    }
    Ok(())
}

async fn list(daemon: &Daemon, format: &str) -> Result<(), Failure> {
    let tasks = declared(daemon).await?;
    let (connection, lanes) = (daemon.connection.clone(), daemon.config.log.lanes);
    let cursors = tokio::task::spawn_blocking(move || cursors(&connection, lanes)).await??;
    let rows = tasks.values().map(|task| row(task, cursors.get(&task.task)));
    const HEADER: [&str; 7] = ["name", "connector", "every", "priority", "state", "cycle", "last poll"];
    let objects = tasks.values().map(|task| json(task, cursors.get(&task.task)));
    listing::print(format, HEADER, rows, objects)
}

fn cursors(connection: &Connection, lanes: i32) -> Result<HashMap<String, Cursor>, LogError> {
    let mut all = HashMap::new();
    for lane in 0..lanes {
        all.extend(collect::cursors(connection, lane)?);
    }
    Ok(all)
}

/// The connectors in order: `web, then oembed`.
fn connectors(task: &Task) -> String {
    let names = task.fallback.iter().map(|route| route.connector.as_str());
    std::iter::once(task.connector.as_str()).chain(names).collect::<Vec<_>>().join(", then ")
}

fn state(task: &Task, cursor: Option<&Cursor>) -> String {
    match cursor {
        _ if task.paused => "paused".into(),
        None => "new".into(),
        Some(c) if c.finished => "finished".into(),
        Some(Cursor { resume_at: Some(at), .. }) if *at > now() => format!("waits until {at}"),
        Some(c) if c.state.is_some() => format!("page {}", c.page),
        Some(_) => "due".into(),
    }
}

fn row(task: &Task, cursor: Option<&Cursor>) -> [String; 7] {
    let every = if task.cadence_s == 0 { "once".into() } else { format!("{} s", task.cadence_s) };
    let cycle = cursor.map(|c| c.cycle.to_string()).unwrap_or_default();
    let last = cursor.map(|c| c.written_at.to_string()).unwrap_or_default();
    let (name, connector) = (task.task.clone(), connectors(task));
    [name, connector, every, task.priority.to_string(), state(task, cursor), cycle, last]
}

fn json(task: &Task, cursor: Option<&Cursor>) -> serde_json::Value {
    let spec: serde_json::Value = serde_json::from_str(&task.spec).unwrap_or_default();
    serde_json::json!({
        "name": task.task,
        "connector": task.connector,
        "fallback": task.fallback.iter().map(|route| &route.connector).collect::<Vec<_>>(),
        "route": cursor.and_then(collect::route_of),
        "every_s": task.cadence_s,
        "priority": task.priority,
        "state": state(task, cursor),
        "cycle": cursor.map(|c| c.cycle),
        "page": cursor.map(|c| c.page),
        "last_poll": cursor.map(|c| c.written_at.to_string()),
        "at_least": task.at_least,
        "declared_at": task.declared_at.to_string(),
        "spec": spec,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use tidelake_schemas::Timestamp;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        add: AddArgs,
    }

    /// What `sources add` would declare.
    fn declared(config: &Config, line: &str) -> Result<Task, String> {
        let line = Line::try_parse_from(std::iter::once("add").chain(line.split(' '))).expect("arguments");
        let mut task = task(&line.add, config).map_err(|why| why.to_string())?;
        crate::sources::settle(&Clients::alone(config), &mut task)?;
        Ok(crate::sources::records(&task, Timestamp::default()).remove(0))
    }

    #[test]
    fn a_profile_without_searches_asks_public_pages() {
        let file = tempfile::NamedTempFile::new().expect("temp file");
        let words = "contact = \"https://lab.example\"\nacknowledgement = { approval = \"letter 17\" }\n";
        std::fs::write(file.path(), format!("profile = \"web\"\n[web]\n{words}")).expect("writes");
        let config = Config::load(Some(file.path())).expect("loads");
        for (line, connectors) in [
            ("creator @a", vec!["oembed", "web"]),
            ("hashtag #fyp", vec!["web"]),
            ("sound 7012345678901234567", vec!["web"]),
        ] {
            let task = declared(&config, line).expect("can be asked");
            let then = task.fallback.iter().map(|route| route.connector.as_str());
            assert_eq!(std::iter::once(task.connector.as_str()).chain(then).collect::<Vec<_>>(), connectors, "{line}");
        }
        for (line, part) in
            [("hashtag fyp --region US", "profile"), ("keyword fyp", "profile"), ("creator a --canary b", "--at-least")]
        {
            let why = declared(&config, line).expect_err("cannot be asked");
            assert!(why.contains(part), "{line}: {why}");
        }
    }
}
