//! The daily quota over real processes: remembered when they are killed, shared when they are many, never exceeded as
//! the sandbox counts it.

#![allow(clippy::print_stderr, reason = "a test that cannot be run says why")]

use chrono::{NaiveDate, TimeDelta, Utc};
use serde_json::Value;
use std::time::{Duration, Instant};
use tidelake_sandbox::{Endpoint, FaultKind, FaultPlan, FaultRule, Sandbox, SandboxConfig, SimClock, WorldConfig};
use tidelake_tests::Stage;

const DAILY: u64 = 120;
/// A tenth of it is kept for batch compliance.
const NORMAL: u64 = 108;
const CLIENT_KEY: &str = "hush-client-key";
const REGIONS: [&str; 6] = ["US", "GB", "DE", "FR", "JP", "BR"];
const PATIENCE: Duration = Duration::from_secs(120);

/// A world with more pages than a day has requests; slow answers leave time to kill.
fn settings() -> SandboxConfig {
    let slow = FaultRule { millis: Some(30), ..FaultRule::with_probability(FaultKind::SlowAnswer, 1.0) };
    let world = WorldConfig { videos: 10_000, days: 6, ..WorldConfig::default() };
    let end = world.epoch + TimeDelta::days(6);
    let faults = FaultPlan::of([slow.at(Endpoint::VideoQuery)]);
    SandboxConfig { world, clock: Some(SimClock::frozen(end)), faults, ..SandboxConfig::default() }
}

fn configuration(sandbox: &Sandbox) -> String {
    let world = sandbox.world().config();
    let (first, last) = (world.epoch.format("%Y%m%d"), (world.epoch + TimeDelta::days(5)).format("%Y%m%d"));
    let mut text = format!(
        "[research]\nbase_url = \"{}\"\nclient_key = \"{CLIENT_KEY}\"\nclient_secret = \"s\"\n\
         daily_quota = {DAILY}\nreserve = 0.1\nper_second = 1000\n",
        sandbox.base_url()
    );
    for region in REGIONS {
        text.push_str(&format!(
            "[[tasks]]\nname = \"quota/{region}\"\nconnector = \"research-api\"\n[tasks.spec]\nkind = \"videos\"\n\
             max_count = 1\nstart = \"{first}\"\nend = \"{last}\"\n\
             query = {{ and = [{{ operation = \"EQ\", field_name = \"region_code\", field_values = [\"{region}\"] }}] }}\n"
        ));
    }
    text
}

/// A stage, the offline TikTok, and what it counts.
struct Play {
    stage: Stage,
    sandbox: Sandbox,
    config: String,
    day: NaiveDate,
    runtime: tokio::runtime::Runtime,
}

impl Play {
    fn on(stage: Stage) -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let sandbox = runtime.block_on(Sandbox::start(settings())).expect("the offline TikTok starts");
        let config = stage.dir().join("quota.toml");
        std::fs::write(&config, configuration(&sandbox)).expect("writes");
        let config = config.to_str().expect("UTF-8").to_owned();
        Self { stage, sandbox, config, day: Utc::now().date_naive(), runtime }
    }

    fn start(&self) -> tidelake_tests::Process {
        self.stage.start(&["run", "--roles", "collect", "--config", &self.config], &[])
    }

    /// Starts a collector, and awaits that it has begun: before, it and a command would both want the data directory.
    fn begin(&self) -> tidelake_tests::Process {
        let tokens = |play: &Self| play.sandbox.stats().requests.get(&Endpoint::Token).copied().unwrap_or(0);
        let before = tokens(self);
        let process = self.start();
        self.wait("no token is asked for", |play| tokens(play) > before);
        process
    }

    /// What the source counts.
    fn counted(&self) -> u64 {
        self.sandbox.stats().quota_requests
    }

    fn wait(&self, what: &str, mut until: impl FnMut(&Self) -> bool) {
        let begun = Instant::now();
        while !until(self) {
            assert!(begun.elapsed() < PATIENCE, "{what}: {} requests", self.counted());
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// The common budget, as the command tells it.
    fn quota(&self) -> Value {
        let text = self.stage.done(&["--config", &self.config, "quota", "--format", "json"]);
        assert!(!text.contains(CLIENT_KEY), "{text}");
        let rows: Vec<Value> = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
        rows.into_iter().find(|row| row["counts"] == "requests").expect("the common budget")
    }

    fn spent(&self) -> u64 {
        self.quota()["spent"].as_u64().expect("a number")
    }

    /// At midnight everything is free again, and nothing can be said.
    fn is_another_day(&self) -> bool {
        let other = Utc::now().date_naive() != self.day;
        if other {
            eprintln!("skipped: midnight passed while the test ran");
        }
        other
    }

    /// Everything is spent but the reserve.
    fn wait_for_the_end(&self) {
        self.wait("not all is spent", |play| play.spent() == NORMAL);
        let quota = self.quota();
        assert_eq!((&quota["daily"], &quota["left"], &quota["reserve"]), (&120.into(), &12.into(), &12.into()));
        assert!(quota["per_hour"].as_f64().is_some_and(|rate| rate > 0.0), "{quota}");
    }

    fn over(self) {
        self.runtime.block_on(self.sandbox.stop());
    }
}

#[test]
fn what_was_spent_is_remembered_whatever_ends_the_process() {
    let play = Play::on(Stage::alone());
    let idle = play.quota();
    assert_eq!((&idle["spent"], &idle["enough"]), (&0.into(), &true.into()), "{idle}");

    let mut daemon = play.begin();
    play.wait("nothing is asked", |play| play.counted() >= 20);
    daemon.kill();
    let (counted, spent) = (play.counted(), play.spent());
    // Each of the four lanes may have had a request under way when it was killed, and one more may have been leased.
    assert!((counted..=counted + 5).contains(&spent), "stopped: {counted} counted, {spent} remembered");

    let mut daemon = play.begin();
    play.wait("it does not go on", |play| play.counted() >= counted + 20);
    assert!(play.spent() > spent, "the running daemon is asked");
    daemon.signal("TERM");
    assert_eq!(daemon.wait(Duration::from_secs(30)), Some(0), "drains and stops");
    let (counted, spent) = (play.counted(), play.spent());
    assert!((counted..=counted + 3).contains(&spent), "stopped: {counted} counted, {spent} remembered");

    let mut daemon = play.begin();
    play.wait_for_the_end();
    daemon.kill();
    // A new task of a new process finds nothing left, and does not ask.
    let fresh =
        ["--config", &play.config, "sources", "add", "hashtag", "fyp", "--name", "fresh", "--trailing-days", "3"];
    play.stage.done(&fresh);
    let mut daemon = play.begin();
    play.wait("the new task does not wait for the reset", |play| {
        let text = play.stage.done(&["--config", &play.config, "sources", "list", "--format", "json"]);
        let list: Vec<Value> = serde_json::from_str(&text).expect("JSON");
        let fresh = list.iter().find(|source| source["name"] == "fresh").expect("the new task");
        fresh["state"].as_str().is_some_and(|state| state.contains("T00:00:00Z"))
    });
    daemon.kill();
    if !play.is_another_day() {
        let counted = play.counted();
        assert!((NORMAL - 3..=NORMAL).contains(&counted), "{counted} of {NORMAL} requests");
        assert_eq!(play.sandbox.stats().answers.get(&429), None, "the source never had to refuse");
        assert_eq!(play.spent(), NORMAL);
    }
    let leases = play.stage.done(&["tap", "tidelake.budgets", "--once", "--last", "1000"]);
    assert!(leases.contains("\"share\"") && !leases.contains(CLIENT_KEY), "{leases}");
    let table = play.stage.done(&["--config", &play.config, "quota"]);
    assert!(table.contains("research-api") && table.contains("follows") && table.contains("20000"), "{table}");
    play.over();
}

#[test]
fn processes_that_share_a_credential_share_its_quota() {
    let play = Play::on(Stage::set());
    let mut processes: Vec<_> = (0..3).map(|_| play.start()).collect();
    play.wait("nothing is asked", |play| play.counted() >= 20);
    processes[0].kill();
    play.wait_for_the_end();
    for process in &mut processes[1..] {
        process.signal("TERM");
        assert_eq!(process.wait(Duration::from_secs(30)), Some(0), "drains and stops");
    }
    if !play.is_another_day() {
        let counted = play.counted();
        assert!((NORMAL - 4..=NORMAL).contains(&counted), "{counted} of {NORMAL} requests");
        assert_eq!(play.sandbox.stats().answers.get(&429), None, "the source never had to refuse");
    }
    play.over();
}
