//! Lists of accounts, playlists and batch compliance over HTTP: wire formats, limits, refusals.

use chrono::TimeDelta;
use reqwest::{Client, Response};
use serde_json::{Value, json};
use std::collections::HashSet;
use tidelake_sandbox::world::Creator;
use tidelake_sandbox::{
    Endpoint, FaultKind, FaultPlan, FaultRule, Quota, Sandbox, SandboxConfig, SimClock, World, WorldConfig,
};

struct Bench {
    sandbox: Sandbox,
    client: Client,
    token: String,
}

impl Bench {
    async fn start(faults: impl IntoIterator<Item = FaultRule>) -> Self {
        let world = WorldConfig { videos: 5_000, creators: 500, ..WorldConfig::default() };
        let end = World::new(world.clone()).expect("a world").end();
        let (faults, clock) = (FaultPlan::of(faults), Some(SimClock::frozen(end)));
        let quota = Quota { requests: 300, ..Quota::default() };
        let config = SandboxConfig { world, faults, clock, quota, ..SandboxConfig::default() };
        let sandbox = Sandbox::start(config).await.expect("a sandbox");
        let client = Client::new();
        let form = [("client_key", "k"), ("client_secret", "s"), ("grant_type", "client_credentials")];
        let url = format!("{}/v2/oauth/token/", sandbox.base_url());
        let answer: Value = client.post(url).form(&form).send().await.expect("sent").json().await.expect("JSON");
        let token = answer["access_token"].as_str().expect("a token").to_owned();
        Self { sandbox, client, token }
    }

    async fn send(&self, path: &str, body: &Value) -> Response {
        let url = format!("{}/v2/research/{path}", self.sandbox.base_url());
        self.client.post(url).bearer_auth(&self.token).json(body).send().await.expect("sent")
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let answer = self.send(path, body).await;
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    /// Submits a file of ids.
    async fn submit(&self, category: &str, ids: &[i64]) -> (u16, Value) {
        let lines: Vec<_> = ids.iter().map(ToString::to_string).collect();
        let body = format!(
            "--b\r\nContent-Disposition: form-data; name=\"file_data\"; filename=\"test file.txt\"\r\n\
             Content-Type: text/plain\r\n\r\n{}\r\n--b\r\nContent-Disposition: form-data; name=\"category\"\r\n\r\n\
             {category}\r\n--b--\r\n",
            lines.join("\n")
        );
        let url = format!("{}/v2/research/validation_task/create/", self.sandbox.base_url());
        let request = self.client.post(url).bearer_auth(&self.token).body(body);
        let answer = request.header("content-type", "multipart/form-data; boundary=b").send().await.expect("sent");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    fn open_creators(&self) -> impl Iterator<Item = Creator> + '_ {
        let world = self.sandbox.world();
        (0..500).filter_map(|index| world.creator(index)).filter(|creator| !creator.is_restricted)
    }

    fn star(&self) -> Creator {
        let now = self.sandbox.clock().now();
        self.open_creators().find(|creator| creator.followers_at(now) > 1000).expect("a star")
    }
}

fn message(answer: &Value) -> &str {
    answer["error"]["message"].as_str().unwrap_or_default()
}

fn refused(status: u16, answer: &Value, words: &str) {
    assert_eq!((status, &answer["error"]["code"]), (400, &json!("invalid_params")), "{answer}");
    assert!(message(answer).contains(words), "{answer}");
}

#[tokio::test]
async fn followers_go_back_in_time() {
    let bench = Bench::start([]).await;
    let star = bench.star();
    let (mut cursor, mut seen, mut pages) = (i64::MAX, HashSet::new(), 0);
    let mut body = json!({"username": star.handle});
    loop {
        let (status, answer) = bench.post("user/followers/", &body).await;
        assert_eq!(status, 200, "{answer}");
        let data = &answer["data"];
        let users = data["user_followers"].as_array().expect("users");
        assert!(users.len() <= 20, "20 are the default");
        for user in users {
            assert_eq!(user.as_object().expect("a user").len(), 2);
            assert!(user["display_name"].is_string());
            seen.insert(user["username"].as_str().expect("a handle").to_owned());
        }
        let next = data["cursor"].as_i64().expect("a cursor");
        assert!(next <= cursor && next < bench.sandbox.clock().now().timestamp() && next > 1_500_000_000, "{next}");
        (cursor, pages) = (next, pages + 1);
        body["cursor"] = json!(next);
        if data["has_more"] == json!(false) {
            break;
        }
    }
    assert!(pages > 20);
    assert_eq!(seen.len(), bench.open_creators().count() - 1, "everybody but the star");
    let (_, old) = bench.post("user/followers/", &json!({"username": star.handle, "cursor": 1_000_000_000})).await;
    assert_eq!((&old["data"]["user_followers"], &old["data"]["has_more"]), (&json!([]), &json!(false)));
    assert_eq!(bench.sandbox.stats().quota_requests, 0, "a quota of their own");
}

#[tokio::test]
async fn followers_that_came_stay_and_new_ones_come_first() {
    let bench = Bench::start([]).await;
    let body = json!({"username": bench.star().handle, "max_count": 5});
    let (_, before) = bench.post("user/followers/", &body).await;
    let (_, again) = bench.post("user/followers/", &body).await;
    assert_eq!(before["data"], again["data"]);
    let now = bench.sandbox.clock().now().timestamp();
    bench.sandbox.clock().advance(TimeDelta::hours(2));
    let mut then = body.clone();
    then["cursor"] = json!(now);
    let (_, old) = bench.post("user/followers/", &then).await;
    let first = |answer: &Value| answer["data"]["user_followers"][0].clone();
    assert_eq!(first(&old), first(&before), "the same, seen from later");
}

#[tokio::test]
async fn lists_of_videos_have_the_wire_format() {
    let bench = Bench::start([]).await;
    let mut seen = (false, false, false);
    for owner in bench.open_creators().take(60) {
        let body = json!({"username": owner.handle});
        let (status, answer) = bench.post("user/liked_videos/?fields=id,username,favourites_count", &body).await;
        if status == 400 {
            assert_eq!(message(&answer), "This user's liked videos are private");
        } else if answer["data"]["user_liked_videos"].as_array().is_some_and(|videos| videos.len() > 5) {
            let video = &answer["data"]["user_liked_videos"][0];
            assert!(video["id"].is_i64() && video["favorites_count"].is_i64() && video["username"].is_string());
            assert!(answer["data"]["cursor"].as_i64() > Some(1_500_000_000_000), "milliseconds, as in the example");
            seen.0 = true;
        }
        let (_, answer) = bench.post("user/pinned_videos/?fields=id,like_count", &body).await;
        let data = answer["data"].as_object().expect("data");
        assert_eq!(data.keys().collect::<Vec<_>>(), ["pinned_videos_list"], "neither cursor nor has_more");
        seen.1 |= answer["data"]["pinned_videos_list"].as_array().is_some_and(|videos| !videos.is_empty());
        let (status, answer) = bench.post("user/reposted_videos/?fields=id", &json!({"username": owner.handle})).await;
        if status == 200 && answer["data"]["has_more"] == json!(true) {
            assert_eq!(answer["data"]["cursor"], 20);
            assert!(answer["data"]["reposted_videos"].is_array());
            seen.2 = true;
        }
    }
    assert_eq!(seen, (true, true, true));
    let owner = bench.star().handle;
    let (status, answer) = bench.post("user/pinned_videos/", &json!({"username": owner})).await;
    refused(status, &answer, "Fields is required");
    let (status, answer) = bench.post("user/pinned_videos/?fields=voice_to_text", &json!({"username": owner})).await;
    refused(status, &answer, "Invalid field");
}

#[tokio::test]
async fn lists_refuse_what_the_documentation_refuses() {
    let bench = Bench::start([]).await;
    let (status, answer) = bench.post("user/followers/", &json!({"username": "nobody.at.all"})).await;
    refused(status, &answer, "is invalid: cannot find the user");
    let shut = (0..500).filter_map(|index| bench.sandbox.world().creator(index)).find(|creator| creator.is_restricted);
    let (status, answer) = bench.post("user/following/", &json!({"username": shut.expect("one").handle})).await;
    refused(status, &answer, "API cannot return this user's information");
    let handle = bench.star().handle;
    let (status, answer) = bench.post("user/followers/", &json!({"username": handle, "max_count": 101})).await;
    refused(status, &answer, "Invalid count or cursor");
    let (status, answer) = bench.post("playlist/info/", &json!({"playlist_id": 7})).await;
    refused(status, &answer, "Invalid playlist_id");
}

#[tokio::test]
async fn troubles_of_lists_on_demand() {
    let bench = Bench::start([
        FaultRule::next(FaultKind::ListHidden, 1),
        FaultRule::next(FaultKind::CursorAsText, 1),
        FaultRule::next(FaultKind::NulInUsername, 1),
        FaultRule::next(FaultKind::DailyQuota, 1).at(Endpoint::Following),
        FaultRule::next(FaultKind::OtherListName, 1),
        FaultRule::next(FaultKind::SpellingRefused, 1),
    ])
    .await;
    let body = json!({"username": bench.star().handle});
    let (status, answer) = bench.post("user/followers/", &body).await;
    refused(status, &answer, "private");
    let (_, answer) = bench.post("user/followers/", &body).await;
    assert!(answer["data"]["cursor"].is_string());
    assert!(answer["data"]["user_followers"][0]["username"].as_str().is_some_and(|handle| handle.ends_with('\0')));
    let (status, answer) = bench.post("user/following/", &body).await;
    assert_eq!((status, &answer["error"]["code"]), (429, &json!("daily_quota_limit_exceeded")));
    let mut names = Vec::new();
    for owner in bench.open_creators().take(20) {
        let path = "user/reposted_videos/?fields=id,favourites_count";
        let (status, answer) = bench.post(path, &json!({"username": owner.handle})).await;
        names.extend(answer["data"].as_object().filter(|_| status == 200).and_then(|data| data.keys().max().cloned()));
    }
    assert_eq!(names[..2], ["user_reposted_videos", "reposted_videos"]);
    assert_eq!(bench.sandbox.stats().faults[&FaultKind::SpellingRefused], 1);
}

#[tokio::test]
async fn playlists_are_paged_by_index() {
    let bench = Bench::start([FaultRule::next(FaultKind::AnswerWithStatus500, 1)]).await;
    let world = bench.sandbox.world();
    let id = (0..5_000).filter_map(|index| world.video(index)).find_map(|video| video.playlist_id()).expect("one");
    let body = json!({"playlist_id": id, "max_count": 100});
    let (status, answer) = bench.post("playlist/info/?fields=playlist_id", &body).await;
    assert_eq!((status, &answer["error"]["code"]), (500, &json!("ok")));
    let data = &answer["data"];
    assert_eq!(
        (data["playlist_id"].as_i64(), &data["has_more"], &data["cursor"]),
        (Some(id), &json!(false), &json!(100))
    );
    assert!(data["playlist_name"].is_string() && data["playlist_last_updated"].is_i64());
    assert!(data["playlist_video_ids"][0].is_i64() || data["playlist_item_total"].is_i64());
    assert_eq!(bench.post("playlist/info/", &body).await.0, 200);
}

#[tokio::test]
async fn a_validation_task_runs_its_course() {
    let bench = Bench::start([]).await;
    let (world, now) = (bench.sandbox.world(), bench.sandbox.clock().now());
    let videos: Vec<_> = (0..400).filter_map(|index| world.video(index)).collect();
    let mut ids: Vec<_> = videos.iter().map(|video| video.id()).collect();
    ids.push(7);
    let (status, answer) = bench.submit("video", &ids).await;
    assert_eq!((status, &answer["error"]["http_status_code"]), (200, &json!(200)), "{answer}");
    let task = json!({"task_id": answer["data"]["task_id"].as_u64().expect("an unsigned number")});
    let (status, answer) = bench.post("validation_task/download/", &task).await;
    refused(status, &answer, "not completed");
    for word in ["Processing", "Completed"] {
        let (_, answer) = bench.post("validation_task_status/get/", &task).await;
        assert_eq!(answer["data"], json!({"task_status": word}));
    }
    let answer = bench.send("validation_task/download/", &task).await;
    assert_eq!((answer.status().as_u16(), answer.headers()["content-type"].as_bytes()), (200, &b"text/plain"[..]));
    let valid: Vec<i64> = answer.text().await.expect("text").lines().map(|id| id.parse().expect("an id")).collect();
    let truth: Vec<_> = videos.iter().filter(|video| video.is_available(now)).map(|video| video.id()).collect();
    assert!(truth.len() < videos.len());
    assert_eq!(valid, truth);
    let (status, answer) = bench.post("validation_task_status/get/", &json!({"task_id": 7})).await;
    refused(status, &answer, "Invalid task_id");
}

#[tokio::test]
async fn validation_tasks_have_limits() {
    let bench = Bench::start([FaultRule::next(FaultKind::ValidationFailed, 1)]).await;
    let ids: Vec<i64> = (1..=10_001).collect();
    let (status, answer) = bench.submit("video", &ids).await;
    refused(status, &answer, "10000");
    assert_eq!(bench.submit("comment", &ids[..10_000]).await.0, 200);
    let (status, answer) = bench.submit("user", &[7]).await;
    refused(status, &answer, "video or comment");
    let (status, answer) = bench.submit("video", &[]).await;
    refused(status, &answer, "text file of ids");
    let (status, answer) = bench.post("validation_task/create/", &json!({"category": "video"})).await;
    refused(status, &answer, "multipart/form-data");
    let (_, answer) = bench.submit("video", &[7]).await;
    let task = json!({"task_id": answer["data"]["task_id"]});
    let (_, answer) = bench.post("validation_task_status/get/", &task).await;
    assert_eq!(answer["data"]["task_status"], "Failed");
    let unknown = bench.client.post(format!("{}/v2/research/validation_task/create/", bench.sandbox.base_url()));
    assert_eq!(unknown.bearer_auth("clt.no").send().await.expect("sent").status(), 401);
}
