//! The website's part of the sandbox: cards, short links, redirects.

use reqwest::{Client, Method, Response};
use serde_json::Value;
use tidelake_sandbox::{
    Endpoint, FaultKind, FaultPlan, FaultRule, Sandbox, SandboxConfig, SimClock, World, WorldConfig,
};

struct Bench {
    sandbox: Sandbox,
    client: Client,
}

impl Bench {
    async fn start(faults: impl IntoIterator<Item = FaultRule>) -> Self {
        let world = WorldConfig { videos: 5_000, creators: 500, ..WorldConfig::default() };
        let end = World::new(world.clone()).expect("a world").end();
        let faults = FaultPlan::of(faults);
        let config = SandboxConfig { world, faults, clock: Some(SimClock::frozen(end)), ..SandboxConfig::default() };
        let sandbox = Sandbox::start(config).await.expect("a sandbox");
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        Self { sandbox, client }
    }

    async fn ask(&self, method: Method, path: &str) -> Response {
        let url = format!("{}{path}", self.sandbox.base_url());
        self.client.request(method, url).send().await.expect("sent")
    }

    async fn card(&self, address: &str) -> (u16, Value) {
        let url = format!("{}/oembed", self.sandbox.base_url());
        let answer = self.client.get(url).query(&[("url", address)]).send().await.expect("sent");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    async fn location(&self, path: &str) -> (u16, String) {
        let answer = self.ask(Method::HEAD, path).await;
        let location = answer.headers().get("location").and_then(|value| value.to_str().ok()).unwrap_or_default();
        (answer.status().as_u16(), location.to_owned())
    }

    /// The id and handle of a video that can be seen, or cannot.
    fn video(&self, visible: bool) -> (i64, String, u64) {
        let now = self.sandbox.clock().now();
        let mut all = (0..5_000).filter_map(|index| self.sandbox.world().video(index));
        let found = all.find(|video| video.is_available(now) == visible).expect("one");
        (found.id(), found.creator().handle, found.index())
    }
}

#[tokio::test]
async fn cards_tell_what_the_research_api_tells() {
    let bench = Bench::start([]).await;
    let (id, handle, index) = bench.video(true);
    let (status, card) = bench.card(&format!("https://www.tiktok.com/@{handle}/video/{id}")).await;
    let video = bench.sandbox.world().video(index).expect("a video");
    assert_eq!((status, card["title"].as_str()), (200, Some(video.caption().text.as_str())));
    assert_eq!((card["author_unique_id"].as_str(), card["type"].as_str()), (Some(handle.as_str()), Some("video")));
    assert_eq!(
        (card["embed_product_id"].as_str(), card["width"].as_str()),
        (Some(id.to_string().as_str()), Some("100%"))
    );
    assert!(card["html"].as_str().is_some_and(|html| html.contains(&format!("data-video-id=\"{id}\""))));
    assert!(card["thumbnail_url"].as_str().is_some_and(|url| url.contains("x-expires=")));
    assert!(card["thumbnail_width"].is_i64());
    let (_, same) = bench.card(&format!("https://m.tiktok.com/@/video/{id}?lang=en")).await;
    assert_eq!(same, card);
    let (status, profile) = bench.card(&format!("https://www.tiktok.com/@{handle}")).await;
    assert_eq!(
        (status, profile["type"].as_str(), profile["embed_type"].as_str()),
        (200, Some("rich"), Some("profile"))
    );
    assert!(profile.get("thumbnail_url").is_none());
}

#[tokio::test]
async fn what_cannot_be_told_is_one_and_the_same_400() {
    let bench = Bench::start([]).await;
    let ((seen, ..), (gone, ..)) = (bench.video(true), bench.video(false));
    for address in [
        format!("https://www.tiktok.com/@x/video/{gone}"),
        "https://www.tiktok.com/@x/video/1".to_owned(),
        format!("https://www.tiktokv.com/share/video/{seen}/"),
        format!("https://www.tiktok.com.evil.example/@x/video/{seen}"),
        "https://vm.tiktok.com/ZS0000000/".to_owned(),
        "https://www.tiktok.com/@nobody.at.all".to_owned(),
        "nonsense".to_owned(),
    ] {
        let (status, answer) = bench.card(&address).await;
        assert_eq!(
            (status, answer),
            (400, serde_json::json!({"message": "Something went wrong", "code": 400})),
            "{address}"
        );
    }
    assert_eq!(bench.ask(Method::GET, "/oembed").await.status(), 400);
}

#[tokio::test]
async fn short_links_redirect() {
    let bench = Bench::start([]).await;
    let (id, handle, index) = bench.video(true);
    let world = bench.sandbox.world();
    let code = world.short_code(&world.video(index).expect("a video"));
    for host in ["vm", "vt", "t"] {
        let (status, to) = bench.location(&format!("/{host}/{code}/")).await;
        assert!(status == 301 && to.starts_with(&format!("https://www.tiktok.com/@{handle}/video/{id}?")), "{to}");
    }
    let creator = world.creator(5).expect("a creator");
    let (_, to) = bench.location(&format!("/t/{}", world.short_code_of_creator(&creator))).await;
    assert!(to.starts_with(&format!("https://www.tiktok.com/@{}?", creator.handle)), "{to}");
    assert_eq!(bench.location("/vm/ZSdeadlink/").await, (302, "https://www.tiktok.com/?_r=1".into()));
    assert_eq!(bench.sandbox.stats().requests[&Endpoint::ShortLink], 5);
}

#[tokio::test]
async fn video_addresses_redirect_as_those_of_tiktok() {
    let bench = Bench::start([]).await;
    let (id, handle, _) = bench.video(true);
    let to = format!("https://www.tiktok.com/@/video/{id}");
    assert_eq!(bench.location(&format!("/share/video/{id}/")).await, (301, to.clone()));
    assert_eq!(bench.location(&format!("/v/{id}.html")).await, (301, to));
    for path in [format!("/@/video/{id}"), format!("/@{handle}/video/{id}")] {
        let answer = bench.ask(Method::GET, &path).await;
        assert_eq!(answer.status(), 200);
        let page = answer.text().await.expect("text");
        assert!(page.contains(&format!("https://www.tiktok.com/@{handle}/video/{id}")), "{page}");
    }
    let (gone, ..) = bench.video(false);
    let page = bench.ask(Method::GET, &format!("/@x/video/{gone}")).await.text().await.expect("text");
    assert!(page.contains("Video currently unavailable"));
}

#[tokio::test]
async fn troubles_strike_where_they_are_told_to() {
    let kinds = [
        (FaultKind::OembedRefused, 400),
        (FaultKind::NotFound, 404),
        (FaultKind::RateLimit, 429),
        (FaultKind::Forbidden, 403),
        (FaultKind::InternalError, 500),
        (FaultKind::GatewayTimeout, 504),
        (FaultKind::HtmlPage, 200),
        (FaultKind::EmptyBody, 200),
        (FaultKind::LoginRedirect, 302),
    ];
    for (kind, status) in kinds {
        let bench = Bench::start([FaultRule::next(kind, 1).at(Endpoint::Oembed)]).await;
        let (id, ..) = bench.video(true);
        let path = format!("/oembed?url=https%3A%2F%2Fwww.tiktok.com%2F%40%2Fvideo%2F{id}");
        let struck = bench.ask(Method::GET, &path).await;
        assert_eq!(struck.status(), status, "{kind:?}");
        let body = struck.text().await.expect("text");
        assert!(serde_json::from_str::<Value>(&body).is_err() || status >= 400, "{kind:?}: {body}");
        let healed = bench.ask(Method::GET, &path).await;
        assert!(healed.json::<Value>().await.is_ok_and(|card| card["type"] == "video"), "{kind:?}");
        assert_eq!(bench.sandbox.stats().faults[&kind], 1);
    }
    let bench = Bench::start([FaultRule::next(FaultKind::ShortLoop, 1)]).await;
    assert_eq!(bench.location("/vm/ZM1/").await, (302, "https://vm.tiktok.com/ZM1/".into()));
}

/// The state document of a page.
async fn scope(bench: &Bench, path: &str) -> Value {
    let page = bench.ask(Method::GET, path).await.text().await.expect("text");
    let (_, rest) = page.split_once("REHYDRATION__\" type=\"application/json\">").expect("a state");
    let (state, _) = rest.split_once("</script>").expect("an end");
    serde_json::from_str::<Value>(state).expect("JSON")["__DEFAULT_SCOPE__"].take()
}

#[tokio::test]
async fn a_profiles_list_hands_out_every_video_once() {
    let bench = Bench::start([]).await;
    let (world, now) = (bench.sandbox.world(), bench.sandbox.clock().now());
    let creator = (0..500).find_map(|n| world.creator(n).filter(|creator| !creator.is_restricted)).expect("one");
    let all = (0..5_000).filter_map(|index| world.video(index));
    let mut expected: Vec<_> =
        all.filter(|video| video.creator_index() == creator.index && video.is_available(now)).collect();
    expected.reverse();
    let scope = scope(&bench, &format!("/@{}", creator.handle)).await;
    let user = &scope["webapp.user-detail"]["userInfo"]["user"];
    assert_eq!(user["id"].as_str(), Some(creator.id.to_string().as_str()));
    let sec_uid = user["secUid"].as_str().expect("a secUid");
    let (mut cursor, mut found) = ("0".to_owned(), Vec::new());
    loop {
        let path = format!("/api/post/item_list/?secUid={sec_uid}&count=30&cursor={cursor}");
        let page: Value = bench.ask(Method::GET, &path).await.json().await.expect("JSON");
        let items = page["itemList"].as_array().expect("a list");
        assert!(items.len() <= 30 && items.iter().all(|item| item["createTime"].is_i64()));
        found.extend(items.iter().map(|item| item["id"].as_str().expect("an id").to_owned()));
        cursor = page["cursor"].as_str().expect("a text").to_owned();
        if page["hasMore"] == false {
            break;
        }
    }
    assert_eq!(found, expected.iter().map(|video| video.id().to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn robots_may_ask_for_pages_but_not_for_the_login() {
    let bench = Bench::start([]).await;
    let robots = bench.ask(Method::GET, "/robots.txt").await.text().await.expect("text");
    assert!(robots.contains("Disallow: /login") && !robots.lines().any(|line| line == "Disallow: /"), "{robots}");
}
