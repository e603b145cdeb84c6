use super::*;
use secrecy::SecretString;
use serde_json::json;
use tidelake_schemas::Timestamp;
use url::Url;

fn url(text: &str) -> Url {
    Url::parse(text).expect("an address")
}

fn request(address: &str) -> Request {
    Request::get("op", url(address))
}

fn key(address: &str) -> CacheKey {
    CacheKey::of("main", &request(address))
}

fn response(bytes: usize) -> Response {
    Response {
        status: 200,
        url: url("https://h.example/"),
        location: None,
        body: vec![b'x'; bytes].into(),
        fingerprint: None,
        at: Timestamp(7),
        cached: false,
        stale: false,
        requests: 3,
        usage: None,
        survived: Some("HTTP 500".into()),
    }
}

#[test]
fn every_class_has_its_time() {
    let cache = ResponseCache::new(CacheConfig::default());
    let (start, minute) = (Instant::now(), Duration::from_secs(60));
    for (ttl, minutes) in [(Ttl::Info, 30), (Ttl::Formats, 60), (Ttl::UploadDate, 1440), (Ttl::Oembed, 60)] {
        let key = key(&format!("https://h.example/{ttl:?}"));
        cache.put(key, ttl, &response(10), start);
        let end = start + minute * minutes;
        assert!(cache.get(key, end - minute).is_some(), "{ttl:?}");
        assert!(cache.get(key, end).is_none(), "{ttl:?}");
        assert!(cache.get_stale(key, end).is_some_and(|answer| answer.stale && answer.cached));
        assert!(cache.get_stale(key, end + minute * 1440).is_none());
    }
    let snapshot = cache.snapshot();
    assert_eq!((snapshot.entries, snapshot.hits, snapshot.misses, snapshot.stale), (4, 4, 4, 4));
}

#[test]
fn a_kept_answer_costs_nothing_and_keeps_its_time() {
    let cache = ResponseCache::new(CacheConfig::default());
    let now = Instant::now();
    cache.put(key("https://h.example/"), Ttl::Info, &response(10), now);
    let answer = cache.get(key("https://h.example/"), now).expect("a hit");
    assert_eq!(
        (answer.requests, answer.survived, answer.cached, answer.stale, answer.at),
        (0, None, true, false, Timestamp(7))
    );
}

#[test]
fn bytes_are_bounded_and_the_least_recently_used_go() {
    let cache = ResponseCache::new(CacheConfig { max_bytes: 10_000, ..CacheConfig::default() });
    let now = Instant::now();
    let keys: Vec<_> = (0..100).map(|n| key(&format!("https://h.example/{n}"))).collect();
    for key in &keys {
        cache.put(*key, Ttl::Info, &response(700), now);
        assert!(cache.snapshot().bytes <= 10_000);
        // The first is used all the time.
        assert!(cache.get(keys[0], now).is_some());
    }
    assert!(cache.get(keys[99], now).is_some());
    assert!(cache.get(keys[1], now).is_none());
    // What is larger than everything is not kept, and drives nothing out.
    cache.put(key("https://h.example/big"), Ttl::Info, &response(20_000), now);
    assert!(cache.get(keys[0], now).is_some());
    assert!(cache.snapshot().bytes <= 10_000);
}

#[test]
fn keys() {
    assert_eq!(key("https://h.example/?a=1&b=2#x"), key("https://h.example/?b=2&a=1"));
    assert_ne!(key("https://h.example/?a=1"), key("https://h.example/?a=2"));
    let get = request("https://h.example/");
    assert_ne!(CacheKey::of("main", &get), CacheKey::of("other", &get));
    let post = |body: serde_json::Value| CacheKey::of("main", &Request::post("op", url("https://h.example/"), body));
    assert_ne!(post(json!({"cursor": 1})), post(json!({"cursor": 2})));
    // The token is no part of it, and nothing of a request can be read from it.
    let with = Request { bearer: Some(SecretString::from("hush")), ..get.clone() };
    assert_eq!(CacheKey::of("main", &with), CacheKey::of("main", &get));
    assert!(!format!("{:?}", key("https://h.example/?access_token=hush")).contains("hush"));
}
