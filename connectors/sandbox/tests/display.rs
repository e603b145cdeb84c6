//! The sandbox's Display API and its consent page, as a browser and an app see them.

use chrono::TimeDelta;
use reqwest::{Client, Response};
use serde_json::{Value, json};
use std::collections::HashMap;
use tidelake_sandbox::{
    Credentials, Endpoint, FaultKind, FaultPlan, FaultRule, Sandbox, SandboxConfig, SimClock, World, WorldConfig,
};

const REDIRECT: &str = "http://localhost:3455/callback/";
const VERIFIER: &str = "0123456789abcdefghijklmnopqrstuvwxyz-._~0123456789";
const ALL: &str = "user.info.basic,user.info.profile,user.info.stats,video.list";
const FIELDS: &str = "id,create_time,view_count,like_count,cover_image_url,share_url,title";

struct Bench {
    sandbox: Sandbox,
    client: Client,
}

fn challenge() -> String {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, VERIFIER.as_bytes());
    hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The parameters of a redirect's address.
fn parameters(answer: &Response) -> HashMap<String, String> {
    let location = answer.headers()["location"].to_str().expect("text");
    let url = reqwest::Url::parse(location).expect("an address");
    assert!(location.starts_with(REDIRECT), "{location}");
    url.query_pairs().into_owned().collect()
}

impl Bench {
    async fn with(config: SandboxConfig) -> Self {
        let world = WorldConfig { videos: 5_000, creators: 500, ..WorldConfig::default() };
        let end = World::new(world.clone()).expect("a world").end();
        let config = SandboxConfig { world, clock: Some(SimClock::frozen(end)), ..config };
        let sandbox = Sandbox::start(config).await.expect("a sandbox");
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        Self { sandbox, client }
    }

    async fn new() -> Self {
        Self::with(SandboxConfig::default()).await
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.sandbox.base_url())
    }

    fn owner(&self) -> String {
        self.sandbox.world().creator(0).expect("a creator").handle
    }

    fn asked(scope: &str) -> Vec<(&'static str, String)> {
        vec![
            ("client_key", "app".into()),
            ("scope", scope.into()),
            ("response_type", "code".into()),
            ("redirect_uri", REDIRECT.into()),
            ("state", "s&1 ".into()),
            ("code_challenge", challenge()),
            ("code_challenge_method", "S256".into()),
        ]
    }

    async fn approve(&self, scope: &str) -> HashMap<String, String> {
        let mut form = Self::asked(scope);
        form.push(("username", self.owner()));
        form.push(("decision", "approve".into()));
        let mut form: Vec<(String, String)> = form.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
        form.extend(scope.split(',').map(|name| (format!("grant.{name}"), "on".to_owned())));
        let answer = self.client.post(self.url("/v2/auth/authorize/")).form(&form).send().await.expect("sent");
        assert_eq!(answer.status(), 302);
        parameters(&answer)
    }

    async fn token(&self, more: &[(&str, &str)]) -> Value {
        let mut form = vec![("client_key", "app"), ("client_secret", "secret")];
        form.extend_from_slice(more);
        let answer = self.client.post(self.url("/v2/oauth/token/")).form(&form).send().await.expect("sent");
        assert_eq!(answer.status(), 200, "errors are flat, and come with 200");
        answer.json().await.expect("JSON")
    }

    async fn redeem(&self, code: &str, redirect: &str, verifier: &str) -> Value {
        let grant = ("grant_type", "authorization_code");
        self.token(&[grant, ("code", code), ("redirect_uri", redirect), ("code_verifier", verifier)]).await
    }

    async fn refresh(&self, token: &str) -> Value {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    async fn login(&self, scope: &str) -> Value {
        let code = self.approve(scope).await.remove("code").expect("a code");
        self.redeem(&code, REDIRECT, VERIFIER).await
    }

    async fn info(&self, token: &str, fields: &str) -> (u16, Value) {
        let request = self.client.get(self.url("/v2/user/info/")).query(&[("fields", fields)]).bearer_auth(token);
        let answer = request.send().await.expect("sent");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    async fn post(&self, path: &str, token: &str, body: &Value) -> (u16, Value) {
        let request = self.client.post(self.url(path)).query(&[("fields", FIELDS)]).bearer_auth(token).json(body);
        let answer = request.send().await.expect("sent");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    async fn list(&self, token: &str, body: &Value) -> (u16, Value) {
        self.post("/v2/video/list/", token, body).await
    }
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}

fn code((status, answer): &(u16, Value)) -> (u16, &str) {
    (*status, answer["error"]["code"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn the_page_asks_and_the_redirect_answers() {
    let bench = Bench::new().await;
    let page = bench.client.get(bench.url("/v2/auth/authorize/")).query(&Bench::asked(ALL)).send().await.expect("sent");
    assert_eq!(page.status(), 200);
    let page = page.text().await.expect("text");
    for part in ["<form method=\"post\">", "name=\"state\" value=\"s&amp;1 \"", "grant.video.list", "value=\"deny\""] {
        assert!(page.contains(part), "{part} is missing in {page}");
    }
    let agreed = bench.approve(ALL).await;
    assert_eq!((agreed["state"].as_str(), agreed["scopes"].as_str()), ("s&1 ", ALL));
    assert!(agreed["code"].contains('*'), "codes must be decoded: {}", agreed["code"]);
    let mut form = Bench::asked(ALL);
    form.push(("decision", "deny".into()));
    let denied = bench.client.post(bench.url("/v2/auth/authorize/")).form(&form).send().await.expect("sent");
    let denied = parameters(&denied);
    assert_eq!((denied["error"].as_str(), denied["state"].as_str()), ("access_denied", "s&1 "));
}

#[tokio::test]
async fn what_the_page_refuses() {
    let bench = Bench::new().await;
    for (name, value, error) in [
        ("scope", "video.publish", "invalid_scope"),
        ("response_type", "token", "unsupported_response_type"),
        ("code_challenge_method", "plain", "invalid_request"),
    ] {
        let mut asked = Bench::asked(ALL);
        asked.iter_mut().filter(|(known, _)| *known == name).for_each(|(_, old)| *old = value.into());
        let answer = bench.client.get(bench.url("/v2/auth/authorize/")).query(&asked).send().await.expect("sent");
        assert_eq!(parameters(&answer)["error"], error, "{name}");
    }
    for (name, value) in [("client_key", ""), ("redirect_uri", "http://evil.example/")] {
        let mut asked = Bench::asked(ALL);
        asked.iter_mut().filter(|(known, _)| *known == name).for_each(|(_, old)| *old = value.into());
        let answer = bench.client.get(bench.url("/v2/auth/authorize/")).query(&asked).send().await.expect("sent");
        assert_eq!(answer.status(), 400, "an address that cannot be trusted gets no redirect");
    }
}

#[tokio::test]
async fn codes_are_bound_and_good_once() {
    let bench = Bench::new().await;
    for (redirect, verifier) in [("http://localhost:1/", VERIFIER), (REDIRECT, "another-verifier")] {
        let code = bench.approve(ALL).await.remove("code").expect("a code");
        assert_eq!(bench.redeem(&code, redirect, verifier).await["error"], "invalid_request");
        assert_eq!(bench.redeem(&code, REDIRECT, VERIFIER).await["error"], "invalid_grant", "it is used up");
    }
    let code = bench.approve(ALL).await.remove("code").expect("a code");
    bench.sandbox.clock().advance(TimeDelta::minutes(11));
    assert_eq!(bench.redeem(&code, REDIRECT, VERIFIER).await["error"], "invalid_grant", "it has ended");
    let tokens = bench.login(ALL).await;
    assert!(text(&tokens, "access_token").starts_with("act.") && text(&tokens, "refresh_token").starts_with("rft."));
    assert_eq!((text(&tokens, "scope"), tokens["expires_in"].as_i64()), (ALL, Some(7200)));
    assert_eq!(tokens["refresh_expires_in"], 15_552_000);
    let unknown = bench.token(&[("grant_type", "password")]).await;
    assert_eq!(unknown["error"], "unsupported_grant_type");
    assert!(unknown["log_id"].is_string() && unknown["error_description"].is_string());
}

#[tokio::test]
async fn refresh_tokens_change_and_the_old_ones_end() {
    let bench = Bench::new().await;
    let first = bench.login(ALL).await;
    let second = bench.refresh(text(&first, "refresh_token")).await;
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    assert_eq!(first["open_id"], second["open_id"]);
    assert_eq!(bench.refresh(text(&first, "refresh_token")).await["error"], "invalid_grant");
    assert_eq!(code(&bench.info(text(&second, "access_token"), "open_id").await), (200, "ok"));
    bench.sandbox.clock().advance(TimeDelta::hours(2));
    let ended = bench.info(text(&second, "access_token"), "open_id").await;
    assert_eq!(code(&ended), (401, "access_token_invalid"));
    bench.sandbox.clock().advance(TimeDelta::days(181));
    assert_eq!(bench.refresh(text(&second, "refresh_token")).await["error"], "invalid_grant");
}

#[tokio::test]
async fn a_revoked_consent_ends_all_its_tokens() {
    let bench = Bench::new().await;
    let (tokens, others) = (bench.login(ALL).await, bench.login(ALL).await);
    let form = [("client_key", "app"), ("client_secret", "s"), ("token", text(&tokens, "access_token"))];
    let revoke = || bench.client.post(bench.url("/v2/oauth/revoke/")).form(&form).send();
    let answer = revoke().await.expect("sent");
    assert_eq!((answer.status().as_u16(), answer.text().await.expect("text").as_str()), (200, ""));
    let again: Value = revoke().await.expect("sent").json().await.expect("JSON");
    assert_eq!(again["error"], "invalid_grant");
    assert_eq!(code(&bench.info(text(&tokens, "access_token"), "open_id").await), (401, "access_token_invalid"));
    assert_eq!(bench.refresh(text(&tokens, "refresh_token")).await["error"], "invalid_grant");
    assert_eq!(code(&bench.info(text(&others, "access_token"), "open_id").await), (200, "ok"));
}

#[tokio::test]
async fn scopes_guard_fields() {
    let bench = Bench::new().await;
    let tokens = bench.login("user.info.basic").await;
    let token = text(&tokens, "access_token");
    let (_, answer) = bench.info(token, "open_id, display_name").await;
    let known = bench.sandbox.world().creator(0).expect("a creator");
    assert_eq!(answer["data"]["user"], json!({"open_id": tokens["open_id"], "display_name": known.display_name}));
    for fields in ["username", "follower_count", "display_name,is_verified"] {
        assert_eq!(code(&bench.info(token, fields).await), (401, "scope_not_authorized"), "{fields}");
    }
    assert_eq!(code(&bench.list(token, &json!({})).await), (401, "scope_not_authorized"));
    for fields in ["", "nonsense"] {
        assert_eq!(code(&bench.info(token, fields).await), (400, "invalid_params"), "{fields}");
    }
    for bad in ["clt.unknown", ""] {
        assert_eq!(code(&bench.info(bad, "open_id").await), (401, "access_token_invalid"));
    }
}

#[tokio::test]
async fn videos_are_listed_newest_first_and_once() {
    let bench = Bench::new().await;
    let tokens = bench.login(ALL).await;
    let token = text(&tokens, "access_token");
    let (mut ids, mut times, mut cursor) = (Vec::new(), Vec::new(), Value::Null);
    loop {
        let (_, answer) = bench.list(token, &json!({"max_count": 20, "cursor": cursor})).await;
        let data = &answer["data"];
        for video in data["videos"].as_array().expect("videos") {
            ids.push(text(video, "id").parse::<i64>().expect("an id as text"));
            times.push(video["create_time"].as_i64().expect("seconds"));
            assert!(
                text(video, "cover_image_url").contains("x-expires=") && text(video, "title").chars().count() <= 150
            );
            assert!(text(video, "share_url").contains("utm_campaign=tt4d_open_api&utm_source=app"));
        }
        cursor = data["cursor"].clone();
        assert_eq!(cursor.as_i64().map(|ms| ms / 1000), times.last().copied());
        if data["has_more"] == false {
            break;
        }
    }
    let (world, now) = (bench.sandbox.world(), bench.sandbox.clock().now());
    let mut expected: Vec<i64> = (0..5_000)
        .filter_map(|index| world.video(index))
        .filter(|video| video.creator_index() == 0 && video.is_available(now))
        .map(|video| video.id())
        .collect();
    assert!(times.is_sorted_by(|a, b| a >= b) && ids.len() > 40);
    ids.sort_unstable();
    expected.sort_unstable();
    assert_eq!(ids, expected);
    for body in [json!({"max_count": 21}), json!({"max_count": 0}), json!({"cursor": "x"}), json!({"cursor": -1})] {
        assert_eq!(code(&bench.list(token, &body).await), (400, "invalid_params"), "{body}");
    }
}

#[tokio::test]
async fn only_own_videos_are_given_by_id() {
    let bench = Bench::new().await;
    let tokens = bench.login(ALL).await;
    let token = text(&tokens, "access_token");
    let (_, listed) = bench.list(token, &json!({"max_count": 2})).await;
    let own = text(&listed["data"]["videos"][0], "id").to_owned();
    let world = bench.sandbox.world();
    let all = (0..5_000).filter_map(|index| world.video(index));
    let foreign: Vec<String> =
        all.filter(|video| video.creator_index() != 0).map(|v| v.id().to_string()).take(2).collect();
    let ask = |ids: &[String]| json!({"filters": {"video_ids": ids}});
    let given =
        bench.post("/v2/video/query/", token, &ask(&[foreign[0].clone(), own.clone(), foreign[1].clone()])).await;
    let videos = given.1["data"]["videos"].as_array().expect("videos");
    assert_eq!((videos.len(), text(&videos[0], "id")), (1, own.as_str()));
    for ids in [vec![], vec![own.clone(); 21], vec!["x".to_owned()]] {
        let refused = bench.post("/v2/video/query/", token, &ask(&ids)).await;
        assert_eq!(code(&refused), (400, "invalid_params"));
    }
}

#[tokio::test]
async fn limits_and_troubles() {
    let bench = Bench::with(SandboxConfig { display_per_minute: 2, ..SandboxConfig::default() }).await;
    let tokens = bench.login(ALL).await;
    let token = text(&tokens, "access_token");
    assert_eq!(code(&bench.info(token, "open_id").await), (200, "ok"));
    assert_eq!(code(&bench.info(token, "open_id").await), (200, "ok"));
    assert_eq!(code(&bench.info(token, "open_id").await), (429, "rate_limit_exceeded"));
    assert_eq!(code(&bench.list(token, &json!({})).await), (200, "ok"), "each endpoint has its own window");

    let bench = Bench::new().await;
    for (kind, status, expected) in [
        (FaultKind::ScopeMissing, 401, "scope_not_authorized"),
        (FaultKind::ScopePermission, 401, "scope_permission_missed"),
        (FaultKind::RateLimit, 429, "rate_limit_exceeded"),
        (FaultKind::InternalError, 500, "internal_error"),
        (FaultKind::TokenExpired, 401, "access_token_invalid"),
        (FaultKind::ConsentRevoked, 401, "access_token_invalid"),
    ] {
        let tokens = bench.login(ALL).await;
        let rule = FaultRule::next(kind, 1).at(Endpoint::OwnVideos);
        bench.sandbox.set_faults(&FaultPlan::of([rule])).expect("set");
        assert_eq!(code(&bench.list(text(&tokens, "access_token"), &json!({})).await), (status, expected));
        let refreshed = bench.refresh(text(&tokens, "refresh_token")).await;
        assert_eq!(refreshed.get("error").is_some(), kind == FaultKind::ConsentRevoked, "{kind:?}");
    }
}

#[tokio::test]
async fn only_the_known_app_is_served() {
    let known = Credentials { client_key: "app".into(), client_secret: "another secret".into() };
    let bench = Bench::with(SandboxConfig { credentials: Some(known), ..SandboxConfig::default() }).await;
    assert_eq!(bench.login(ALL).await["error"], "invalid_client");
}
