//! The Display API and the login (tiktok-surfaces §1, §2, §4).

use super::bench::{Seen, clock, poll, quick, sandbox};
use super::page::Section;
use super::row::{Case, Row};
use secrecy::SecretString;
use serde_json::json;
use std::sync::Arc;
use tidelake_connectors::StopReason::{self, Auth, Fault, Quota};
use tidelake_connectors::client::{Class, Profile, Route};
use tidelake_connectors::display::{Callback, DisplayClient, DisplayConfig, DisplaySource, Scope};
use tidelake_sandbox::Endpoint::{OwnVideos, Token};
use tidelake_sandbox::{FaultKind, FaultPlan, FaultRule, Sandbox};

const REDIRECT: &str = "http://127.0.0.1:3455/callback/";
const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// An account that is logged in.
struct Bench {
    sandbox: Sandbox,
    client: Arc<DisplayClient>,
    _dir: tempfile::TempDir,
}

impl Bench {
    async fn logged_in() -> Self {
        let sandbox = sandbox([]).await;
        let dir = tempfile::tempdir().expect("a directory");
        let base = sandbox.base_url();
        let config = DisplayConfig::new("app", SecretString::from("hush"), SecretString::from(KEY));
        let http = quick(config.http.clone());
        let config = DisplayConfig {
            base_url: base.clone(),
            authorize_url: format!("{base}/v2/auth/authorize/"),
            http,
            ..config
        };
        let grant = Profile::Creator.grant(Route::DisplayApi, None).expect("a grant");
        let client = DisplayClient::new(config, dir.path(), grant, clock(&sandbox)).expect("a client");
        let bench = Self { sandbox, client: Arc::new(client), _dir: dir };
        bench.login().await;
        bench
    }

    async fn login(&self) {
        let attempt = self.client.begin_login(&Scope::ALL, REDIRECT).expect("an attempt");
        let mut form: Vec<(String, String)> = attempt.url().query_pairs().into_owned().collect();
        let owner = self.sandbox.world().creator(0).expect("a creator").handle;
        form.extend([("username".into(), owner), ("decision".into(), "approve".into())]);
        form.extend(Scope::ALL.map(|scope| (format!("grant.{scope}"), "on".to_owned())));
        let browser =
            reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a browser");
        let answer = browser.post(attempt.url().clone()).form(&form).send().await.expect("an answer");
        let location = answer.headers()["location"].to_str().expect("text");
        let (_, query) = location.split_once('?').expect("parameters");
        let account = "anna".parse().expect("a name");
        self.client.finish_login(attempt, &Callback::read(query), &account).await.expect("logged in");
    }

    async fn poll(&self) -> Seen {
        let task =
            serde_json::from_value(json!({"kind": "own_videos", "account": "anna", "limit": 30})).expect("a task");
        let source = DisplaySource::with_client(Arc::clone(&self.client), task).expect("a source");
        poll(&source, self.sandbox.clock().now().into()).await
    }
}

/// A case, its fault, and what is expected; `None` for faults that pass.
type Trial = (Case, FaultRule, Class, Option<StopReason>, &'static str);

async fn meet((case, rule, class, stops, part): Trial, token_ended: bool) -> (Row, String) {
    let bench = Bench::logged_in().await;
    bench.sandbox.set_faults(&FaultPlan::of([rule])).expect("faults");
    if token_ended {
        bench.sandbox.clock().advance(chrono::TimeDelta::hours(3));
    }
    let seen = bench.poll().await;
    assert!(!bench.sandbox.stats().faults.is_empty(), "the fault struck: {seen:?}");
    let row = match stops {
        Some(reason) => case.stops(&seen, (class, reason, part)),
        None => case.passes(&seen, class, part),
    };
    (row, bench.sandbox.base_url())
}

async fn section_of(name: &'static str, about: &'static str, trials: Vec<Trial>, token_ended: bool) -> Section {
    let mut section = Section { name, about, bases: Vec::new(), rows: Vec::new() };
    for trial in trials {
        let (row, base) = meet(trial, token_ended).await;
        section.rows.push(row);
        section.bases.push(base);
    }
    section
}

fn case(fault: &'static str, answer: &'static str) -> Case {
    Case { route: Route::DisplayApi, fault, answer }
}

pub(crate) async fn section() -> Section {
    use FaultKind::{
        ApiRefused, ConnectionReset, ConsentRevoked, GatewayTimeout, InternalError, RateLimit, ScopeMissing,
        ScopePermission, TokenExpired, TruncatedBody, Unavailable,
    };
    let at = |kind, n| FaultRule::next(kind, n).at(OwnVideos);
    let refused = |status, code: &str| at(ApiRefused, 9).saying(status, code);
    let trials = vec![
        (
            case("token expired (§1)", "401 `access_token_invalid`, once"),
            at(TokenExpired, 1),
            Class::AuthExpired,
            None,
            "access_token_invalid",
        ),
        (
            case("consent taken back (§2)", "401, and the refresh token is refused"),
            at(ConsentRevoked, 1),
            Class::AuthExpired,
            Some(Auth),
            "tidelake login --account anna",
        ),
        (
            case("scope not granted (§1)", "401 `scope_not_authorized`"),
            at(ScopeMissing, 9),
            Class::ScopeMissing,
            Some(Auth),
            "Ask the owner",
        ),
        (
            case("scope not of the app (§1)", "401 `scope_permission_missed`"),
            at(ScopePermission, 9),
            Class::ScopeMissing,
            Some(Auth),
            "developers.tiktok.com",
        ),
        (
            case("rate limit (§4)", "429 `rate_limit_exceeded`, on and on"),
            at(RateLimit, 9),
            Class::RateLimited,
            Some(Quota),
            "Wait a minute",
        ),
        (
            case("daily quota (§1)", "429 `daily_quota_limit_exceeded`"),
            refused(429, "daily_quota_limit_exceeded"),
            Class::Quota,
            Some(Quota),
            "00:00 UTC",
        ),
        (
            case("request refused (§1)", "400 `invalid_params`"),
            refused(400, "invalid_params"),
            Class::RequestInvalid,
            Some(Fault),
            "Correct the task",
        ),
        (
            case("server error (§1)", "500 `internal_error`, once"),
            at(InternalError, 1),
            Class::Server,
            None,
            "internal_error",
        ),
        (
            case("server errors (§1)", "500 `internal_error`, on and on"),
            at(InternalError, 9),
            Class::Server,
            Some(Fault),
            "internal_error",
        ),
        (
            case("gateway time-out", "504 with a page, on and on"),
            at(GatewayTimeout, 9),
            Class::Timeout,
            Some(Fault),
            "504",
        ),
        (
            case("service away", "503 `temporarily_unavailable`, on and on"),
            at(Unavailable, 9),
            Class::Maintenance,
            Some(Fault),
            "away",
        ),
        (
            case("connection reset", "no answer, on and on"),
            at(ConnectionReset, 9),
            Class::Network,
            Some(Fault),
            "network",
        ),
        (
            case("answer cut off", "the connection ends in the middle of the body, on and on"),
            at(TruncatedBody, 9),
            Class::Network,
            Some(Fault),
            "network",
        ),
    ];
    let about = "An account whose owner has logged in; a refused token is renewed once, under the account's lock.";
    section_of("Display API", about, trials, false).await
}

pub(crate) async fn oauth() -> Section {
    let at = |code: &str| FaultRule::next(FaultKind::OauthRefused, 9).at(Token).saying(200, code);
    let code =
        |fault, answer, code: &str, class, reason, part| (case(fault, answer), at(code), class, Some(reason), part);
    let trouble = |kind| FaultRule::next(kind, 9).at(Token);
    let trials = vec![
        code(
            "refresh token refused (§2)",
            "200 `invalid_grant`, flat",
            "invalid_grant",
            Class::AuthExpired,
            Auth,
            "tidelake login --account anna",
        ),
        code(
            "client refused (§2)",
            "200 `invalid_client`, flat",
            "invalid_client",
            Class::AuthExpired,
            Auth,
            "client_secret",
        ),
        code(
            "client not allowed (§2)",
            "200 `unauthorized_client`, flat",
            "unauthorized_client",
            Class::AuthExpired,
            Auth,
            "client_secret",
        ),
        code(
            "owner says no (§2)",
            "200 `access_denied`, flat",
            "access_denied",
            Class::AuthExpired,
            Auth,
            "when they agree",
        ),
        code(
            "scope unknown (§2)",
            "200 `invalid_scope`, flat",
            "invalid_scope",
            Class::ScopeMissing,
            Auth,
            "developers.tiktok.com",
        ),
        code(
            "request malformed (§2)",
            "200 `invalid_request`, flat",
            "invalid_request",
            Class::RequestInvalid,
            Fault,
            "Correct",
        ),
        code(
            "grant type unknown (§2)",
            "200 `unsupported_grant_type`, flat",
            "unsupported_grant_type",
            Class::RequestInvalid,
            Fault,
            "Update tidelake",
        ),
        code(
            "response type unknown (§2)",
            "200 `unsupported_response_type`, flat",
            "unsupported_response_type",
            Class::RequestInvalid,
            Fault,
            "Update tidelake",
        ),
        code("server error (§2)", "200 `server_error`, flat", "server_error", Class::Server, Fault, "Wait"),
        code(
            "service away (§2)",
            "200 `temporarily_unavailable`, flat",
            "temporarily_unavailable",
            Class::Maintenance,
            Fault,
            "Wait",
        ),
        (
            case("token endpoint down", "500, on and on"),
            trouble(FaultKind::InternalError),
            Class::Server,
            Some(Fault),
            "Wait",
        ),
        (
            case("token endpoint silent", "connection reset"),
            trouble(FaultKind::ConnectionReset),
            Class::Network,
            Some(Fault),
            "network",
        ),
    ];
    let about = "Renewing an account's token after two hours. TikTok refuses with HTTP 200 and a flat error. A request that \
                 carries a refresh token is never repeated by itself: TikTok may have replaced the token already.";
    section_of("OAuth", about, trials, true).await
}
