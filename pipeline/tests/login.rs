//! `tidelake login`, `accounts` and `logout` as a stranger meets them, against the offline TikTok.

use std::path::Path;
use std::process::Stdio;
use tidelake_sandbox::{Endpoint, FaultKind, FaultPlan, FaultRule, Sandbox, SandboxConfig, WorldConfig};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

/// A secret that nothing may show.
const SECRET: &str = "hush-hush";

struct Bench {
    sandbox: Sandbox,
    dir: tempfile::TempDir,
    browser: reqwest::Client,
}

/// What a command wrote, and how it ended.
struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Bench {
    async fn new() -> Self {
        let world = WorldConfig { videos: 2_000, creators: 200, ..WorldConfig::default() };
        let sandbox = Sandbox::start(SandboxConfig { world, ..SandboxConfig::default() }).await.expect("a sandbox");
        let dir = tempfile::tempdir().expect("a directory");
        let path = |name: &str| dir.path().join(name).display().to_string();
        std::fs::write(dir.path().join("secret"), format!("{SECRET}\n")).expect("writes");
        std::fs::write(dir.path().join("key"), format!("{}\n", "0f".repeat(32))).expect("writes");
        let config = format!(
            "data_dir = {:?}\n[display]\nclient_key = \"app\"\nclient_secret_file = {:?}\nkey_file = {:?}\n\
             redirect_port = 0\nbase_url = \"{base}\"\nauthorize_url = \"{base}/v2/auth/authorize/\"\n",
            path("data"),
            path("secret"),
            path("key"),
            base = sandbox.base_url(),
        );
        std::fs::write(dir.path().join("tidelake.toml"), config).expect("writes");
        // Follows redirects, as a browser does.
        Self { sandbox, dir, browser: reqwest::Client::new() }
    }

    fn start(&self, arguments: &[&str]) -> Child {
        Command::new(env!("CARGO_BIN_EXE_tidelake"))
            .args(arguments)
            .arg("--config")
            .arg(self.dir.path().join("tidelake.toml"))
            .args(["--log-level", "trace"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("runs")
    }

    async fn run(&self, arguments: &[&str]) -> Ended {
        let output = self.start(arguments).wait_with_output().await.expect("ends");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Logs in; the browser visits `first` before the owner decides.
    async fn login(&self, decision: &str, first: Option<&str>) -> (Ended, String) {
        let mut child = self.start(&["login", "--account", "anna", "--no-browser"]);
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        // Read all the while: a full pipe would stop the command.
        let mut stderr = child.stderr.take().expect("piped");
        let err = tokio::spawn(async move {
            let mut err = String::new();
            stderr.read_to_string(&mut err).await.map(|_| err)
        });
        let mut out = Vec::new();
        while !out.iter().any(|line: &String| line.starts_with("Waiting")) {
            out.push(lines.next_line().await.expect("reads").expect("more lines"));
        }
        let address = out.iter().find(|line| line.starts_with("http")).expect("an address").clone();
        let url = reqwest::Url::parse(&address).expect("an address");
        let mut form: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        if let Some(first) = first {
            let redirect = &form.iter().find(|(name, _)| name == "redirect_uri").expect("a redirect").1;
            let answer = self.browser.get(format!("{redirect}?{first}")).send().await.expect("sent");
            assert_eq!(answer.status(), 400, "a redirect of nobody is turned away");
        }
        let owner = self.sandbox.world().creator(0).expect("a creator").handle;
        form.extend([("username".into(), owner), ("decision".into(), decision.into())]);
        form.push(("grant.video.list".into(), "on".into()));
        form.push(("grant.user.info.profile".into(), "on".into()));
        let page = self.browser.post(url).form(&form).send().await.expect("sent").text().await.expect("text");
        while let Some(line) = lines.next_line().await.expect("reads") {
            out.push(line);
        }
        let err = err.await.expect("ends").expect("reads");
        let code = child.wait().await.expect("ends").code();
        (Ended { code, out: out.join("\n"), err }, page)
    }
}

/// No secret stands in what was written.
fn discreet(ended: &Ended) {
    for text in [&ended.out, &ended.err] {
        assert!(!text.contains(SECRET) && !text.contains("0f0f0f0f0f"), "{text}");
        for prefix in ["act.", "rft."] {
            let mut rests = text.split(prefix).skip(1);
            let token = |rest: &str| rest.len() > 16 && rest.bytes().take(16).all(|byte| byte.is_ascii_hexdigit());
            assert!(!rests.any(token), "{prefix}: {text}");
        }
    }
}

fn files(dir: &Path) -> usize {
    std::fs::read_dir(dir.join("data/accounts")).map_or(0, |entries| {
        entries
            .filter(|entry| entry.as_ref().is_ok_and(|e| e.path().extension().is_some_and(|x| x == "account")))
            .count()
    })
}

#[tokio::test]
async fn an_owner_logs_in_is_listed_and_logs_out() {
    let bench = Bench::new().await;
    let (login, page) = bench.login("approve", Some("code=stolen&state=guessed")).await;
    assert_eq!(login.code, Some(0), "{}\n{}", login.out, login.err);
    let owner = bench.sandbox.world().creator(0).expect("a creator").handle;
    assert!(login.out.contains(&format!("Account anna is stored: @{owner}.")), "{}", login.out);
    assert!(login.out.contains("Granted: user.info.basic, user.info.profile, video.list."), "{}", login.out);
    assert!(login.out.contains("Not granted: user.info.stats."), "{}", login.out);
    assert!(page.contains("You are logged in"), "{page}");
    discreet(&login);
    assert_eq!(files(bench.dir.path()), 1);

    let listed = bench.run(&["accounts", "--format", "json"]).await;
    let accounts: serde_json::Value = serde_json::from_str(listed.out.trim()).expect("JSON");
    assert_eq!((&accounts[0]["account"], &accounts[0]["username"]), (&"anna".into(), &owner.clone().into()));
    assert!(accounts[0]["trouble"].is_null() && accounts[0]["consent_until"].is_string(), "{accounts}");
    discreet(&listed);
    for (format, part) in [("table", "consent until"), ("csv", "account,username,scopes,granted_at")] {
        let listed = bench.run(&["accounts", "--format", format]).await;
        assert!(listed.out.contains(part) && listed.out.contains("anna"), "{}", listed.out);
        discreet(&listed);
    }

    let logout = bench.run(&["logout", "anna"]).await;
    assert!(logout.code == Some(0) && logout.out.contains("taken the consent back"), "{}\n{}", logout.out, logout.err);
    discreet(&logout);
    assert_eq!((files(bench.dir.path()), bench.sandbox.stats().requests[&Endpoint::Revoke]), (0, 1));
    let again = bench.run(&["logout", "anna"]).await;
    assert!(again.code == Some(1) && again.err.contains("no account anna"), "{}", again.err);
}

#[tokio::test]
async fn what_goes_wrong_is_said_to_both() {
    let bench = Bench::new().await;
    let (denied, page) = bench.login("deny", None).await;
    assert_eq!(denied.code, Some(1));
    assert!(denied.err.contains("access_denied") && denied.err.contains("when they agree"), "{}", denied.err);
    assert!(page.contains("The login failed") && page.contains("access_denied"), "{page}");
    let rule = FaultRule::next(FaultKind::OauthRefused, 1).at(Endpoint::Token);
    bench.sandbox.set_faults(&FaultPlan::of([rule])).expect("set");
    let (refused, _) = bench.login("approve", None).await;
    assert!(refused.code == Some(1) && refused.err.contains("client_secret"), "{}", refused.err);
    discreet(&refused);
    assert_eq!(files(bench.dir.path()), 0);
}

#[tokio::test]
async fn without_the_section_the_commands_say_what_is_missing() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_tidelake")).args(["login", "--no-browser"]).output().await.expect("runs");
    let err = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(output.status.code() == Some(1) && err.contains("[display]"), "{err}");
    let output =
        Command::new(env!("CARGO_BIN_EXE_tidelake")).args(["login", "--scopes", "x"]).output().await.expect("runs");
    let err = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(output.status.code() == Some(2) && err.contains("video.list"), "{err}");
}
