//! Thumbnails of a list of links, from the offline TikTok to files that anybody can open, each once.

use chrono::Utc;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tidelake_sandbox::{Endpoint, FaultKind, FaultPlan, FaultRule, Sandbox, SandboxConfig, SimClock, WorldConfig};
use tidelake_tests::Stage;
use tokio::runtime::Runtime;

const SIZES: [(&str, u32); 2] = [("large", 288), ("small", 96)];

struct Bench {
    stage: Stage,
    runtime: Runtime,
    sandbox: Sandbox,
    config: String,
    videos: usize,
}

impl Bench {
    /// A sandbox, and a task that asks for the cards of so many links every second.
    fn set(videos: usize, faults: impl IntoIterator<Item = FaultRule>) -> Self {
        let stage = Stage::alone();
        let runtime = Runtime::new().expect("a runtime");
        // Addresses say until when they are good, and the daemon's clock is the real one; the videos are always the same.
        let world =
            WorldConfig { videos: 2_000, days: 6, deleted_share: 0.0, private_share: 0.0, ..WorldConfig::default() };
        let clock = Some(SimClock::frozen(Utc::now()));
        let settings = SandboxConfig { world, clock, faults: FaultPlan::of(faults), ..SandboxConfig::default() };
        let sandbox = runtime.block_on(Sandbox::start(settings)).expect("the offline TikTok starts");
        let link = |index| {
            let video = sandbox.world().video(index as u64 * 7).expect("a video");
            format!("\"https://www.tiktok.com/@{}/video/{}\"", video.creator().handle, video.id())
        };
        let links: Vec<String> = (0..videos).map(link).collect();
        let text = format!(
            "[oembed]\nbase_url = \"{}\"\npause = \"0ms\"\n\
             [media]\nenabled = true\nformat = \"jpeg\"\nsizes = {{ large = 288, small = 96 }}\nretry_delay = \"10ms\"\n\
             [[media.overlay]]\nwords = [\"#\"]\nproduct = \"Glow Serum\"\nprice = \"€ 24,90\"\n\
             [[tasks]]\nname = \"cards\"\nconnector = \"oembed\"\nevery = \"1s\"\n\
             spec = {{ kind = \"links\", links = [{}] }}\n",
            sandbox.base_url(),
            links.join(", ")
        );
        let file = stage.dir().join("tidelake.toml");
        std::fs::write(&file, text).expect("writes");
        let config = file.to_str().expect("UTF-8").to_owned();
        Self { stage, runtime, sandbox, config, videos }
    }

    fn start(&self) -> tidelake_tests::Process {
        self.stage.start(&["run", "--config", &self.config], &[])
    }

    fn count(&self, condition: &str) -> i64 {
        self.stage.integer(&format!("SELECT count(*) FROM media WHERE {condition}"))
    }

    fn wait(&self, what: &str, until: impl Fn() -> bool) {
        let begun = Instant::now();
        while !until() {
            let rows = self.stage.sql("SELECT status, reason, count(*) AS n FROM media GROUP BY status, reason");
            assert!(begun.elapsed() < Duration::from_secs(90), "{what}: {rows:?}");
        }
    }

    fn cycles(&self) -> i64 {
        self.stage.integer("SELECT count(*) FROM coverage WHERE stop_reason = 'exhausted'")
    }

    fn fetched(&self) -> u64 {
        self.sandbox.stats().requests.get(&Endpoint::Media).copied().unwrap_or(0)
    }

    /// The stored files that are no notes.
    fn files(&self) -> BTreeSet<PathBuf> {
        let mut found = BTreeSet::new();
        let folders = std::fs::read_dir(self.stage.dir().join("media/sha256")).expect("a store");
        for folder in folders {
            for file in std::fs::read_dir(folder.expect("a folder").path()).expect("lists") {
                let path = file.expect("a file").path();
                if path.extension().is_some_and(|extension| extension != "json") {
                    found.insert(path);
                }
            }
        }
        found
    }

    /// Every row is as it should be: each once, and what it says of its file is true.
    fn check(&self) {
        let rows = self
            .stage
            .sql("SELECT event_id, variant, status, format, width, height, bytes, sha256, path, source_url FROM media");
        let ids: BTreeSet<&str> = rows.iter().filter_map(|row| row["event_id"].as_str()).collect();
        assert_eq!(ids.len(), rows.len(), "rows were doubled");
        let mut paths = BTreeSet::new();
        for row in &rows {
            let path = self.stage.dir().join(row["path"].as_str().unwrap_or_else(|| panic!("{row}")));
            let file = std::fs::read(&path).expect("is stored");
            let picture = image::load_from_memory(&file).expect("decodes");
            let width = SIZES.iter().find(|(name, _)| row["variant"] == *name).expect("a size").1;
            assert_eq!((picture.width(), picture.height()), (width, width * 1024 / 576), "{row}");
            assert_eq!((row["width"].as_u64(), row["format"].as_str()), (Some(width.into()), Some("jpeg")));
            assert_eq!(
                row["bytes"].as_str().map_or(row["bytes"].as_u64(), |n| n.parse().ok()),
                Some(file.len() as u64)
            );
            assert!(path.ends_with(format!("{}.jpeg", row["sha256"].as_str().expect("a hash"))), "{row}");
            assert!(!row["source_url"].to_string().contains('?'), "a signature is kept: {row}");
            paths.insert(path);
        }
        assert_eq!(paths, self.files(), "files without rows, or the other way round");
        let stored = rows.iter().filter(|row| row["status"] == "stored").count();
        assert_eq!(stored, paths.len(), "each file is stored by one event");
        let report = self.stage.audit();
        assert_eq!(report["balanced"], true, "{report:#}");
    }

    fn stop(self, mut daemon: tidelake_tests::Process) {
        daemon.signal("TERM");
        assert_eq!(daemon.wait(Duration::from_secs(30)), Some(0), "drains and stops");
        self.check();
        let Self { runtime, sandbox, .. } = self;
        runtime.block_on(sandbox.stop());
    }
}

#[test]
fn thumbnails_are_stored_once_whatever_is_asked_again() {
    let bench = Bench::set(40, []);
    let rows = i64::try_from(bench.videos * SIZES.len()).expect("a number");
    let daemon = bench.start();
    bench.stage.wait_for_embedded_broker();
    bench.wait("the first cycle", || bench.count("true") >= rows);
    let cycles = bench.cycles();
    bench.wait("two more cycles", || bench.cycles() >= cycles + 2);
    assert_eq!(bench.count("true"), rows, "later cycles store nothing");
    assert!(bench.count("status = 'duplicate'") > 0, "some covers of the sandbox are equal");
    assert_eq!(bench.count("status NOT IN ('stored', 'duplicate')"), 0);
    assert_eq!(bench.fetched(), bench.videos as u64, "each file is fetched once for all sizes and cycles");
    let listed = bench.stage.done(&["media", "--summary", "--format", "csv"]);
    assert!(listed.contains("thumbnail,large,stored,"), "{listed}");
    assert!(bench.stage.done(&["media", "--status", "duplicate"]).contains("duplicate"));
    bench.stop(daemon);
}

#[test]
fn a_kill_in_the_middle_loses_and_doubles_nothing() {
    let slow = FaultRule { millis: Some(60), ..FaultRule::with_probability(FaultKind::SlowAnswer, 1.0) };
    let bench = Bench::set(60, [slow.at(Endpoint::Media)]);
    let rows = i64::try_from(bench.videos * SIZES.len()).expect("a number");
    for at in [5, 20, 35] {
        let mut daemon = bench.start();
        let begun = Instant::now();
        while bench.fetched() < at {
            assert!(begun.elapsed() < Duration::from_secs(60), "{} fetched", bench.fetched());
            std::thread::park_timeout(Duration::from_millis(5));
        }
        daemon.kill();
    }
    let daemon = bench.start();
    bench.stage.wait_for_embedded_broker();
    bench.wait("the rest", || bench.count("true") >= rows);
    let cycles = bench.cycles();
    bench.wait("another cycle", || bench.cycles() > cycles);
    assert_eq!(bench.count("true"), rows);
    bench.stop(daemon);
}

#[test]
fn without_a_source_that_may_bring_media_the_check_says_why() {
    let stage = Stage::alone();
    let config = stage.dir().join("tidelake.toml");
    let check = |media: &str, task: &str| {
        std::fs::write(&config, format!("[research]\nclient_key = \"k\"\nclient_secret = \"s\"\n{media}\n{task}"))
            .expect("writes");
        let output = stage.run(&["check", "--offline", "--config", config.to_str().expect("UTF-8")]);
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let research =
        "[[tasks]]\nname = \"r\"\nconnector = \"research-api\"\nspec = { kind = \"user\", usernames = [\"a\"] }\n";
    let (good, why) = check("[media]\nenabled = true", research);
    assert!(!good && why.contains("media.enabled: no task may bring") && why.contains("zone research"), "{why}");
    let wrong =
        "[media]\nenabled = true\nquality = 101\nparallel = 0\nformat = \"bmp\"\nsizes = { original = 5 }\nsizs = 1";
    let (_, why) = check(wrong, "");
    assert!(why.contains("media") && why.contains("bmp") && why.contains("webp"), "{why}");
    let wrong = "[media]\nenabled = true\nquality = 101\nparallel = 0\nkeep = []\nsizes = { original = 5 }\nstore = \"/l\"\n\
                 [[media.overlay]]\nwords = [\"\"]\n[lake]\nlocation = \"/l/\"";
    let (_, why) = check(wrong, "");
    for path in ["quality", "parallel", "keep", "sizes.original", "store", "overlay[0].words", "overlay[0]:"] {
        assert!(why.contains(&format!("media.{path}")), "{path}: {why}");
    }
}
