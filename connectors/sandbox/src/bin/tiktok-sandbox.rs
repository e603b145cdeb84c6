//! `tiktok-sandbox`: an offline TikTok on the loopback.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use clap::Parser;
use std::error::Error;
use std::path::PathBuf;
use tidelake_sandbox::{Credentials, FaultPlan, Quota, Sandbox, SandboxConfig, SimClock, TimeBase, WorldConfig};

/// An offline TikTok: OAuth client credentials and the Research API over a seeded world.
#[derive(Parser, Debug)]
#[command(version)]
struct Args {
    /// TCP port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 8899)]
    port: u16,
    /// Everything in the world follows from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Videos published over all days.
    #[arg(long, default_value_t = 1_000_000)]
    videos: u64,
    /// People who publish.
    #[arg(long, default_value_t = 100_000)]
    creators: u64,
    /// Days of publication.
    #[arg(long, default_value_t = 90)]
    days: u32,
    /// First day of publication; default: so that two thirds of the days are over at the start.
    #[arg(long, value_name = "YYYY-MM-DD")]
    epoch: Option<NaiveDate>,
    /// Simulated time at the start; default: now.
    #[arg(long, value_name = "RFC 3339")]
    start: Option<DateTime<Utc>>,
    /// Simulated seconds per real second.
    #[arg(long, default_value_t = 1.0)]
    speed: f64,
    /// A video is found at most so many (simulated) hours after its publication.
    #[arg(long, default_value_t = 0)]
    indexing_delay_hours: u32,
    /// TOML file of troubles.
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// Requests per day.
    #[arg(long, default_value_t = 1000)]
    quota_requests: u64,
    /// Records per day.
    #[arg(long, default_value_t = 100_000)]
    quota_records: u64,
    /// The quota is free again at simulated, not real, midnight.
    #[arg(long)]
    simulated_midnight: bool,
    /// The only client key that gets tokens; default: every one does.
    #[arg(long, env = "TIKTOK_SANDBOX_CLIENT_KEY", requires = "client_secret")]
    client_key: Option<String>,
    /// The secret of the client key.
    #[arg(long, env = "TIKTOK_SANDBOX_CLIENT_SECRET", hide_env_values = true, requires = "client_key")]
    client_secret: Option<String>,
}

impl Args {
    fn world(&self, start: DateTime<Utc>) -> WorldConfig {
        let first = (start - TimeDelta::days(i64::from(self.days) * 2 / 3)).date_naive();
        let epoch = self.epoch.unwrap_or(first).and_time(chrono::NaiveTime::MIN).and_utc();
        WorldConfig {
            seed: self.seed,
            creators: self.creators,
            videos: self.videos,
            days: self.days,
            epoch,
            indexing_delay_hours: self.indexing_delay_hours,
            ..WorldConfig::default()
        }
    }

    fn config(&self) -> Result<SandboxConfig, Box<dyn Error>> {
        let start = self.start.unwrap_or_else(Utc::now);
        let faults = match &self.faults {
            Some(path) => FaultPlan::from_toml(&std::fs::read_to_string(path)?)?,
            None => FaultPlan::default(),
        };
        let time_base = if self.simulated_midnight { TimeBase::Simulated } else { TimeBase::Real };
        let credentials = self.client_key.clone().zip(self.client_secret.clone());
        Ok(SandboxConfig {
            port: self.port,
            world: self.world(start),
            clock: Some(SimClock::starting_at(start, self.speed)),
            faults,
            quota: Quota { requests: self.quota_requests, records: self.quota_records, time_base },
            credentials: credentials.map(|(client_key, client_secret)| Credentials { client_key, client_secret }),
            ..SandboxConfig::default()
        })
    }
}

#[tokio::main]
#[allow(clippy::print_stdout, reason = "one line with the address is this program's output")]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let sandbox = Sandbox::start(Args::parse().config()?).await?;
    println!("{}", sandbox.base_url());
    wait_for_end().await?;
    sandbox.stop().await;
    Ok(())
}

/// Until Ctrl-C or SIGTERM.
async fn wait_for_end() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            outcome = tokio::signal::ctrl_c() => outcome,
            _ = term.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}
