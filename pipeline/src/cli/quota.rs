//! `tidelake quota`: the daily budgets of the configured credentials, and of others that share the broker.

use super::{Failure, listing};
use crate::config::Config;
use crate::daemon::Daemon;
use crate::log::budgets::{BudgetDay, budgets_of};
use crate::roles::now;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use tidelake_connectors::client::Route;
use tidelake_connectors::client::budget::{BudgetConfig, BudgetSnapshot};
use tidelake_schemas::Timestamp;

#[derive(clap::Args)]
pub(crate) struct QuotaArgs {
    /// table, json or csv.
    #[arg(long, default_value = "table")]
    format: String,
}

pub(crate) async fn run(args: &QuotaArgs, config: Config) -> Result<(), Failure> {
    let daemon = Daemon::reach(config).await?;
    let (connection, at) = (daemon.connection.clone(), now());
    let day_of = move |key: &str| foreign(key, 0).day(at);
    let spent = tokio::task::spawn_blocking(move || budgets_of(&connection, day_of)).await??;
    let rows = rows(&configured(&daemon.config), spent, at);
    if rows.is_empty() && args.format == "table" {
        writeln!(std::io::stderr(), "no budget has been used yet")?;
        return Ok(());
    }
    listing::print(&args.format, HEADER, rows.iter().map(Row::cells), rows.iter().map(Row::json))
}

/// The budgets of the configuration, by key.
fn configured(config: &Config) -> BTreeMap<String, BudgetConfig> {
    let research = config
        .research
        .iter()
        .flat_map(|research| research.budgets().map(|budget| (research.budget_key(&budget), budget)));
    let youtube = config.youtube.iter().flat_map(|youtube| {
        // Where searches are charged in units, nothing else counts them.
        let counts = |budget: &BudgetConfig| youtube.search_units.is_none() || budget.name != "searches";
        let budgets = youtube.budgets().into_iter().filter(counts);
        budgets.map(|budget| (youtube.budget_key(&budget), budget))
    });
    research.chain(youtube).collect()
}

/// A budget of which only the key and the day's size are known.
fn foreign(key: &str, daily: u32) -> BudgetConfig {
    let route = key.split('/').next().and_then(Route::of_connector);
    route.map_or_else(|| BudgetConfig::new(daily), |route| BudgetConfig::of(route, daily))
}

const HEADER: [&str; 10] =
    ["route", "credential", "counts", "daily", "spent", "reserve", "left", "per hour", "forecast", "resets at"];

/// One budget.
struct Row {
    route: String,
    /// The credential's fingerprint.
    credential: String,
    /// What is counted.
    counts: String,
    /// Another configuration's: its reserve is not known.
    foreign: bool,
    budget: BudgetSnapshot,
    /// The source has said that nothing is left.
    closed: bool,
}

/// The budgets of the configuration, whether anything was spent or not, and then those of others.
fn rows(
    configured: &BTreeMap<String, BudgetConfig>,
    mut spent: BTreeMap<String, BudgetDay>,
    at: Timestamp,
) -> Vec<Row> {
    let mut rows: Vec<Row> = configured
        .iter()
        .map(|(key, budget)| Row::of(key, budget, &spent.remove(key).unwrap_or_default(), false, at))
        .collect();
    rows.extend(spent.iter().map(|(key, day)| Row::of(key, &foreign(key, day.daily), day, true, at)));
    rows
}

impl Row {
    fn of(key: &str, config: &BudgetConfig, day: &BudgetDay, foreign: bool, at: Timestamp) -> Self {
        let mut parts = key.splitn(3, '/').map(str::to_owned);
        let mut part = || parts.next().unwrap_or_default();
        let closed = day.book.is_closed();
        let budget = BudgetSnapshot::of(config, day.book.taken(), closed, &day.pace, at);
        Self { route: part(), credential: part(), counts: part(), foreign, budget, closed }
    }

    fn reserve(&self) -> Option<u32> {
        (!self.foreign).then_some(self.budget.reserve)
    }

    fn forecast(&self) -> String {
        match self.budget.empty_at {
            _ if self.closed => "empty: the source says so".into(),
            _ if self.budget.left == 0 => "empty".into(),
            Some(at) => format!("empty at {at}"),
            None => "enough".into(),
        }
    }

    fn cells(&self) -> [String; 10] {
        let budget = &self.budget;
        [
            self.route.clone(),
            self.credential.clone(),
            self.counts.clone(),
            budget.daily.to_string(),
            budget.spent.to_string(),
            self.reserve().map_or_else(String::new, |reserve| reserve.to_string()),
            budget.left.to_string(),
            format!("{:.1}", budget.per_hour),
            self.forecast(),
            budget.resets_at.to_string(),
        ]
    }

    fn json(&self) -> Value {
        let budget = &self.budget;
        json!({
            "route": self.route,
            "credential": self.credential,
            "counts": self.counts,
            "daily": budget.daily,
            "spent": budget.spent,
            "reserve": self.reserve(),
            "left": budget.left,
            "per_hour": budget.per_hour,
            "empty_at": budget.empty_at.map(|at| at.to_string()),
            "enough": budget.enough,
            "closed_by_source": self.closed,
            "resets_at": budget.resets_at.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2024-01-05T12:00:00Z.
    const NOON: Timestamp = Timestamp(1_704_456_000_000_000);

    fn day(granted: u32, daily: u32) -> BudgetDay {
        let mut day = BudgetDay::default();
        day.book.lend(granted, daily);
        day.pace.add(granted, NOON);
        day.daily = daily;
        day
    }

    #[test]
    fn what_is_configured_and_what_others_spend() {
        let config = BudgetConfig { reserve: 0.01, ..BudgetConfig::new(1000) };
        let configured = BTreeMap::from([("research-api/ab/requests".to_owned(), config)]);
        let idle = rows(&configured, BTreeMap::new(), NOON);
        assert_eq!(
            idle[0].cells().join(" "),
            "research-api ab requests 1000 0 10 1000 0.0 enough 2024-01-06T00:00:00Z"
        );
        let mut closed = day(7, 500);
        closed.book.close();
        let spent = BTreeMap::from([
            ("research-api/ab/requests".to_owned(), day(20, 900)),
            ("research-api/cd/follows".to_owned(), closed),
        ]);
        let rows = rows(&configured, spent, NOON.plus_secs(60));
        assert_eq!(rows.len(), 2);
        let json = rows[0].json();
        assert_eq!((&json["daily"], &json["spent"], &json["left"]), (&json!(1000), &json!(20), &json!(980)));
        assert_eq!((&json["per_hour"], &json["empty_at"]), (&json!(600.0), &json!("2024-01-05T13:39:00Z")));
        assert!(rows[0].forecast().starts_with("empty at 2024-01-05T13:39"), "{}", rows[0].forecast());
        assert_eq!(
            (rows[1].forecast().as_str(), rows[1].json()["reserve"].clone()),
            ("empty: the source says so", Value::Null)
        );
        assert_eq!(rows[1].json()["left"], 0);
    }

    #[test]
    fn a_day_is_that_of_the_source() {
        let spent = BTreeMap::from([("youtube/ab/units".to_owned(), day(20, 900))]);
        let rows = rows(&BTreeMap::new(), spent, NOON);
        assert_eq!((rows[0].json()["resets_at"].clone(), rows[0].budget.spent), (json!("2024-01-06T08:00:00Z"), 20));
        let text = "[youtube]\napi_key = \"AIzaSy-hush\"\ndaily_searches = 7\n";
        let file = tempfile::NamedTempFile::new().expect("temp file");
        std::fs::write(file.path(), text).expect("writes");
        let configured = configured(&Config::load(Some(file.path())).expect("loads"));
        let told: Vec<_> = configured.iter().map(|(key, budget)| (key.rsplit('/').next(), budget.daily)).collect();
        assert_eq!(told, [(Some("searches"), 7), (Some("units"), 10_000)]);
        assert!(!format!("{configured:?}").contains("hush"));
    }
}
