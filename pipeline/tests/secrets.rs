//! No secret is ever written: a full verbose run against the offline TikTok, with refused tokens, renewals and faults, and
//! then every byte that it left is searched, except what the vault has encrypted.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tidelake_sandbox::{Endpoint, FaultKind, FaultPlan, FaultRule, Sandbox, SandboxConfig, World, WorldConfig};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

const RESEARCH_SECRET: &str = "research hush/1+2=3 never seen";
const DISPLAY_SECRET: &str = "display hush/4+5=9 never seen";
const KEY: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";

/// Our crates, and every library that sees a request.
const VERBOSE: &str = "info,tidelake=trace,tidelake_connectors=trace,tidelake_sinks=trace,reqwest=trace,hyper=trace,\
                       hyper_util=trace,h2=trace,rustls=trace,tower=trace,url=trace,want=trace";

struct Bench {
    sandbox: Sandbox,
    dir: tempfile::TempDir,
    commands: usize,
}

impl Bench {
    async fn new() -> Self {
        let world = WorldConfig { videos: 2_000, creators: 200, ..WorldConfig::default() };
        let end = World::new(world.clone()).expect("a world").end();
        // Tokens that end while the daemon runs.
        let config = SandboxConfig { world, token_seconds: 6, ..SandboxConfig::default() };
        let sandbox = Sandbox::start(config).await.expect("a sandbox");
        let dir = tempfile::tempdir().expect("a directory");
        let file = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).expect("writes");
            path.display().to_string()
        };
        let (research, display) = (file("research", RESEARCH_SECRET), file("display", DISPLAY_SECRET));
        let (key, data) = (file("key", KEY), dir.path().join("data").display().to_string());
        let day = |ago: i64| (end - chrono::TimeDelta::days(ago)).format("%Y%m%d").to_string();
        let config = format!(
            "data_dir = {data:?}\n[lake]\ncommit_age = \"300ms\"\n\
             [research]\nbase_url = {base:?}\nclient_key = \"app\"\nclient_secret_file = {research:?}\n\
             [display]\nbase_url = {base:?}\nauthorize_url = \"{base}/v2/auth/authorize/\"\nclient_key = \"app\"\n\
             client_secret_file = {display:?}\nkey_file = {key:?}\nredirect_port = 0\n\
             [[tasks]]\nname = \"search\"\nconnector = \"research-api\"\nevery = \"1s\"\n\
             spec = {{ kind = \"videos\", start = \"{}\", end = \"{}\", limit = 60, query = {{ and = [ {{ operation = \"EQ\", \
             field_name = \"region_code\", field_values = [\"US\"] }} ] }} }}\n\
             [[tasks]]\nname = \"own\"\nconnector = \"display-api\"\nevery = \"1s\"\n\
             spec = {{ kind = \"own_videos\", account = \"anna\", limit = 20 }}\n\
             [[tasks]]\nname = \"self\"\nconnector = \"display-api\"\nevery = \"1s\"\n\
             spec = {{ kind = \"account\", account = \"anna\" }}\n",
            day(5),
            day(3),
            base = sandbox.base_url(),
        );
        file("tidelake.toml", &config);
        std::fs::create_dir(dir.path().join("written")).expect("makes a folder");
        Self { sandbox, dir, commands: 0 }
    }

    /// A file for what a command writes.
    fn written(&self, name: &str) -> File {
        File::create(self.dir.path().join("written").join(name)).expect("creates")
    }

    fn command(&mut self, arguments: &[&str]) -> Command {
        self.commands += 1;
        let name = format!("{:02}-{}", self.commands, arguments[0]);
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidelake"));
        command.args(arguments).arg("--config").arg(self.dir.path().join("tidelake.toml"));
        command.env("RUST_LOG", VERBOSE).env("TIDELAKE__LOGGING__FORMAT", "json");
        command.stdout(self.written(&format!("{name}.out"))).stderr(self.written(&format!("{name}.err")));
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    async fn run(&mut self, arguments: &[&str]) -> bool {
        self.command(arguments).status().await.expect("runs").success()
    }

    /// The owner agrees.
    async fn login(&mut self) {
        let mut command = self.command(&["login", "--account", "anna", "--no-browser"]);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("runs");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let address = loop {
            let line = lines.next_line().await.expect("reads").expect("more lines");
            if line.starts_with("http") {
                break reqwest::Url::parse(&line).expect("an address");
            }
        };
        let mut form: Vec<(String, String)> = address.query_pairs().into_owned().collect();
        let owner = self.sandbox.world().creator(0).expect("a creator").handle;
        form.extend([("username".into(), owner), ("decision".into(), "approve".into())]);
        form.push(("grant.video.list".into(), "on".into()));
        reqwest::Client::new().post(address).form(&form).send().await.expect("sent");
        let mut rest = String::new();
        while let Some(line) = lines.next_line().await.expect("reads") {
            rest.push_str(&line);
        }
        std::fs::write(self.dir.path().join("written/login.out"), rest).expect("writes");
        assert!(child.wait().await.expect("ends").success(), "logged in");
    }

    /// Sets faults, and waits until every kind has struck.
    async fn suffer(&self, faults: &[(FaultKind, Endpoint, u64)]) {
        let before = self.sandbox.stats().faults;
        let rules = faults.iter().map(|(kind, endpoint, times)| FaultRule::next(*kind, *times).at(*endpoint));
        self.sandbox.set_faults(&FaultPlan::of(rules)).expect("faults");
        let begun = Instant::now();
        let count = |stats: &std::collections::BTreeMap<FaultKind, u64>, kind| stats.get(kind).copied().unwrap_or(0);
        loop {
            let now = self.sandbox.stats().faults;
            let missing = faults.iter().find(|(kind, _, _)| count(&now, kind) == count(&before, kind));
            let Some(missing) = missing else { return };
            assert!(begun.elapsed() < Duration::from_secs(90), "{missing:?} did not strike: {now:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Ends the daemon as an operator does.
async fn stop(mut daemon: Child) {
    let id = daemon.id().expect("runs");
    let status = Command::new("kill").args(["-TERM", &id.to_string()]).status().await.expect("signals");
    assert!(status.success());
    assert_eq!(daemon.wait().await.expect("ends").code(), Some(0), "drains and stops");
}

/// The forms in which a secret might be written.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let mut forms = vec![secret.as_bytes().to_vec()];
    forms.push(url::form_urlencoded::byte_serialize(secret.as_bytes()).collect::<String>().into_bytes());
    forms.push(serde_json::to_string(secret).expect("JSON").trim_matches('"').as_bytes().to_vec());
    // In the middle of something longer, e.g. `key:secret`: at each of the three places of a group.
    for engine in [STANDARD, URL_SAFE] {
        for before in 0..3_usize {
            let padded = [vec![b' '; before], secret.as_bytes().to_vec()].concat();
            let text = engine.encode(&padded);
            let from = (before * 8).div_ceil(6);
            let whole = padded.len() * 8 / 6;
            forms.push(text.as_bytes()[from..whole].to_vec());
        }
    }
    forms.sort();
    forms.dedup();
    forms
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).expect("reads").flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    let Some(first) = part.first() else { return false };
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| byte == first) {
        rest = &rest[at..];
        if rest.starts_with(part) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_written_in_a_verbose_run() {
    use Endpoint::{OwnVideos, Token, VideoQuery};
    use FaultKind::{DailyQuota, InternalError, MissingId, OauthRefused, RateLimit, TokenExpired};
    let mut bench = Bench::new().await;
    bench.login().await;
    let daemon = bench.command(&["run"]).spawn().expect("runs");
    bench
        .suffer(&[
            (TokenExpired, VideoQuery, 1),
            (InternalError, VideoQuery, 1),
            (MissingId, VideoQuery, 1),
            (TokenExpired, OwnVideos, 1),
            (InternalError, OwnVideos, 1),
            (RateLimit, OwnVideos, 1),
        ])
        .await;
    bench.suffer(&[(TokenExpired, OwnVideos, 1), (OauthRefused, Token, 99), (DailyQuota, VideoQuery, 1)]).await;
    assert!(bench.run(&["sources", "list", "--format", "json"]).await);
    stop(daemon).await;
    bench.sandbox.set_faults(&FaultPlan::default()).expect("no faults");
    for arguments in [
        &["check", "--probe"][..],
        &["accounts", "--format", "json"],
        &["coverage"],
        &["coverage", "--polls", "--format", "json"],
        &["sql", "--format", "json", "SELECT * FROM dead_letters"],
        &["sql", "--format", "json", "SELECT * FROM coverage"],
        &["sql", "--format", "json", "SELECT * FROM videos"],
        &["logout", "anna"],
    ] {
        assert!(bench.run(arguments).await, "tidelake {arguments:?} failed");
    }

    let mut secrets = bench.sandbox.secrets();
    for prefix in ["clt.", "act.", "rft."] {
        assert!(
            secrets.iter().filter(|secret| secret.starts_with(prefix)).count() > 1,
            "{prefix}: tokens were renewed"
        );
    }
    assert!(secrets.len() > 8, "tokens, a code and its verifier: {}", secrets.len());
    secrets.extend([RESEARCH_SECRET, DISPLAY_SECRET, KEY].map(str::to_owned));
    let sought: Vec<Vec<u8>> = secrets.iter().flat_map(|secret| forms(secret)).collect();
    let all = [files(&bench.dir.path().join("written")), files(&bench.dir.path().join("data"))].concat();
    assert!(all.len() > 20, "{all:?}");
    let mut seen = String::new();
    for path in all {
        let bytes = std::fs::read(&path).expect("reads");
        for part in &sought {
            let shown = String::from_utf8_lossy(part);
            assert!(!contains(&bytes, part), "{} holds the secret {shown}", path.display());
        }
        seen += &String::from_utf8_lossy(&bytes);
    }
    // It was a verbose run, and the faults were told.
    for part in
        ["\"level\":\"TRACE\"", "\"level\":\"WARN\"", "poll failed", "internal_error", "client_secret", "missing_id"]
    {
        assert!(seen.contains(part), "{part} was never written");
    }
}

#[test]
fn every_form_of_a_secret_is_found() {
    let secret = "hush/1+2=3";
    let basic = STANDARD.encode(format!("key:{secret}:more"));
    let address =
        format!("https://h.example/?s={}", url::form_urlencoded::byte_serialize(secret.as_bytes()).collect::<String>());
    for text in [secret, &basic, &address, &URL_SAFE.encode(format!("a{secret}"))] {
        assert!(forms(secret).iter().any(|form| contains(text.as_bytes(), form)), "{text}");
    }
    assert!(!forms(secret).iter().any(|form| contains(b"hush and nothing more", form)));
}
