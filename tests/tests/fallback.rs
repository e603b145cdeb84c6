//! A route that refuses us is left, the next allowed one is taken, and the ledger says so; over a restart, too.

use std::time::Duration;
use tidelake_sandbox::{Endpoint, FaultKind, FaultPlan, FaultRule, Sandbox, SandboxConfig, World, WorldConfig};
use tidelake_tests::{Stage, until};

const PATIENCE: Duration = Duration::from_secs(90);
const REST: Duration = Duration::from_secs(20);

#[test]
fn a_blocked_route_is_left_until_its_rest_is_over() {
    let stage = Stage::alone();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let world = WorldConfig { videos: 2_000, creators: 200, ..WorldConfig::default() };
    let end = World::new(world.clone()).expect("a world").end();
    let faults = FaultPlan::of([FaultRule::next(FaultKind::HtmlPage, 99).at(Endpoint::VideoPage)]);
    let settings = SandboxConfig { world, faults, ..SandboxConfig::default() };
    let sandbox = runtime.block_on(Sandbox::start(settings)).expect("the offline TikTok starts");
    let seen: Vec<String> = (0..2_000)
        .filter_map(|n| sandbox.world().video(n).filter(|video| video.is_available(end)))
        .map(|video| format!("\"{}\"", video.id()))
        .take(3)
        .collect();
    let base = sandbox.base_url();
    let config = stage.dir().join("tidelake.toml");
    let text = format!(
        "profile = \"web\"\n[web]\nbase_url = \"{base}\"\nper_minute = 6000.0\ncontact = \"https://lab.example\"\n\
         block_rest = \"{}s\"\nacknowledgement = {{ approval = \"letter 17\" }}\n[oembed]\nbase_url = \"{base}\"\npause = \"1ms\"\n\
         [[tasks]]\nname = \"pages\"\nconnector = \"web\"\nfallback = [\"oembed\"]\nevery = \"1s\"\n\
         spec = {{ kind = \"videos\", links = [{}] }}\n",
        REST.as_secs(),
        seen.join(", "),
    );
    std::fs::write(&config, text).expect("writes the configuration");
    let config = config.to_str().expect("UTF-8").to_owned();
    let pages = || sandbox.stats().requests.get(&Endpoint::VideoPage).copied().unwrap_or_default();
    let polls = |by: &str, why: &str| {
        let by = format!("provenance['connector'] = '{by}' AND stop_reason = '{why}'");
        stage.integer(&format!("SELECT count(*) FROM coverage WHERE {by}"))
    };

    let mut daemon = stage.start(&["run", "--config", &config], &[]);
    stage.wait_for_embedded_broker();
    until("two cycles by oembed", PATIENCE, || polls("oembed", "exhausted") >= 2);
    assert_eq!((pages(), polls("web", "blocked")), (1, 1), "one refusal, and then no more requests");
    let told = &stage.sql("SELECT fault FROM coverage WHERE stop_reason = 'blocked'")[0]["fault"];
    let told = told.as_str().expect("a text");
    for part in ["firewall", "Leave this route alone", "Going on by oembed; web rests until 20"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(stage.integer("SELECT count(DISTINCT video_id) FROM video_observations"), 3);
    let shown = stage.done(&["--config", &config, "coverage", "--polls", "--format", "json"]);
    assert!(shown.contains("Going on by oembed") && shown.contains("\"connector\""), "{shown}");

    // The cursor remembers the rest: a breaker does not outlive its process.
    daemon.kill();
    let before = polls("oembed", "exhausted");
    let mut daemon = stage.start(&["run", "--config", &config], &[]);
    stage.wait_for_embedded_broker();
    until("a cycle by oembed after the restart", PATIENCE, || polls("oembed", "exhausted") > before);
    assert_eq!(pages(), 1, "the route still rests");

    runtime.block_on(async { sandbox.set_faults(&FaultPlan::default()) }).expect("no faults");
    until("a cycle by web again", PATIENCE, || polls("web", "exhausted") >= 1);
    assert_eq!(polls("web", "blocked"), 1);
    let listed = stage.done(&["--config", &config, "sources", "list"]);
    assert!(listed.contains("web, then oembed"), "{listed}");
    daemon.signal("TERM");
    assert_eq!(daemon.wait(Duration::from_secs(30)), Some(0), "drains and stops");
    let report = stage.audit();
    assert_eq!(report["balanced"], true, "{report:#}");
    runtime.block_on(sandbox.stop());
}
