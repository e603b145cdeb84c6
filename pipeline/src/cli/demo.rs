//! `tidelake demo`: the whole path against an offline TikTok, then answers from the lake.

use super::Failure;
use crate::config::{Config, TaskConfig};
use crate::daemon::{Daemon, Role};
use crate::roles::Stop;
use crate::roles::{Reading, now};
use secrecy::SecretString;
use serde_json::json;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};
use tidelake_connectors::research::ResearchConfig;
use tidelake_sandbox::{Quota, Sandbox, SandboxConfig, SimClock, WorldConfig};
use tidelake_sinks::format::write_table;
use tidelake_sinks::query::Engine;

/// Days of the world before today.
const DAYS: u32 = 30;
/// Simulated seconds per real second: an hour passes every second, so that counts grow while one watches.
const SPEED: f64 = 3600.0;

#[derive(clap::Args)]
pub(crate) struct DemoArgs {
    /// How long to collect.
    #[arg(long = "for", default_value = "60s", value_parser = duration, value_name = "DURATION")]
    length: Duration,
    /// Seed of the world: the same seed gives the same videos.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Videos in the world.
    #[arg(long, default_value_t = 200_000)]
    videos: u64,
}

fn duration(text: &str) -> Result<Duration, String> {
    crate::config::parse_duration(text).ok_or_else(|| format!("{text:?} is not a duration; write 60s or 2m"))
}

pub(crate) async fn run(args: &DemoArgs, mut config: Config, data_dir: Option<&Path>) -> Result<(), Failure> {
    let temporary = if data_dir.is_none() { Some(tempfile::tempdir()?) } else { None };
    if let Some(dir) = &temporary {
        config.data_dir = dir.path().to_owned();
    }
    let mut out = std::io::stdout();
    let sandbox = Sandbox::start(sandbox(args)).await?;
    configure(&mut config, &sandbox.base_url());
    writeln!(out, "Offline TikTok on {}: {} videos, seed {}.", sandbox.base_url(), args.videos, args.seed)?;
    let daemon = Daemon::start(config).await?;
    writeln!(out, "Embedded broker on {}, lake at {}.", daemon.connection.bootstrap(), daemon.lake.root())?;
    daemon.declare_tasks().await?;
    let begun = Instant::now();
    collect(&daemon, args.length).await?;
    summary(&daemon, begun.elapsed(), &mut out).await?;
    examples(&daemon, &mut out).await?;
    match data_dir {
        Some(dir) => writeln!(out, "\nThe lake stays: tidelake sql --data-dir {}", dir.display())?,
        None => {
            writeln!(out, "\nKeep the lake next time: tidelake demo --data-dir DIR, then tidelake sql --data-dir DIR")?
        }
    }
    sandbox.stop().await;
    Ok(())
}

fn sandbox(args: &DemoArgs) -> SandboxConfig {
    let today = now().to_chrono();
    let world = WorldConfig {
        seed: args.seed,
        videos: args.videos,
        days: DAYS,
        epoch: today - chrono::TimeDelta::days(i64::from(DAYS)),
        ..WorldConfig::default()
    };
    SandboxConfig {
        world,
        clock: Some(SimClock::starting_at(today, SPEED)),
        quota: Quota::unlimited(),
        ..SandboxConfig::default()
    }
}

/// Points the Research API at the sandbox and declares tasks that poll the same videos again and again.
fn configure(config: &mut Config, base_url: &str) {
    let mut research = ResearchConfig::new("demo", SecretString::from("demo"));
    research.base_url = base_url.to_owned();
    research.daily_quota = u32::MAX;
    research.per_second = 1e6;
    config.research = Some(research);
    config.lake.commit_age = Duration::from_secs(2);
    let today = now().date();
    let day = |ago: u64| (today - chrono::Days::new(ago)).format("%Y%m%d").to_string();
    config.tasks = ["US", "GB", "DE", "FR", "ES", "BR", "JP", "ID"]
        .into_iter()
        .map(|region| TaskConfig {
            canary: None,
            name: format!("demo/{region}"),
            connector: "research-api".into(),
            every: Duration::from_secs(1),
            priority: 0,
            spec: json!({
                "kind": "videos",
                "query": { "and": [{ "operation": "EQ", "field_name": "region_code", "field_values": [region] }] },
                "start": day(7), "end": day(1), "limit": 2_000,
            }),
            fallback: Vec::new(),
            target: None,
        })
        .collect();
}

async fn collect(daemon: &Daemon, length: Duration) -> Result<(), Failure> {
    let collecting = Stop::default();
    let working = Stop::default();
    let mut pollers = daemon.run(&[Role::Collect], &collecting);
    let mut workers = daemon.run(&[Role::Enrich, Role::Land], &working);
    let mut signals = super::run::Signals::listen()?;
    let begun = Instant::now();
    let mut beat = tokio::time::interval(Duration::from_secs(1));
    let bar = progress();
    while begun.elapsed() < length {
        tokio::select! {
            _ = beat.tick() => show(&bar, &daemon.progress.read(), begun.elapsed(), length),
            outcome = pollers.ended() => { outcome?; break }
            outcome = workers.ended() => { outcome?; break }
            _ = signals.next() => break,
        }
    }
    pollers.drain(daemon.config.shutdown.grace).await?;
    bar.set_message("collected; landing the rest");
    super::import::wait_until_landed(daemon).await?;
    workers.drain(daemon.config.shutdown.grace).await?;
    bar.finish_and_clear();
    Ok(())
}

fn progress() -> indicatif::ProgressBar {
    let bar = if std::io::stderr().is_terminal() {
        indicatif::ProgressBar::new_spinner()
    } else {
        indicatif::ProgressBar::hidden()
    };
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

#[allow(clippy::print_stderr, reason = "progress for people; standard output is for the result")]
fn show(bar: &indicatif::ProgressBar, reading: &Reading, at: Duration, length: Duration) {
    let line = format!(
        "{:>3}/{}s  observed {}  enriched {}  landed {}",
        at.as_secs(),
        length.as_secs(),
        reading.observations(),
        reading.enriched,
        reading.rows(),
    );
    if bar.is_hidden() {
        if at.as_secs().is_multiple_of(10) {
            eprintln!("{line}");
        }
    } else {
        bar.set_message(line);
    }
}

async fn summary(daemon: &Daemon, took: Duration, out: &mut impl Write) -> Result<(), Failure> {
    let reading = daemon.progress.read();
    let engine = super::lake::engine(&daemon.config).await?;
    let tables = engine.tables().await?;
    let videos = tables.iter().find(|t| t.name == "video_observations");
    let files: u64 = tables.iter().filter_map(|t| t.files).sum();
    let bytes_per_row = videos.and_then(|t| Some(t.bytes? as f64 / t.rows.filter(|r| *r > 0)? as f64)).unwrap_or(0.0);
    let observed = reading.observations();
    writeln!(out, "\nIn {:.0} s, over {} polls:", took.as_secs_f64(), reading.polls)?;
    writeln!(out, "  observed      {observed:>9}   ({:.0}/s)", observed as f64 / took.as_secs_f64())?;
    writeln!(out, "  enriched      {:>9}", reading.enriched)?;
    writeln!(out, "  landed        {:>9}   rows in all tables, the coverage ledger among them", reading.rows())?;
    writeln!(out, "  dead-lettered {:>9}", reading.dead)?;
    writeln!(out, "  files         {files:>9}   {bytes_per_row:.0} bytes per video row")?;
    if let Some((p50, p99)) = latency(&engine).await? {
        writeln!(out, "  end to end    {p50:>6.1} s    median, from the source's answer to the lake; p99 {p99:.1} s")?;
    }
    Ok(())
}

/// Median and 99th percentile of seconds from poll to lake.
async fn latency(engine: &Engine) -> Result<Option<(f64, f64)>, Failure> {
    let micros = "date_part('epoch', landed_at) * 1000 - date_part('epoch', provenance['fetched_at']) * 1000";
    let query = format!(
        "SELECT CAST(approx_percentile_cont(ms, 0.5) AS BIGINT), CAST(approx_percentile_cont(ms, 0.99) AS BIGINT) \
         FROM (SELECT {micros} AS ms FROM video_observations)"
    );
    let found = engine.integers(&query).await?;
    Ok(match found.as_slice() {
        [p50, p99] => Some((*p50 as f64 / 1000.0, *p99 as f64 / 1000.0)),
        _ => None,
    })
}

const EXAMPLES: [(&str, &str); 3] = [
    (
        "Which languages do the captions speak?",
        "SELECT language, count(*) AS videos, sum(views) AS views FROM videos GROUP BY language ORDER BY videos DESC LIMIT 8",
    ),
    (
        "Which hashtags draw the most views?",
        "SELECT tag, count(*) AS videos, sum(views) AS views FROM video_hashtags JOIN videos USING (video_id) \
         GROUP BY tag ORDER BY views DESC NULLS LAST, tag LIMIT 8",
    ),
    (
        "Which videos gained the most while we watched?",
        "SELECT video_id, count(*) AS observations, min(views) AS first, max(views) AS last, max(views) - min(views) AS gained \
         FROM video_stats GROUP BY video_id ORDER BY gained DESC NULLS LAST, video_id LIMIT 8",
    ),
];

async fn examples(daemon: &Daemon, out: &mut (impl Write + Send)) -> Result<(), Failure> {
    let engine = super::lake::engine(&daemon.config).await?;
    for (question, query) in EXAMPLES {
        writeln!(out, "\n{question}\n  {query}")?;
        write_table(&engine.collect(query).await?, &mut *out)?;
    }
    Ok(())
}
