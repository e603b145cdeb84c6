//! The sandbox over HTTP, as a connector sees it.

#![allow(clippy::print_stderr, reason = "a measurement says what it measured")]

use chrono::{NaiveDate, TimeDelta};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tidelake_sandbox::{
    Condition, Endpoint, FaultKind, FaultPlan, FaultRule, FieldName, Operation, Query, Quota, Sandbox, SandboxConfig,
    SimClock, TimeBase, World, WorldConfig,
};

const FIELDS: &str =
    "id,create_time,username,region_code,video_description,view_count,like_count,hashtag_names,music_id";

struct Bench {
    sandbox: Sandbox,
    client: Client,
    token: String,
}

impl Bench {
    async fn start(config: SandboxConfig) -> Self {
        let sandbox = Sandbox::start(config).await.expect("a sandbox");
        let client = Client::new();
        let mut bench = Self { sandbox, client, token: String::new() };
        bench.login().await;
        bench
    }

    async fn with_faults(faults: impl IntoIterator<Item = FaultRule>) -> Self {
        Self::start(SandboxConfig { faults: FaultPlan::of(faults), ..small() }).await
    }

    async fn login(&mut self) {
        let answer =
            self.ask_token(&[("client_key", "k"), ("client_secret", "s"), ("grant_type", "client_credentials")]).await;
        self.token = answer["access_token"].as_str().unwrap_or_default().to_owned();
    }

    async fn ask_token(&self, form: &[(&str, &str)]) -> Value {
        let url = format!("{}/v2/oauth/token/", self.sandbox.base_url());
        self.client.post(url).form(form).send().await.expect("sent").json().await.expect("JSON")
    }

    async fn send(&self, path: &str, body: &Value) -> reqwest::Result<Response> {
        let url = format!("{}{path}", self.sandbox.base_url());
        self.client.post(url).bearer_auth(&self.token).json(body).send().await
    }

    async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        let answer = self.send(path, body).await.expect("sent");
        (answer.status(), answer.json().await.expect("JSON"))
    }

    async fn search(&self, body: &Value) -> (StatusCode, Value) {
        self.post(&format!("/v2/research/video/query/?fields={FIELDS}"), body).await
    }

    /// All pages of a search.
    async fn walk(&self, body: &Value) -> Walk {
        let mut walk = Walk::default();
        let mut body = body.clone();
        loop {
            let (status, answer) = self.search(&body).await;
            assert_eq!(status, 200, "{answer}");
            let data = &answer["data"];
            let ids = data["videos"].as_array().into_iter().flatten().filter_map(|video| video["id"].as_i64());
            let ids: Vec<_> = ids.collect();
            walk.sizes.push(ids.len());
            walk.ids.extend(ids);
            if !data["has_more"].as_bool().expect("has_more") {
                return walk;
            }
            assert_eq!(
                data["cursor"].as_i64(),
                Some(body["cursor"].as_i64().unwrap_or(0) + body["max_count"].as_i64().unwrap_or(20))
            );
            body["cursor"] = data["cursor"].clone();
            body["search_id"] = data["search_id"].clone();
        }
    }
}

#[derive(Default)]
struct Walk {
    ids: Vec<i64>,
    sizes: Vec<usize>,
}

fn small() -> SandboxConfig {
    let world = WorldConfig { videos: 20_000, creators: 3000, ..WorldConfig::default() };
    let end = World::new(world.clone()).expect("a world").end();
    SandboxConfig { world, clock: Some(SimClock::frozen(end)), ..SandboxConfig::default() }
}

fn body(region: &str) -> Value {
    let condition = json!({"operation": "EQ", "field_name": "region_code", "field_values": [region]});
    json!({"query": {"and": [condition]}, "start_date": "20260105", "end_date": "20260120", "max_count": 100})
}

fn query(region: &str) -> Query {
    let day = |day| NaiveDate::from_ymd_opt(2026, 1, day).expect("a day");
    let region = Condition::new(FieldName::RegionCode, Operation::Eq, &[region]).expect("a condition");
    Query::days(day(5), day(20)).and(region)
}

/// What the pages must hold at the sandbox's present instant.
fn expected(bench: &Bench, region: &str) -> Vec<i64> {
    let (world, now) = (bench.sandbox.world(), bench.sandbox.clock().now());
    let is_there = |id: &i64| world.video_by_id(*id).is_some_and(|video| video.is_available(now));
    world.matching(&query(region), now).filter(is_there).collect()
}

#[tokio::test]
async fn paging_gives_exactly_the_available_matches() {
    let bench = Bench::start(small()).await;
    let walk = bench.walk(&body("US")).await;
    let expected = expected(&bench, "US");
    assert!(expected.len() > 500);
    assert_eq!(walk.ids, expected);
    let all = bench.sandbox.world().matching(&query("US"), bench.sandbox.clock().now()).count();
    assert!(all > expected.len(), "some were deleted");
    assert_eq!(walk.sizes.len(), all.div_ceil(100), "dropped after paging");
    let stats = bench.sandbox.stats();
    assert_eq!(stats.requests[&Endpoint::VideoQuery], walk.sizes.len() as u64);
    assert_eq!(stats.records, expected.len() as u64);
    bench.sandbox.stop().await;
}

#[tokio::test]
async fn a_forgotten_search_is_counted_again() {
    let bench = Bench::start(SandboxConfig { remembered_searches: 1, ..small() }).await;
    let (_, first) = bench.search(&body("US")).await;
    let mut next = body("US");
    next["search_id"] = first["data"]["search_id"].clone();
    next["cursor"] = json!(300);
    let (_, remembered) = bench.search(&next).await;
    bench.search(&body("BR")).await;
    let (_, again) = bench.search(&next).await;
    assert_eq!(remembered["data"]["videos"], again["data"]["videos"]);
    assert!(!again["data"]["videos"].as_array().expect("videos").is_empty());
}

#[tokio::test]
async fn time_that_passes_does_not_shift_pages() {
    let bench = Bench::start(small()).await;
    let world = bench.sandbox.world().clone();
    bench.sandbox.clock().set(world.config().epoch + TimeDelta::days(12));
    let at = bench.sandbox.clock().now();
    let (_, first) = bench.search(&body("US")).await;
    bench.sandbox.clock().advance(TimeDelta::hours(6));
    let mut next = body("US");
    next["search_id"] = first["data"]["search_id"].clone();
    next["cursor"] = json!(100);
    let (_, second) = bench.search(&next).await;
    let second: Vec<_> =
        second["data"]["videos"].as_array().expect("videos").iter().filter_map(|v| v["id"].as_i64()).collect();
    let second_page: Vec<_> = world.matching(&query("US"), at).skip(100).take(100).collect();
    assert!(!second.is_empty() && second.iter().all(|id| second_page.contains(id)));
}

#[tokio::test]
async fn answers_have_the_wire_format() {
    let bench = Bench::start(small()).await;
    let (status, answer) = bench.search(&body("DE")).await;
    assert_eq!(status, 200);
    assert_eq!(answer["error"]["code"], "ok");
    assert_eq!(answer["error"]["log_id"].as_str().map(str::len), Some(34));
    let video = &answer["data"]["videos"][0];
    assert!(video["id"].is_i64() && video["music_id"].is_i64() && video["create_time"].is_i64());
    assert_eq!(video["region_code"], "DE");
    assert!(video.get("comment_count").is_none(), "not asked for");
    assert!(answer["data"]["search_id"].is_string());
    let path =
        "/v2/research/video/query/?fields=id,%20effect_ids,voice_to_text,video_tag,hashtag_info_list,playlist_id";
    let (_, answer) = bench.post(path, &body("US")).await;
    let videos = answer["data"]["videos"].as_array().expect("videos");
    for name in ["effect_ids", "voice_to_text", "video_tag", "hashtag_info_list", "playlist_id"] {
        assert!(videos.iter().any(|video| video.get(name).is_some()), "{name}");
        assert!(videos.iter().any(|video| video.get(name).is_none()), "{name}");
        assert!(videos.iter().all(|video| video.get(name) != Some(&Value::Null)), "{name}");
    }
}

#[tokio::test]
async fn nothing_found_has_no_search_id() {
    let bench = Bench::start(small()).await;
    let (status, answer) = bench.search(&body("ZZ")).await;
    assert_eq!((status.as_u16(), &answer["data"]), (200, &json!({"cursor": 0, "has_more": false})));
}

#[tokio::test]
async fn random_pages_hold_matches_only() {
    let bench = Bench::start(small()).await;
    let mut random = body("ID");
    random["is_random"] = json!(true);
    random["max_count"] = json!(30);
    let (_, answer) = bench.search(&random).await;
    let videos = answer["data"]["videos"].as_array().expect("videos");
    let ids: Vec<_> = videos.iter().filter_map(|video| video["id"].as_i64()).collect();
    let expected = expected(&bench, "ID");
    assert!(ids.len() > 20 && ids.iter().all(|id| expected.contains(id)));
    assert!(!ids.is_sorted_by(|a, b| a > b));
}

#[tokio::test]
async fn bad_requests_are_refused() {
    let bench = Bench::start(small()).await;
    let with = |name: &str, value: Value| {
        let mut body = body("US");
        body[name] = value;
        body
    };
    for (bad, message) in [
        (with("max_count", json!(101)), "Invalid count or cursor"),
        (with("cursor", json!(-1)), "Invalid count or cursor"),
        (with("search_id", json!("7354367454467855403")), "Search Id 7354367454467855403 is invalid or expired"),
        (with("end_date", json!("20260301")), "end_date must be no more than 30 days after start_date"),
        (with("query", json!({"xor": []})), "Unknown key in query: xor"),
    ] {
        let (status, answer) = bench.search(&bad).await;
        assert_eq!((status.as_u16(), &answer["error"]["code"]), (400, &json!("invalid_params")));
        assert_eq!(answer["error"]["message"], message);
    }
    let (status, answer) = bench.post("/v2/research/video/query/?fields=id,title", &body("US")).await;
    assert_eq!((status.as_u16(), &answer["error"]["message"]), (400, &json!("Invalid field in fields: title")));
    let stranger =
        Client::new().post(format!("{}/v2/research/user/info/?fields=display_name", bench.sandbox.base_url()));
    let answer = stranger.bearer_auth("clt.no").json(&json!({"username": "x"})).send().await.expect("sent");
    assert_eq!(answer.status(), 401);
    assert_eq!(answer.json::<Value>().await.expect("JSON")["error"]["code"], "access_token_invalid");
}

#[tokio::test]
async fn tokens_are_given_for_forms_only() {
    let bench = Bench::start(small()).await;
    let good =
        bench.ask_token(&[("client_key", "k"), ("client_secret", "s"), ("grant_type", "client_credentials")]).await;
    assert!(good["access_token"].as_str().expect("a token").starts_with("clt."));
    assert_eq!((&good["expires_in"], &good["token_type"]), (&json!(7200), &json!("Bearer")));
    let bad = bench.ask_token(&[("client_key", "k"), ("client_secret", "s"), ("grant_type", "password")]).await;
    assert_eq!(bad["error"], "unsupported_grant_type");
    let (_, json_body) = bench.post("/v2/oauth/token/", &json!({"client_key": "k"})).await;
    assert_eq!(json_body["error"], "invalid_request");
    assert!(json_body["log_id"].is_string() && json_body["error_description"].is_string());
}

#[tokio::test]
async fn comments_and_replies_are_paged() {
    let bench = Bench::start(small()).await;
    let (world, now) = (bench.sandbox.world(), bench.sandbox.clock().now());
    let busy =
        (0..20_000).filter_map(|i| world.video(i)).find(|v| v.is_available(now) && v.threads_at(now).count() > 150);
    let video = busy.expect("a busy video");
    let path =
        "/v2/research/video/comment/list/?fields=id,video_id,text,like_count,reply_count,parent_comment_id,create_time";
    let mut seen = Vec::new();
    let mut cursor = json!(0);
    loop {
        let (_, answer) = bench.post(path, &json!({"video_id": video.id(), "max_count": 100, "cursor": cursor})).await;
        seen.extend(answer["data"]["comments"].as_array().expect("comments").clone());
        cursor = answer["data"]["cursor"].clone();
        if answer["data"]["has_more"] == json!(false) {
            break;
        }
    }
    let there = video.threads_at(now).take(1000).filter_map(|n| video.comment(n, now)).filter(|c| !c.is_deleted);
    assert_eq!(
        seen.iter().filter_map(|c| c["id"].as_i64()).collect::<Vec<_>>(),
        there.map(|c| c.id).collect::<Vec<_>>()
    );
    assert!(seen.iter().all(|comment| comment["parent_comment_id"] == comment["video_id"]));
    let parent = seen.iter().find(|c| c["reply_count"].as_i64() > Some(1)).expect("an answered comment");
    let (_, replies) = bench.post(path, &json!({"comment_id": parent["id"]})).await;
    let replies = replies["data"]["comments"].as_array().expect("replies");
    assert!(!replies.is_empty() && replies.iter().all(|reply| reply["parent_comment_id"] == parent["id"]));
    let (status, _) = bench.post(path, &json!({"video_id": video.id(), "cursor": 1000})).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn users_are_described() {
    let bench = Bench::start(small()).await;
    let world = bench.sandbox.world();
    let path =
        "/v2/research/user/info/?fields=display_name,bio_description,avatar_url,is_verified,follower_count,video_count";
    let open =
        (0..100).filter_map(|i| world.creator(i)).find(|creator| !creator.is_restricted).expect("an open account");
    let (_, answer) = bench.post(path, &json!({"username": open.handle})).await;
    assert_eq!(answer["data"]["display_name"], open.display_name);
    assert!(answer["data"].get("username").is_none());
    let (status, answer) = bench.post(path, &json!({"username": "nobody"})).await;
    assert_eq!(status, 400);
    assert!(answer["error"]["message"].as_str().expect("text").ends_with("is invalid: cannot find the user"));
    let shut =
        (0..3000).filter_map(|i| world.creator(i)).find(|creator| creator.is_restricted).expect("a restricted one");
    let (_, answer) = bench.post(path, &json!({"username": shut.handle})).await;
    assert_eq!(answer["error"]["message"], "API cannot return this user's information");
}

#[tokio::test]
async fn the_quota_is_free_again_at_simulated_midnight() {
    let quota = Quota { requests: 3, records: 100_000, time_base: TimeBase::Simulated };
    let bench = Bench::start(SandboxConfig { quota, ..small() }).await;
    for status in [200, 200, 200, 429, 429] {
        assert_eq!(bench.search(&body("US")).await.0, status);
    }
    let (_, answer) = bench.search(&body("US")).await;
    assert_eq!(answer["error"]["code"], "daily_quota_limit_exceeded");
    bench.sandbox.clock().advance(TimeDelta::days(1));
    assert_eq!(bench.search(&body("US")).await.0, 200);
    let quota = Quota { requests: 1000, records: 150, time_base: TimeBase::Simulated };
    let bench = Bench::start(SandboxConfig { quota, ..small() }).await;
    assert_eq!(bench.search(&body("US")).await.0, 200);
    assert_eq!(bench.search(&body("US")).await.0, 200);
    assert_eq!(bench.search(&body("US")).await.0, 429);
}

#[tokio::test]
async fn refusals_on_demand() {
    for (kind, status, code) in [
        (FaultKind::InternalError, 500, "internal_error"),
        (FaultKind::RateLimit, 429, "rate_limit_exceeded"),
        (FaultKind::DailyQuota, 429, "daily_quota_limit_exceeded"),
        (FaultKind::TokenExpired, 401, "access_token_invalid"),
    ] {
        let mut bench = Bench::with_faults([FaultRule::next(kind, 1).at(Endpoint::VideoQuery)]).await;
        let (got, answer) = bench.search(&body("US")).await;
        assert_eq!((got.as_u16(), &answer["error"]["code"]), (status, &json!(code)));
        if kind == FaultKind::TokenExpired {
            assert_eq!(bench.search(&body("US")).await.0, 401, "dead from then on");
            bench.login().await;
        }
        assert_eq!(bench.search(&body("US")).await.0, 200, "healed");
        assert_eq!(bench.sandbox.stats().faults[&kind], 1);
        assert_eq!(bench.sandbox.stats().quota_requests, if status == 500 { 2 } else { 1 }, "{kind:?}");
    }
    let bench = Bench::with_faults([FaultRule::next(FaultKind::GatewayTimeout, 1).at(Endpoint::VideoQuery)]).await;
    let answer = bench.send("/v2/research/video/query/?fields=id", &body("US")).await.expect("sent");
    assert_eq!(answer.status(), 504);
    let bench = Bench::with_faults([FaultRule::next(FaultKind::OauthRefused, 1)]).await;
    assert!(bench.token.is_empty());
}

#[tokio::test]
async fn search_ids_and_cursors_are_refused_and_heal() {
    for (kind, text) in
        [(FaultKind::SearchIdRefused, "is invalid or expired"), (FaultKind::CursorRefused, "Invalid count or cursor")]
    {
        let bench = Bench::with_faults([FaultRule::next(kind, 2)]).await;
        let (_, first) = bench.search(&body("US")).await;
        assert_eq!(first["error"]["code"], "ok", "a first page is never struck");
        let mut next = body("US");
        next["search_id"] = first["data"]["search_id"].clone();
        next["cursor"] = json!(100);
        for _ in 0..2 {
            let (status, answer) = bench.search(&next).await;
            assert_eq!(status, 400);
            assert!(answer["error"]["message"].as_str().expect("text").ends_with(text));
        }
        assert_eq!(bench.search(&next).await.0, 200);
    }
}

#[tokio::test]
async fn short_and_empty_pages_lose_nothing() {
    let rules = [FaultRule::every(FaultKind::EmptyPage, 3), FaultRule::every(FaultKind::ShortPage, 2)];
    let bench = Bench::with_faults(rules).await;
    let walk = bench.walk(&body("US")).await;
    assert!(walk.sizes.contains(&0));
    assert_eq!(walk.ids, expected(&bench, "US"));
}

#[tokio::test]
async fn items_are_spoilt_on_demand() {
    let bench =
        Bench::with_faults([FaultRule::next(FaultKind::NullStats, 1), FaultRule::next(FaultKind::NulInUsername, 1)])
            .await;
    let (_, answer) = bench.search(&body("US")).await;
    assert!(answer["data"]["videos"][0]["view_count"].is_null());
    assert!(answer["data"]["videos"][1]["view_count"].is_i64());
    assert!(answer["data"]["videos"][0]["username"].as_str().expect("a name").ends_with('\0'));
    let bench = Bench::with_faults([FaultRule::next(FaultKind::MissingId, 1)]).await;
    let (_, answer) = bench.search(&body("US")).await;
    assert!(answer["data"]["videos"][0].get("id").is_none() && answer["data"]["videos"][1]["id"].is_i64());
    let bench = Bench::with_faults([FaultRule::next(FaultKind::LoneSurrogate, 1)]).await;
    let answer = bench.send("/v2/research/video/query/?fields=id,video_description", &body("US")).await.expect("sent");
    let text = answer.text().await.expect("text");
    assert!(text.contains("\\ud83d\"") && serde_json::from_str::<Value>(&text).is_err());
}

#[tokio::test]
async fn connections_break_on_demand() {
    let path = "/v2/research/video/query/?fields=id,video_description";
    let bench = Bench::with_faults([FaultRule::next(FaultKind::ConnectionReset, 1).at(Endpoint::VideoQuery)]).await;
    assert!(bench.send(path, &body("US")).await.is_err());
    assert_eq!(bench.search(&body("US")).await.0, 200);
    let bench = Bench::with_faults([FaultRule::next(FaultKind::TruncatedBody, 1).at(Endpoint::VideoQuery)]).await;
    let answer = bench.send(path, &body("US")).await.expect("a head");
    assert_eq!(answer.status(), 200);
    assert!(answer.bytes().await.is_err());
    assert_eq!(bench.search(&body("US")).await.0, 200);
    let slow = FaultRule { millis: Some(300), ..FaultRule::next(FaultKind::SlowAnswer, 1).at(Endpoint::VideoQuery) };
    let bench = Bench::with_faults([slow]).await;
    let start = Instant::now();
    bench.search(&body("US")).await;
    assert!(start.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn admin_shows_and_changes() {
    let bench = Bench::start(small()).await;
    let url = |path: &str| format!("{}/sandbox/{path}", bench.sandbox.base_url());
    let get = async |path: &str| -> Value {
        bench.client.get(url(path)).send().await.expect("sent").json().await.expect("JSON")
    };
    assert_eq!(get("healthz").await, json!({"status": "ok"}));
    let plan = json!({"seed": 3, "fault": [{"kind": "internal_error", "next": 1, "endpoint": "video_query"}]});
    let answer = bench.client.post(url("faults")).json(&plan).send().await.expect("sent");
    assert_eq!(answer.status(), 200);
    assert_eq!(bench.search(&body("US")).await.0, 500);
    let stats = get("stats").await;
    assert_eq!((&stats["faults"]["internal_error"], &stats["requests"]["video_query"]), (&json!(1), &json!(1)));
    assert_eq!(stats["answers"]["500"], json!(1));
    let bad = bench.client.post(url("faults")).json(&json!({"fault": [{"kind": "x"}]})).send().await.expect("sent");
    assert_eq!(bad.status(), 400);
    let moved = bench.client.post(url("clock")).json(&json!({"advance_seconds": 60})).send().await.expect("sent");
    assert_eq!(moved.status(), 200);
    assert_eq!(bench.sandbox.clock().now(), bench.sandbox.world().end() + TimeDelta::seconds(60));
}

#[tokio::test]
async fn ten_million_videos_are_paged_quickly() {
    let world = WorldConfig { videos: 10_000_000, creators: 1_000_000, days: 30, ..WorldConfig::default() };
    let bench = Bench::start(SandboxConfig { world, quota: Quota::unlimited(), ..SandboxConfig::default() }).await;
    let mut body = json!({"query": {"and": [{"operation": "EQ", "field_name": "region_code", "field_values": ["US"]}]},
        "start_date": "20260101", "end_date": "20260130", "max_count": 100});
    bench.search(&body).await;
    let start = Instant::now();
    for _ in 0..20 {
        let (status, answer) = bench.search(&body).await;
        assert_eq!(status, 200);
        body["cursor"] = answer["data"]["cursor"].clone();
        body["search_id"] = answer["data"]["search_id"].clone();
    }
    let per_page = start.elapsed() / 20;
    eprintln!("{per_page:?} per page");
    assert!(per_page < Duration::from_millis(200), "{per_page:?} in a debug build");
}

#[tokio::test]
async fn searches_of_one_second_do_not_disturb_each_other() {
    let bench = Bench::with_faults([FaultRule::next(FaultKind::EmptyPage, 1)]).await;
    let (_, one) = bench.search(&body("US")).await;
    let (_, two) = bench.search(&body("US")).await;
    assert_eq!(one["data"]["videos"], json!([]));
    assert_ne!(one["data"]["search_id"], two["data"]["search_id"]);
    let mut next = body("US");
    next["search_id"] = one["data"]["search_id"].clone();
    next["cursor"] = json!(100);
    let (_, next) = bench.search(&next).await;
    assert_eq!(next["data"]["videos"], two["data"]["videos"], "what was held back");
}

#[tokio::test]
async fn two_runs_meet_the_same_troubles() {
    let plan = || FaultPlan {
        seed: 5,
        faults: vec![FaultRule::with_probability(FaultKind::InternalError, 0.4).at(Endpoint::VideoQuery)],
    };
    let mut runs = Vec::new();
    for _ in 0..2 {
        let bench = Bench::start(SandboxConfig { faults: plan(), ..small() }).await;
        let mut answers = Vec::new();
        for _ in 0..20 {
            answers.push(bench.search(&body("US")).await);
        }
        runs.push(answers);
    }
    assert_eq!(runs[0], runs[1]);
    assert!(runs[0].iter().any(|(status, _)| *status == 500) && runs[0].iter().any(|(status, _)| *status == 200));
}
