//! The connector against the sandbox, with a browser that is played by an HTTP client.

mod accounts;
mod faults;
mod login;
mod polls;
mod rotation;

use super::{Callback, DisplayClient, DisplayConfig, DisplaySource, LoggedIn, LoginAttempt, Scope};
use crate::client::rate::RateConfig;
use crate::client::retry::RetryConfig;
use crate::client::{ClientConfig, Clock, Profile, Route};
use crate::source::{CycleContext, Fault, Next, Page, Source};
use crate::vault::{AccountName, Vault, VaultKey};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tidelake_sandbox::{FaultKind, FaultPlan, FaultRule, Sandbox, SandboxConfig, SimClock, World, WorldConfig};
use tidelake_schemas::VideoObservation;
use tidelake_schemas::{CreatorObservation, Observation};

const VIDEOS: u64 = 5_000;

/// A secret that nothing may show.
const SECRET: &str = "hush-hush";

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

const REDIRECT: &str = "http://127.0.0.1:3455/callback/";

struct Bench {
    sandbox: Sandbox,
    dir: tempfile::TempDir,
    client: Arc<DisplayClient>,
    browser: reqwest::Client,
}

fn name(text: &str) -> AccountName {
    text.parse().expect("a name")
}

fn quick() -> ClientConfig {
    let millis = Duration::from_millis;
    ClientConfig {
        rate: RateConfig { per_second: 1e6, burst: 1e6, ..RateConfig::default() },
        retry: RetryConfig { attempts: 2, base: millis(1), cap: millis(2), ..RetryConfig::default() },
        ..ClientConfig::default()
    }
}

/// A client as another process would have it.
fn client(base: &str, dir: &Path, clock: Clock) -> Arc<DisplayClient> {
    let config = DisplayConfig {
        base_url: base.into(),
        authorize_url: format!("{base}/v2/auth/authorize/"),
        http: quick(),
        ..DisplayConfig::new("app", SecretString::from(SECRET), SecretString::from(KEY))
    };
    let grant = Profile::Creator.grant(Route::DisplayApi, None).expect("a grant");
    Arc::new(DisplayClient::new(config, dir, grant, clock).expect("a client"))
}

impl Bench {
    async fn new(faults: impl IntoIterator<Item = FaultRule>) -> Self {
        Self::with(SandboxConfig { faults: FaultPlan::of(faults), ..SandboxConfig::default() }).await
    }

    async fn with(config: SandboxConfig) -> Self {
        let world = WorldConfig { videos: VIDEOS, creators: 500, ..WorldConfig::default() };
        let end = World::new(world.clone()).expect("a world").end();
        let config = SandboxConfig { world, clock: Some(SimClock::frozen(end)), ..config };
        let sandbox = Sandbox::start(config).await.expect("a sandbox");
        let dir = tempfile::tempdir().expect("a directory");
        let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
        let client = client(&sandbox.base_url(), dir.path(), clock_of(&sandbox));
        Self { sandbox, dir, client, browser: browser.expect("a browser") }
    }

    /// A bench whose account `anna` has granted everything.
    async fn logged_in(faults: impl IntoIterator<Item = FaultRule>) -> Self {
        let bench = Self::new([]).await;
        bench.login("anna", &Scope::ALL).await;
        bench.sandbox.set_faults(&FaultPlan::of(faults)).expect("faults");
        bench
    }

    fn another(&self) -> Arc<DisplayClient> {
        client(&self.sandbox.base_url(), self.dir.path(), clock_of(&self.sandbox))
    }

    /// The handle of the owner: the creator with the most videos.
    fn owner(&self) -> String {
        self.sandbox.world().creator(0).expect("a creator").handle
    }

    fn begin(&self) -> LoginAttempt {
        self.client.begin_login(&Scope::ALL, REDIRECT).expect("an attempt")
    }

    /// Looks at TikTok's page, ticks scopes and answers; where the page redirects to.
    async fn decide(&self, attempt: &LoginAttempt, ticked: &[Scope], decision: &str) -> Callback {
        let page = self.browser.get(attempt.url().clone()).send().await.expect("sent").text().await.expect("text");
        assert!(page.contains("<form method=\"post\">") && page.contains("value=\"approve\""), "{page}");
        let mut form: Vec<(String, String)> = attempt.url().query_pairs().into_owned().collect();
        form.push(("username".into(), self.owner()));
        form.push(("decision".into(), decision.into()));
        form.extend(ticked.iter().map(|scope| (format!("grant.{scope}"), "on".into())));
        let answer = self.browser.post(attempt.url().clone()).form(&form).send().await.expect("sent");
        assert_eq!(answer.status(), 302);
        let location = answer.headers()["location"].to_str().expect("text");
        let (address, query) = location.split_once('?').expect("parameters");
        assert_eq!(address, REDIRECT);
        Callback::read(query)
    }

    async fn login(&self, account: &str, ticked: &[Scope]) -> LoggedIn {
        let attempt = self.begin();
        let callback = self.decide(&attempt, ticked, "approve").await;
        self.client.finish_login(attempt, &callback, &name(account)).await.expect("logged in")
    }

    fn source(&self, spec: &Value) -> DisplaySource {
        let task = serde_json::from_value(spec.clone()).expect("a task");
        DisplaySource::with_client(Arc::clone(&self.client), task).expect("a source")
    }

    fn own_videos(&self) -> DisplaySource {
        self.source(&json!({"kind": "own_videos", "account": "anna"}))
    }

    async fn poll(&self, source: &DisplaySource, state: Option<&Value>) -> Result<Page, Fault> {
        let now = self.sandbox.clock().now().into();
        let context = CycleContext { task: "own".into(), cycle: 3, started_at: now, now };
        let outcome = source.poll(&context, state).await;
        if let Err(fault) = &outcome {
            let shown = format!("{fault} {fault:?}");
            assert!(!shown.contains(SECRET) && !shown.contains("act.") && !shown.contains("rft."), "{shown}");
        }
        outcome
    }

    async fn page(&self, source: &DisplaySource, state: Option<&Value>) -> Page {
        self.poll(source, state).await.expect("a page")
    }

    async fn fault(&self, source: &DisplaySource) -> Fault {
        self.poll(source, None).await.expect_err("a fault")
    }

    fn vault(&self) -> Vault {
        Vault::new(self.dir.path(), VaultKey::read(KEY.as_bytes()).expect("a key"))
    }

    /// Version and contents of the account as they are on the disk.
    fn stored(&self) -> (u64, Value) {
        let stored = self.vault().load(&name("anna")).expect("readable").expect("an account");
        (stored.version, serde_json::from_slice(&stored.payload).expect("JSON"))
    }

    /// Lets access tokens end.
    fn hours_pass(&self, hours: i64) {
        self.sandbox.clock().advance(chrono::TimeDelta::hours(hours));
    }
}

fn clock_of(sandbox: &Sandbox) -> Clock {
    let clock = sandbox.clock().clone();
    Clock::new(move || clock.now().into())
}

fn next_at(kind: FaultKind, endpoint: tidelake_sandbox::Endpoint, n: u64) -> FaultRule {
    FaultRule::next(kind, n).at(endpoint)
}

fn state(page: &Page) -> Option<Value> {
    match &page.next {
        Next::Page { state, .. } => Some(state.clone()),
        Next::NextCycle { .. } | Next::CycleDone => None,
    }
}

fn told(page: &Page) -> &str {
    page.ledger.fault.as_deref().unwrap_or_default()
}

fn videos(page: &Page) -> Vec<&VideoObservation> {
    page.observations.iter().filter_map(|o| if let Observation::Video(v) = o { Some(v) } else { None }).collect()
}

fn creator(page: &Page) -> &CreatorObservation {
    match page.observations.as_slice() {
        [Observation::Creator(creator)] => creator,
        other => panic!("{other:?}"),
    }
}
