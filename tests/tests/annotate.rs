//! Captions that an external model is asked about: from the offline TikTok, past a scripted model, into the table.

use chrono::Utc;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;
use tidelake_sandbox::model::{ChatModel, GOOD, Reply};
use tidelake_sandbox::{Sandbox, SandboxConfig, SimClock, WorldConfig};
use tidelake_tests::{Process, Stage, until};
use tokio::runtime::Runtime;

const KEY: &str = "sk-hush-hush-never-seen";
const PATIENCE: Duration = Duration::from_secs(90);

struct Bench {
    stage: Stage,
    runtime: Runtime,
    sandbox: Sandbox,
    model: ChatModel,
    config: String,
    log: PathBuf,
    videos: i64,
}

impl Bench {
    /// A sandbox, a model, and a task that asks for the cards of so many links, once or every so often.
    fn set(stage: Stage, videos: i64, every: &str) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let world =
            WorldConfig { videos: 2_000, days: 6, deleted_share: 0.0, private_share: 0.0, ..WorldConfig::default() };
        let clock = Some(SimClock::frozen(Utc::now()));
        let settings = SandboxConfig { world, clock, ..SandboxConfig::default() };
        let sandbox = runtime.block_on(Sandbox::start(settings)).expect("the offline TikTok starts");
        let model = runtime.block_on(ChatModel::start([])).expect("the model starts");
        let link = |index: i64| {
            let video = sandbox.world().video(index.unsigned_abs() * 7).expect("a video");
            format!("\"https://www.tiktok.com/@{}/video/{}\"", video.creator().handle, video.id())
        };
        let links: Vec<String> = (0..videos).map(link).collect();
        let key = stage.dir().join("model.key");
        std::fs::write(&key, KEY).expect("writes");
        let text = format!(
            "[oembed]\nbase_url = \"{}\"\npause = \"0ms\"\n\
             [external_model]\nenabled = true\nbase_url = \"{}\"\nmodel = \"m\"\napi_key_file = {key:?}\n\
             per_minute = 60000\nconcurrency = 2\nattempts = 2\n\
             [[tasks]]\nname = \"cards\"\nconnector = \"oembed\"\n{every}\n\
             spec = {{ kind = \"links\", links = [{}] }}\n",
            sandbox.base_url(),
            model.base_url(),
            links.join(", ")
        );
        let file = stage.dir().join("tidelake.toml");
        std::fs::write(&file, text).expect("writes");
        let (config, log) = (file.to_str().expect("UTF-8").to_owned(), stage.dir().join("log"));
        Self { stage, runtime, sandbox, model, config, log, videos }
    }

    fn start(&self, roles: &[&str]) -> Process {
        let arguments = [&["run", "--config", &self.config], roles].concat();
        self.stage.start_logged(&arguments, &[("RUST_LOG", "debug")], &self.log)
    }

    fn rows(&self) -> i64 {
        self.stage.integer("SELECT count(*) FROM annotations")
    }

    /// Videos whose captions are long enough, once all have landed.
    fn wanted(&self) -> i64 {
        let all = || self.stage.integer("SELECT count(DISTINCT video_id) FROM video_observations");
        until("all videos land", PATIENCE, || all() == self.videos);
        let rows = self.stage.sql("SELECT video_id, caption FROM videos");
        let letters = |row: &serde_json::Value| {
            row["caption"].as_str().unwrap_or_default().chars().filter(|c| c.is_alphabetic()).count()
        };
        let wanted = rows.iter().filter(|row| letters(row) >= 20).count();
        assert!(wanted > 5 && wanted < rows.len(), "{wanted} of {} captions are long enough", rows.len());
        i64::try_from(wanted).expect("a number")
    }

    fn asked(&self) -> usize {
        self.model.asked().len()
    }

    /// Each question has one answer, nothing is doubled, every offset has an outcome, and the key is nowhere.
    fn check(self, wanted: i64) {
        let rows = self.stage.sql(
            "SELECT event_id, question_id, video_id, status, answer, error, caption_hash, zone, caption
             FROM (SELECT *, provenance['zone'] AS zone FROM annotations) JOIN
                  (SELECT video_id AS id, caption FROM videos) ON video_id = id",
        );
        let distinct = |column: &str| rows.iter().filter_map(|row| row[column].as_str()).collect::<BTreeSet<_>>().len();
        assert_eq!((rows.len(), distinct("event_id")), (usize::try_from(wanted).expect("a number"), rows.len()));
        assert_eq!((distinct("question_id"), distinct("video_id")), (rows.len(), rows.len()));
        let good: serde_json::Value = serde_json::from_str(GOOD).expect("JSON");
        for row in &rows {
            assert!(row["status"] == "answered" && row["zone"] == "oembed" && row["error"].is_null(), "{row}");
            let answer = serde_json::from_str::<serde_json::Value>(row["answer"].as_str().expect("an answer"));
            assert_eq!(answer.expect("JSON"), good);
        }
        assert_eq!(self.stage.integer("SELECT count(*) FROM caption_annotations"), wanted);
        let report = self.stage.audit();
        assert_eq!(report["balanced"], true, "{report:#}");
        assert!(report["tables"]["annotations"]["rows_in_table"] == wanted, "{report:#}");
        let video = rows[0]["video_id"].as_str().expect("an id");
        assert!(self.stage.done(&["why", video]).contains("was asked about its captions 1 time(s)"));
        assert!(self.model.asked().iter().all(|asked| asked.authorization == format!("Bearer {KEY}")));
        let topic = self.stage.done(&["tap", "tidelake.annotations", "--once", "--last", "1000"]);
        let table = self.stage.done(&["sql", "--format", "json", "SELECT * FROM annotations"]);
        let log = std::fs::read_to_string(&self.log).expect("a log");
        assert!(topic.contains("question_id") && log.contains("annotate"));
        for (what, text) in [("the topic", topic), ("the table", table), ("the log", log)] {
            assert!(!text.contains("sk-hush"), "the key is in {what}");
        }
        let Self { runtime, sandbox, .. } = self;
        runtime.block_on(sandbox.stop());
    }
}

fn stop(mut daemon: Process) {
    daemon.signal("TERM");
    assert_eq!(daemon.wait(Duration::from_secs(30)), Some(0), "drains and stops");
}

#[test]
fn a_caption_is_asked_about_once_whatever_is_observed_again() {
    let bench = Bench::set(Stage::alone(), 40, "every = \"1s\"");
    let cycles = || bench.stage.integer("SELECT count(*) FROM coverage WHERE stop_reason = 'exhausted'");
    let daemon = bench.start(&[]);
    bench.stage.wait_for_embedded_broker();
    let wanted = bench.wanted();
    until("every caption is answered", PATIENCE, || bench.rows() >= wanted);
    let (before, asked) = (cycles(), bench.asked());
    until("two more cycles", PATIENCE, || cycles() >= before + 2);
    assert_eq!((bench.rows(), bench.asked()), (wanted, asked), "later cycles ask nothing");
    stop(daemon);
    // A restart knows what has landed.
    let before = cycles();
    let daemon = bench.start(&[]);
    until("two cycles after a restart", PATIENCE, || cycles() >= before + 2);
    stop(daemon);
    assert_eq!(bench.asked(), asked, "nothing is asked again");
    bench.check(wanted);
}

#[test]
fn a_kill_in_the_middle_loses_and_doubles_nothing() {
    let bench = Bench::set(Stage::set(), 60, "");
    let slow = Reply { takes: Duration::from_millis(80), ..Reply::completion(GOOD) };
    bench.model.answer_with(Some(slow));
    let others = bench.start(&["--roles", "collect,enrich,land"]);
    for at in [4, 12, 20] {
        let mut annotate = bench.start(&["--roles", "annotate"]);
        until("some are asked about", PATIENCE, || bench.asked() >= at);
        annotate.kill();
    }
    let wanted = bench.wanted();
    let annotate = bench.start(&["--roles", "annotate"]);
    until("the rest", PATIENCE, || bench.rows() >= wanted);
    stop(annotate);
    stop(others);
    bench.check(wanted);
}

#[test]
fn while_the_endpoint_is_in_trouble_captions_wait_and_the_rest_goes_on() {
    let bench = Bench::set(Stage::alone(), 40, "");
    // Endpoints like to quote the key.
    bench
        .model
        .answer_with(Some(Reply { retry_after: Some("1"), ..Reply::refusal(429, &format!("{KEY}: slow down")) }));
    let daemon = bench.start(&[]);
    bench.stage.wait_for_embedded_broker();
    until("the endpoint throttles", PATIENCE, || bench.asked() >= 2);
    bench.model.answer_with(Some(Reply::refusal(500, &format!("Incorrect API key provided: {KEY}"))));
    let wanted = bench.wanted();
    let asked = bench.asked();
    until("the endpoint is asked again", PATIENCE, || bench.asked() >= asked + 4);
    assert_eq!(bench.rows(), 0, "nothing has failed");
    stop(daemon);
    assert_eq!(bench.rows(), 0, "captions wait in the log");
    bench.model.answer_with(None);
    let daemon = bench.start(&[]);
    until("every caption is answered", PATIENCE, || bench.rows() >= wanted);
    stop(daemon);
    bench.check(wanted);
}

#[test]
fn check_says_whose_captions_stay_here() {
    let stage = Stage::alone();
    let config = stage.dir().join("tidelake.toml");
    let run = |command: &[&str], more: &str| {
        let research = "[research]\nclient_key = \"k\"\nclient_secret = \"s\"\n\
                        [[tasks]]\nname = \"r\"\nconnector = \"research-api\"\n\
                        spec = { kind = \"user\", usernames = [\"a\"] }\n";
        std::fs::write(&config, format!("{research}{more}")).expect("writes");
        let output = stage.run(&[command, &["--config", config.to_str().expect("UTF-8")]].concat());
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    };
    let remote = "[external_model]\nenabled = true\nbase_url = \"https://models.example/v1\"\nmodel = \"m\"\n";
    let (good, text) = run(&["check"], remote);
    assert!(good && text.contains("annotate: no caption of zone research") && text.contains("third parties"), "{text}");
    let (good, text) = run(&["check", "--offline"], &format!("{remote}allow_zones = [\"research\"]\n"));
    assert!(!good && text.contains("external_model.allow_zones") && text.contains("acknowledgement"), "{text}");
    let words = "allow_zones = [\"research\"]\nacknowledgement = { approval = \"contract 7\" }\n";
    let (good, text) = run(&["check"], &format!("{remote}{words}"));
    assert!(good && text.contains("annotate: captions are asked about at https://models.example/v1"), "{text}");
    let (good, text) = run(&["run", "--roles", "annotate"], "");
    assert!(!good && text.contains("[external_model]"), "{text}");
}
