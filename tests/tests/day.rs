//! Twenty-four hours with the quota of the Research API, in two minutes: the real daemon under a simulated clock, killed
//! again and again. Never more requests than the quota allows, as the offline TikTok itself counts them by UTC day; all of
//! the quota used while there is work; what is stored refreshed in time.

#![allow(clippy::print_stderr, reason = "the figures are worth knowing (--nocapture)")]

use chrono::{DateTime, TimeDelta, Utc};
use std::time::{Duration, Instant};
use tidelake_sandbox::{Quota, QuotaDay, Sandbox, SandboxConfig, SimClock, TimeBase, WorldConfig};
use tidelake_tests::{Process, Stage};

/// Simulated seconds per real second: an hour in five seconds.
const SPEED: f64 = 720.0;
const QUOTA: u64 = 300;
/// What the daemon must have used of it on a day on which it was killed again and again.
const USED: f64 = 0.98;
/// Real seconds: the quota is spent over some simulated hours.
const PER_SECOND: u32 = 50;
const REGIONS: [&str; 6] = ["US", "GB", "DE", "FR", "JP", "BR"];

/// Noon: the day has two halves, with a new quota in between.
fn start() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2026-03-01T12:00:00Z").expect("an instant").to_utc()
}

fn sandbox() -> SandboxConfig {
    const DAYS: u32 = 32;
    SandboxConfig {
        world: WorldConfig {
            videos: 12_000,
            days: DAYS,
            epoch: start() - TimeDelta::days(i64::from(DAYS)),
            deleted_share: 0.3,
            private_share: 0.0,
            ..WorldConfig::default()
        },
        clock: Some(SimClock::starting_at(start(), SPEED)),
        // A batch then costs three requests: what the usual reserve, a hundredth of the quota, is enough for.
        validation_polls: 0,
        quota: Quota { requests: QUOTA, records: 100_000, time_base: TimeBase::Simulated },
        ..SandboxConfig::default()
    }
}

/// Tasks that never have enough, and the duty: to be met within six hours instead of fifteen days.
fn configuration(sandbox: &Sandbox) -> String {
    let mut text = format!(
        "[research]\nbase_url = \"{}\"\nclient_key = \"k\"\nclient_secret = \"s\"\ndaily_quota = {QUOTA}\n\
         per_second = {PER_SECOND}\n\
         [[tasks]]\nname = \"refresh\"\nconnector = \"research-api\"\nevery = \"6h\"\n\
         spec = {{ kind = \"compliance\" }}\n",
        sandbox.base_url()
    );
    for region in REGIONS {
        text.push_str(&format!(
            "[[tasks]]\nname = \"videos/{region}\"\nconnector = \"research-api\"\nevery = \"1m\"\n\
             [tasks.spec]\nkind = \"videos\"\nmax_count = 10\ntrailing_days = 30\n\
             query = {{ and = [{{ operation = \"EQ\", field_name = \"region_code\", field_values = [\"{region}\"] }}] }}\n"
        ));
    }
    text
}

/// What is waited for.
#[derive(Clone, Copy)]
enum When {
    /// So many simulated minutes after the start.
    At(i64),
    /// So many requests of the day's quota, or the end of the day.
    Spent(u64),
}

/// The daemon and the time it lives in.
struct Day<'s> {
    stage: &'s Stage,
    sandbox: &'s Sandbox,
    config: String,
    clock: String,
}

impl Day<'_> {
    fn begin(&self) -> Process {
        // Few commits: this machine is to have time for the rest.
        let environment = [("TIDELAKE_CLOCK", self.clock.as_str()), ("TIDELAKE__LAKE__COMMIT_AGE", "4s")];
        self.stage.start(&["run", "--config", &self.config], &environment)
    }

    fn wait_until(&self, when: When, daemon: &mut Process) {
        let now = || self.sandbox.clock().now();
        let day = now().date_naive();
        let comes = || match when {
            When::At(minutes) => now() >= start() + TimeDelta::minutes(minutes),
            When::Spent(requests) => now().date_naive() > day || self.sandbox.stats().quota_requests >= requests,
        };
        while !comes() {
            assert!(!daemon.ended(), "the daemon ended by itself");
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// What is not landed yet lands, without a collector.
    fn land_the_rest(&self) {
        let published = |(topic, table)| {
            let text = self.stage.done(&["tap", topic, "--once", "--last", "1000000"]);
            (topic, table, text.lines().filter(|line| line.contains("\"record\"")).count())
        };
        let expected =
            [("tiktok.video.observed", "video_observations"), ("tidelake.coverage", "coverage")].map(published);
        let mut daemon = self
            .stage
            .start(&["run", "--roles", "enrich,land", "--config", &self.config], &[("TIDELAKE_CLOCK", &self.clock)]);
        for (topic, table, expected) in expected {
            let begun = Instant::now();
            while usize::try_from(self.stage.integer(&format!("SELECT count(*) FROM {table}"))).ok() != Some(expected) {
                assert!(begun.elapsed() < Duration::from_secs(60), "{expected} messages of {topic} did not land");
            }
        }
        daemon.signal("TERM");
        assert_eq!(daemon.wait(Duration::from_secs(30)), Some(0), "drains and stops");
    }
}

#[test]
fn a_day_of_quota_is_used_up_and_never_exceeded() {
    let stage = Stage::alone();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let sandbox = runtime.block_on(Sandbox::start(sandbox())).expect("the offline TikTok starts");
    let (shown, real) = (sandbox.clock().now(), Utc::now());
    let path = stage.dir().join("tidelake.toml");
    std::fs::write(&path, configuration(&sandbox)).expect("writes the configuration");
    let config = path.to_str().expect("UTF-8").to_owned();
    let clock = format!("{}*{SPEED}@{}", shown.to_rfc3339(), real.to_rfc3339());
    let day = Day { stage: &stage, sandbox: &sandbox, config, clock };

    // While the quota is being spent, when it is spent, when it has just become free again, and in the middle of a
    // refresh.
    let mut daemon = day.begin();
    let kills = [When::Spent(60), When::Spent(150), When::At(560), When::At(724), When::Spent(100), When::At(1090)];
    for when in kills {
        day.wait_until(when, &mut daemon);
        daemon.kill();
        daemon = day.begin();
    }
    day.wait_until(When::At(24 * 60), &mut daemon);
    daemon.signal("TERM");
    assert_eq!(daemon.wait(Duration::from_secs(30)), Some(0), "drains and stops");
    day.land_the_rest();

    let stats = sandbox.stats();
    let days: Vec<QuotaDay> = stats.quota_days.values().copied().collect();
    let used = |day: &QuotaDay| day.taken as f64 / QUOTA as f64;
    let shares: Vec<String> = days.iter().map(|day| format!("{:.1} %", 100.0 * used(day))).collect();
    eprintln!("{} kills; used of the quota by day: {shares:?}; requests by kind: {:?}", kills.len(), stats.requests);
    assert_eq!(days.len(), 2, "{days:?}");
    assert!(days.iter().all(|day| day.refused == 0), "over the quota: {days:?}");
    assert!(days.iter().all(|day| used(day) >= USED), "not all of the quota was used: {shares:?}");
    assert_refreshed(&stage, &sandbox);
    let report = stage.audit();
    assert_eq!(report["balanced"], true, "{report:#}");
    runtime.block_on(sandbox.stop());
}

/// Cycle after cycle ended, each asked about every video that was stored when it began and not known to be gone, and what
/// was gone by then is marked: nothing else is.
fn assert_refreshed(stage: &Stage, sandbox: &Sandbox) {
    let cycles = stage.sql(
        "SELECT provenance['cycle'] AS cycle, min(observed_at) AS begun, \
                sum(requested) FILTER (WHERE provenance['route'] = 'validation_task/download' AND fault IS NULL) AS ids, \
                sum(requests) AS requests, max(took_ms) AS slowest_ms, bool_or(stop_reason = 'exhausted') AS done, count(fault) AS faults \
         FROM coverage WHERE provenance['task'] = 'refresh' GROUP BY provenance['cycle'] ORDER BY cycle",
    );
    eprintln!("refresh cycles: {cycles:#?}");
    let done: Vec<_> = cycles.iter().filter(|cycle| cycle["done"] == true && !cycle["ids"].is_null()).collect();
    // At 18:00, at midnight and at 6:00; the first found nothing stored.
    assert!(done.len() >= 3, "the duty was not met: {cycles:#?}");
    let number =
        |value: &serde_json::Value| value.as_i64().or_else(|| value.as_str()?.parse().ok()).unwrap_or_default();
    let (ids, requests): (i64, i64) = done
        .iter()
        .fold((0, 0), |(ids, requests), one| (ids + number(&one["ids"]), requests + number(&one["requests"])));
    let batches: usize =
        done.iter().map(|one| usize::try_from(number(&one["ids"])).unwrap_or(0).div_ceil(10_000)).sum();
    let million = requests as f64 * 100.0 / batches as f64;
    eprintln!("{ids} ids in {batches} batches for {requests} requests: {million:.0} per million ids in full batches");

    let last = done.last().and_then(|cycle| cycle["begun"].as_str()).expect("a cycle");
    let begun = DateTime::parse_from_rfc3339(last).expect("an instant").to_utc();
    let videos = stage.sql(&format!(
        "SELECT video_id, unavailable FROM videos WHERE first_observed_at < TIMESTAMP '{last}' - INTERVAL '5 hours'"
    ));
    let (mut gone, mut late) = (0, Vec::new());
    for video in &videos {
        let id: i64 = video["video_id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
        let truth = sandbox.world().video_by_id(id).expect("a video of the world");
        let (marked, then) = (!video["unavailable"].is_null(), truth.is_available(begun));
        assert!(!marked || !truth.is_available(sandbox.clock().now()), "{id} is there and was called gone");
        gone += usize::from(marked);
        if !then && !marked {
            late.push(id);
        }
    }
    eprintln!("{} videos stored before the last cycle, {gone} of them marked as gone", videos.len());
    assert!(gone >= 5, "{gone} are too few to say anything");
    assert!(late.is_empty(), "gone when the last cycle began, and not marked: {late:?}");
}
