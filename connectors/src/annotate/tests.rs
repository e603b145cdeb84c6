//! Against a fake of the endpoint, on a free port.

use super::{Annotator, AskError, ExternalModelConfig};
use crate::client::Clock;
use crate::client::fault::Class;
use crate::client::retry::RetryConfig;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tidelake_schemas::Timestamp;

/// A secret that nothing may show.
const KEY: &str = "sk-hush/hush+never=seen";
const GOOD: &str = r#"{"summary":"A serum.","topics":["skincare"],"brands":[],"language":"en"}"#;

/// One scripted answer: status, headers, body, and how long it takes.
#[derive(Clone, Default)]
struct Reply {
    status: u16,
    retry_after: Option<&'static str>,
    body: String,
    takes: Duration,
}

#[derive(Clone, Default)]
struct Fake {
    replies: Arc<Mutex<VecDeque<Reply>>>,
    /// Authorization and body of each request.
    seen: Arc<Mutex<Vec<(String, Value)>>>,
    busy: Arc<AtomicUsize>,
    busiest: Arc<AtomicUsize>,
}

fn completion(content: &str) -> Reply {
    let choice = json!({ "index": 0, "message": { "role": "assistant", "content": content }, "finish_reason": "stop" });
    let usage = json!({ "prompt_tokens": 90, "completion_tokens": 21, "total_tokens": 111 });
    let body = json!({ "id": "c-1", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage });
    Reply { status: 200, body: body.to_string(), ..Reply::default() }
}

fn refusal(status: u16, body: &str) -> Reply {
    Reply { status, body: body.to_owned(), ..Reply::default() }
}

async fn answer(State(fake): State<Fake>, headers: HeaderMap, body: String) -> Response {
    let authorization = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let asked = serde_json::from_str(&body).expect("a JSON body");
    fake.seen.lock().expect("unpoisoned").push((authorization.to_owned(), asked));
    let reply = fake.replies.lock().expect("unpoisoned").pop_front().unwrap_or_else(|| completion(GOOD));
    let busy = fake.busy.fetch_add(1, Ordering::SeqCst) + 1;
    fake.busiest.fetch_max(busy, Ordering::SeqCst);
    tokio::time::sleep(reply.takes).await;
    fake.busy.fetch_sub(1, Ordering::SeqCst);
    let mut response = (StatusCode::from_u16(reply.status).expect("a status"), reply.body).into_response();
    if let Some(wait) = reply.retry_after {
        response.headers_mut().insert("retry-after", wait.parse().expect("a header"));
    }
    response
}

/// A fake with these answers, then good ones, and who asks it.
async fn bench(replies: impl IntoIterator<Item = Reply>, more: Value) -> (Fake, Annotator) {
    let fake = Fake { replies: Arc::new(Mutex::new(replies.into_iter().collect())), ..Fake::default() };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let base = format!("http://{}/v1/", listener.local_addr().expect("an address"));
    let app = Router::new().route("/v1/chat/completions", post(answer)).with_state(fake.clone());
    tokio::spawn(async move { axum::serve(listener, app).await.expect("a server") });
    let mut config = json!({ "base_url": base, "model": "m", "api_key": KEY, "per_minute": 60_000.0, "timeout": "2s" });
    config.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    let config: ExternalModelConfig = serde_json::from_value(config).expect("a configuration");
    assert_eq!(config.mistakes(), []);
    let waits = Duration::from_millis(1);
    let retry = RetryConfig { attempts: config.attempts, base: waits, cap: waits, ..RetryConfig::default() };
    let annotator = Annotator::new(&config, Clock::starting_at(Timestamp::default())).expect("a client");
    (fake, annotator.with_retry(retry))
}

async fn failure(reply: Reply, more: Value) -> (AskError, usize) {
    let (fake, annotator) = bench(std::iter::repeat_n(reply, 9), more).await;
    let error = annotator.ask("a caption").await.expect_err("is refused");
    (error, fake.seen.lock().expect("unpoisoned").len())
}

#[tokio::test]
async fn asks_as_the_wire_format_says_and_keeps_good_answers() {
    let (fake, annotator) = bench([], json!({})).await;
    let first = annotator.ask("Glow serum {caption} ✨").await.expect("an answer");
    assert_eq!((first.tokens, first.cached), (Some(111), false));
    assert_eq!(
        serde_json::from_str::<Value>(&first.json).expect("JSON"),
        serde_json::from_str::<Value>(GOOD).expect("JSON")
    );
    let again = annotator.ask("Glow serum {caption} ✨").await.expect("an answer");
    assert_eq!((again.json, again.cached), (first.json, true));
    annotator.ask("another").await.expect("an answer");
    let seen = fake.seen.lock().expect("unpoisoned");
    let [(authorization, body), _] = seen.as_slice() else { panic!("{} requests", seen.len()) };
    assert_eq!(authorization, &format!("Bearer {KEY}"));
    assert_eq!((&body["model"], &body["max_tokens"], &body["temperature"]), (&json!("m"), &json!(400), &json!(0)));
    assert_eq!(body["response_format"], json!({ "type": "json_object" }));
    let content = body["messages"][0]["content"].as_str().expect("a text");
    assert!(content.contains("topics") && content.ends_with("Caption:\nGlow serum {caption} ✨"), "{content}");
}

#[tokio::test]
async fn a_prompt_of_ones_own_has_a_version_of_its_own_and_texts_may_be_answers() {
    let (_, usual) = bench([], json!({})).await;
    let (fake, own) = bench([completion(" Nice. ")], json!({ "prompt": "Rate: {caption}", "json": false })).await;
    assert_eq!(own.ask("x").await.expect("an answer").json, "\"Nice.\"");
    assert!(own.prompt_version() != usual.prompt_version() && own.prompt_version().len() == 12);
    let seen = fake.seen.lock().expect("unpoisoned");
    assert_eq!(seen[0].1["messages"][0]["content"], "Rate: x");
    assert!(seen[0].1.get("response_format").is_none());
}

#[tokio::test]
async fn throttling_is_waited_out_as_long_as_it_says() {
    let throttled = Reply { retry_after: Some("1"), ..refusal(429, "slow down") };
    let (fake, annotator) = bench([throttled, refusal(503, "")], json!({})).await;
    let begun = Instant::now();
    annotator.ask("a").await.expect("an answer");
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(fake.seen.lock().expect("unpoisoned").len(), 3);
}

#[tokio::test]
async fn what_cannot_help_is_not_repeated_and_says_what_it_is() {
    let cut = json!({ "choices": [{ "message": { "content": "{\"a\":" }, "finish_reason": "length" }] }).to_string();
    let refused = json!({ "choices": [{ "message": { "content": null, "refusal": "I won't" } }] }).to_string();
    for (reply, class, text) in [
        (refusal(401, "bad key"), Class::AuthExpired, "HTTP 401: bad key"),
        (refusal(404, "no such model"), Class::NotFound, "HTTP 404: no such model"),
        (refusal(400, "too long"), Class::RequestInvalid, "HTTP 400: too long"),
        (refusal(200, "<html>"), Class::FormatDrift, "no chat completion"),
        (refusal(200, "{\"choices\":[]}"), Class::FormatDrift, "no choice"),
        (refusal(200, &cut), Class::FormatDrift, "raise external_model.max_tokens"),
        (refusal(200, &refused), Class::FormatDrift, "the model refuses: I won't"),
        (completion("Sure! Here you go"), Class::FormatDrift, "the answer is no JSON"),
        (completion("[1]"), Class::FormatDrift, "JSON, but no object"),
    ] {
        let (error, requests) = failure(reply, json!({})).await;
        assert_eq!((error.class, requests), (class, 1), "{error}");
        assert!(error.to_string().contains(text), "{error}");
        assert_eq!(error.is_final(), matches!(class, Class::AuthExpired | Class::NotFound));
    }
    let (_, annotator) = bench([completion("```json\n{\"a\":1}\n```")], json!({})).await;
    assert_eq!(annotator.ask("a").await.expect("fences are no part of it").json, "{\"a\":1}");
}

#[tokio::test]
async fn a_slow_endpoint_is_given_up_after_so_many_attempts() {
    let slow = Reply { takes: Duration::from_secs(5), ..completion(GOOD) };
    let (error, requests) = failure(slow, json!({ "timeout": "100ms", "attempts": 2 })).await;
    assert_eq!((error.class, requests), (Class::Timeout, 2), "{error}");
}

#[tokio::test]
async fn so_many_at_the_same_time_and_no_more() {
    let slow = Reply { takes: Duration::from_millis(50), ..completion(GOOD) };
    let (fake, annotator) = bench(std::iter::repeat_n(slow, 12), json!({ "concurrency": 3 })).await;
    let captions: Vec<String> = (0..12).map(|n| n.to_string()).collect();
    futures::future::join_all(captions.iter().map(|caption| annotator.ask(caption))).await;
    assert_eq!(fake.busiest.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn the_rate_holds() {
    // A burst of one, then ten per second.
    let (_, annotator) = bench([], json!({ "concurrency": 1, "per_minute": 600.0 })).await;
    let begun = Instant::now();
    for n in 0..4 {
        annotator.ask(&n.to_string()).await.expect("an answer");
    }
    assert!(begun.elapsed() >= Duration::from_millis(290), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn the_key_is_shown_nowhere() {
    // Where it would be cut in half, too.
    for before in ["Incorrect API key provided: ".to_owned(), "x".repeat(290)] {
        let (error, _) = failure(refusal(401, &format!("{before}{KEY}")), json!({})).await;
        assert!(!error.to_string().contains("sk-") && !format!("{error:?}").contains("sk-"), "{error}");
    }
    let (_, annotator) = bench([], json!({})).await;
    assert!(!format!("{annotator:?}").contains("hush"));
    let config = json!({ "base_url": "http://127.0.0.1", "model": "m", "api_key": KEY });
    let config: ExternalModelConfig = serde_json::from_value(config).expect("a configuration");
    assert!(!format!("{config:?}").contains("hush"));
}

#[test]
fn all_mistakes_are_told() {
    let config = json!({
        "base_url": "ftp://x", "model": " ", "prompt": "no place", "per_minute": 0.0, "concurrency": 0, "max_tokens": 0,
        "attempts": 21
    });
    let config: ExternalModelConfig = serde_json::from_value(config).expect("a configuration");
    let keys: Vec<&str> = config.mistakes().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["base_url", "model", "prompt", "per_minute", "concurrency", "max_tokens", "attempts"]);
    assert!(
        serde_json::from_value::<ExternalModelConfig>(json!({ "base_url": "http://a", "model": "m", "x": 1 })).is_err()
    );
}
