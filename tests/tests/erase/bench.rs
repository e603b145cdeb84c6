//! A daemon that collects of somebody, and what has to be gone afterwards.

use crate::search::assert_gone;
use chrono::{DateTime, Days, Utc};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use tidelake_sandbox::{Quota, Sandbox, SandboxConfig, SimClock, WorldConfig};
use tidelake_tests::{Process, Stage, until};

const DAYS: u32 = 4;

/// An offline TikTok and a configuration that collects of it: a search, the creator's own task, and cards with pictures.
pub(crate) struct Bench {
    pub(crate) stage: Stage,
    pub(crate) runtime: tokio::runtime::Runtime,
    pub(crate) sandbox: Sandbox,
    pub(crate) config: String,
    pub(crate) handle: String,
}

impl Bench {
    pub(crate) fn set() -> Self {
        let stage = Stage::alone();
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let end: DateTime<Utc> = Utc::now().date_naive().and_time(chrono::NaiveTime::MIN).and_utc();
        let settings = SandboxConfig {
            world: WorldConfig {
                videos: 3_000,
                days: DAYS,
                epoch: end - Days::new(u64::from(DAYS)),
                deleted_share: 0.0,
                private_share: 0.0,
                ..WorldConfig::default()
            },
            clock: Some(SimClock::frozen(Utc::now())),
            quota: Quota::unlimited(),
            ..SandboxConfig::default()
        };
        let sandbox = runtime.block_on(Sandbox::start(settings)).expect("the offline TikTok starts");
        // Whoever has most videos, and some of others.
        let mut by_handle: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for index in 0..3_000 {
            let creator = sandbox.world().video(index).expect("a video").creator();
            by_handle.entry(creator.handle).or_default().push(index);
        }
        let (handle, own) = by_handle.iter().max_by_key(|(_, videos)| videos.len()).expect("a creator");
        let (handle, own) = (handle.clone(), own[0]);
        let others = (0..3_000).filter(|i| sandbox.world().video(*i).is_some_and(|v| v.creator().handle != handle));
        let chosen = std::iter::once(own).chain(others.step_by(11).take(11));
        let videos: Vec<_> = chosen.map(|i| sandbox.world().video(i).expect("a video")).collect();
        let links: Vec<String> = videos
            .iter()
            .map(|video| format!("\"https://www.tiktok.com/@{}/video/{}\"", video.creator().handle, video.id()))
            .collect();
        let (first, last) =
            ((end - Days::new(u64::from(DAYS))).format("%Y%m%d"), (end - Days::new(1)).format("%Y%m%d"));
        let search = |name: &str, every: &str, field: &str, value: &str| {
            format!(
                "[[tasks]]\nname = \"{name}\"\nconnector = \"research-api\"\n{every}\n\
                 spec = {{ kind = \"videos\", start = \"{first}\", end = \"{last}\", query = {{ and = [\
                 {{ operation = \"IN\", field_name = \"{field}\", field_values = [{value}] }}] }} }}\n"
            )
        };
        let url = sandbox.base_url();
        let text = format!(
            "[research]\nbase_url = \"{url}\"\nclient_key = \"k\"\nclient_secret = \"s\"\ndaily_quota = 4000000000\n\
             per_second = 1000\n[oembed]\nbase_url = \"{url}\"\npause = \"0ms\"\n\
             [media]\nenabled = true\nformat = \"jpeg\"\nsizes = {{ small = 96 }}\nretry_delay = \"10ms\"\n\
             [[tasks]]\nname = \"cards\"\nconnector = \"oembed\"\nspec = {{ kind = \"links\", links = [{}] }}\n{}{}",
            links.join(", "),
            search("regions", "", "region_code", "\"US\", \"GB\", \"DE\", \"FR\", \"JP\", \"BR\""),
            search("theirs", "every = \"1s\"", "username", &format!("\"{handle}\"")),
        );
        let file = stage.dir().join("tidelake.toml");
        std::fs::write(&file, text).expect("writes");
        let config = file.to_str().expect("UTF-8").to_owned();
        Self { stage, runtime, sandbox, config, handle }
    }

    pub(crate) fn start(&self) -> Process {
        let daemon = self.stage.start(&["run", "--config", &self.config], &[]);
        let (lock, holder) = (self.stage.dir().join("broker/lock"), format!("process {},", daemon.id()));
        let taken = || std::fs::read_to_string(&lock).is_ok_and(|text| text.contains(&holder));
        until("the broker is this daemon's", Duration::from_secs(30), || !self.stage.is_embedded() || taken());
        daemon
    }

    pub(crate) fn rows(&self, condition: &str) -> i64 {
        self.stage.integer(&format!("SELECT count(*) FROM video_observations WHERE {condition}"))
    }

    pub(crate) fn theirs(&self) -> i64 {
        self.rows(&format!("lower(author['handle']) = lower('{}')", self.handle))
    }

    pub(crate) fn collected(&self) -> bool {
        let done = "SELECT count(DISTINCT provenance['task']) FROM coverage WHERE stop_reason = 'exhausted'";
        self.stage.integer(done) >= 3 && self.theirs() > 2 && self.stage.integer("SELECT count(*) FROM media") >= 12
    }

    /// The receipt, whatever remains.
    pub(crate) fn erase(&self) -> Value {
        let output = self.stage.run(&[
            "erase",
            "--config",
            &self.config,
            "--creator",
            &format!("@{}", self.handle),
            "--yes",
            "--format",
            "json",
        ]);
        let receipt: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)));
        assert_eq!(output.status.success(), receipt["remains"] == serde_json::json!([]), "{receipt:#}");
        receipt
    }

    /// Nothing says who it was: no row, no file below the lake or the media store, no audit that differs.
    pub(crate) fn check(&self, ids: &[String]) {
        assert_eq!(self.theirs(), 0);
        for table in ["comments", "media", "annotations"] {
            let of_them = format!("SELECT count(*) FROM {table} WHERE CAST(video_id AS VARCHAR) IN ({})", quoted(ids));
            assert_eq!(self.stage.integer(&of_them), 0, "{table}");
        }
        let needles: Vec<&str> = ids.iter().map(String::as_str).chain([self.handle.as_str()]).collect();
        for folder in ["lake", "media"] {
            assert_gone(&self.stage.dir().join(folder), &needles);
        }
        // The broker may be the daemon's.
        let report = self.stage.done(&["audit", "--offline"]);
        assert!(report.contains("Every offset has exactly one outcome"), "{report}");
    }

    pub(crate) fn ids(&self) -> Vec<String> {
        let query = format!(
            "SELECT DISTINCT CAST(video_id AS VARCHAR) AS id FROM video_observations WHERE author['handle'] = '{}'",
            self.handle
        );
        self.stage.sql(&query).iter().filter_map(|row| row["id"].as_str().map(str::to_owned)).collect()
    }

    pub(crate) fn stop(self) {
        let Self { runtime, sandbox, .. } = self;
        runtime.block_on(sandbox.stop());
    }
}

fn quoted(ids: &[String]) -> String {
    ids.iter().map(|id| format!("'{id}'")).collect::<Vec<_>>().join(", ")
}
