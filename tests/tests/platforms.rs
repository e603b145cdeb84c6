//! Three platforms, one daemon, the same tables.

use serde_json::Value;
use std::time::{Duration, Instant};
use tidelake_sandbox::{Sandbox, SandboxConfig, SimClock, World, WorldConfig};
use tidelake_tests::Stage;

/// Secrets that nothing may show.
const KEY: &str = "AIzaSy-hush-hush";
const TOKEN: &str = "EAAG-hush-hush";

struct Platforms {
    stage: Stage,
    runtime: tokio::runtime::Runtime,
    sandbox: Sandbox,
    config: String,
}

impl Platforms {
    fn set() -> Self {
        let stage = Stage::alone();
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let world = World::new(WorldConfig { videos: 1_500, creators: 60, days: 6, ..WorldConfig::default() });
        let world = world.expect("a world");
        let settings = SandboxConfig {
            world: world.config().clone(),
            clock: Some(SimClock::frozen(world.end())),
            youtube_key: Some(KEY.into()),
            graph_token: Some(TOKEN.into()),
            ..SandboxConfig::default()
        };
        let sandbox = runtime.block_on(Sandbox::start(settings)).expect("the offline platforms start");
        let key = stage.dir().join("youtube.key");
        std::fs::write(&key, format!("{KEY}\n")).expect("writes the key");
        let (base, handle) = (sandbox.base_url(), world.creator(0).expect("a creator").handle);
        let text = format!(
            r#"
[research]
base_url = "{base}"
client_key = "k"
client_secret = "s"
[youtube]
base_url = "{base}"
api_key_file = {key:?}
[facebook]
base_url = "{base}/graph"
access_token = "{TOKEN}"
[[tasks]]
name = "tiktok"
connector = "research-api"
[tasks.spec]
kind = "videos"
start = "{start}"
end = "{end}"
query = {{ and = [{{ operation = "EQ", field_name = "username", field_values = ["{handle}"] }}] }}
[[tasks]]
name = "facebook"
connector = "facebook"
spec = {{ kind = "page", limit = 30 }}
"#,
            start = world.config().epoch.format("%Y%m%d"),
            end = world.end().format("%Y%m%d"),
        );
        let config = stage.dir().join("tidelake.toml");
        std::fs::write(&config, text).expect("writes the configuration");
        let config = config.to_str().expect("UTF-8").to_owned();
        Self { stage, runtime, sandbox, config }
    }

    fn done(&self, arguments: &[&str]) -> String {
        self.stage.done(&[&["--config", &self.config], arguments].concat())
    }

    /// Records that the ledger tells of and the tables do not have.
    fn missing(&self) -> i64 {
        self.stage.integer(
            "SELECT (SELECT sum(got) FROM coverage) - (SELECT count(*) FROM video_observations)
                    - (SELECT count(*) FROM creator_observations)",
        )
    }

    /// Until every task has said in the ledger that there is no more, and what it got has landed: videos take a longer way
    /// than the ledger.
    fn wait_for(&self, tasks: &[&str]) {
        let begun = Instant::now();
        let query = "SELECT task FROM coverage_by_task WHERE last_stop IN ('exhausted', 'limit')";
        loop {
            let ended = self.stage.sql(query);
            let has = |task: &&&str| ended.iter().any(|row| row["task"] == **task);
            if tasks.iter().filter(has).count() == tasks.len() && self.missing() == 0 {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(90), "only {ended:?} ended, {} are missing", self.missing());
        }
    }
}

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap_or_else(|| panic!("{name} is no text: {row}"))
}

#[test]
fn three_platforms_share_the_tables() {
    let platforms = Platforms::set();
    let creator = platforms.sandbox.world().creator(0).expect("a creator");
    let mut daemon = platforms.stage.start(&["run", "--config", &platforms.config], &[]);
    platforms.stage.wait_for_embedded_broker();
    let handle = format!("@{}", creator.handle);
    platforms.done(&["sources", "add", "creator", &handle, "--connector", "youtube", "--limit", "60"]);
    let name = format!("youtube/creator/{}", creator.handle);
    platforms.wait_for(&["tiktok", "facebook", &name]);

    let counts = platforms.stage.sql("SELECT platform, count(*) AS n FROM videos GROUP BY 1 ORDER BY 1");
    let named: Vec<_> = counts.iter().map(|row| text(row, "platform")).collect();
    assert_eq!(named, ["facebook", "tiktok", "youtube"], "{counts:?}");
    for row in platforms.stage.sql("SELECT platform, kind, video_id, native_id, url FROM videos") {
        let (id, url) = (text(&row, "video_id"), text(&row, "url"));
        assert!(id.parse::<i64>().is_ok(), "ids are texts of digits: {row}");
        let expected = match (text(&row, "platform"), row["kind"].as_str().unwrap_or_default()) {
            ("tiktok", _) => format!("https://www.tiktok.com/@{}/video/{id}", creator.handle),
            ("youtube", _) => {
                let video = platforms.sandbox.world().video_by_id(id.parse().expect("a number")).expect("a video");
                format!("https://www.youtube.com/watch?v={}", video.youtube_id())
            }
            (_, "video") => format!("https://www.facebook.com/watch/?v={id}"),
            (_, "reel") => format!("https://www.facebook.com/reel/{id}"),
            (_, _) => format!("https://www.facebook.com/{}", text(&row, "native_id")),
        };
        assert_eq!(url, expected);
    }
    let query = "SELECT platform, native_id FROM creators WHERE native_id IS NOT NULL";
    let [channel] = &platforms.stage.sql(query)[..] else { panic!("one channel") };
    assert_eq!(text(channel, "native_id"), creator.youtube_channel());
    daemon.signal("TERM");
    assert_eq!(daemon.wait(Duration::from_secs(30)), Some(0), "drains and stops");
    let report = platforms.stage.audit();
    assert_eq!(report["balanced"], true, "{report:#}");
    let everything = platforms.stage.sql("SELECT * FROM coverage");
    assert!(!format!("{everything:?}").contains("hush"), "a secret is in the ledger");
    platforms.runtime.block_on(platforms.sandbox.stop());
}

#[test]
fn sources_of_other_platforms_are_checked_before_they_are_declared() {
    let platforms = Platforms::set();
    let add = |arguments: &[&str]| {
        let all = [&["--config", &platforms.config, "sources", "add", "--dry-run"], arguments].concat();
        let output = platforms.stage.run(&all);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.success(), format!("{out}{err}"))
    };
    let (good, told) = add(&["keyword", "skincare", "--connector", "youtube", "--limit", "50"]);
    assert!(good && told.contains("youtube/keyword/skincare: youtube") && told.contains("\"limit\":50"), "{told}");
    let (good, told) = add(&["creator", "some.page", "--connector", "facebook"]);
    assert!(good && told.contains("\"kind\":\"page\""), "{told}");
    for (arguments, why) in [
        (["sound", "7", "--connector", "youtube"], "keyword"),
        (["comments", "x", "--connector", "youtube"], "no video"),
        (["creator", "a/b", "--connector", "facebook"], "no page"),
    ] {
        let (good, told) = add(&arguments);
        assert!(!good && told.contains(why), "{arguments:?}: {told}");
    }
    let (good, told) = {
        let environment = [("TIDELAKE__PROFILE", "donation")];
        let arguments = ["--config", &platforms.config, "check"];
        let output = platforms.stage.run_with(&arguments, &environment);
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert!(!good && told.contains("the route `facebook` is not in profile `donation`"), "{told}");
}
