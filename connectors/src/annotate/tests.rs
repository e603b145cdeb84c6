//! Against the sandbox's model.

use super::{Annotator, AskError, ExternalModelConfig, Select};
use crate::client::Clock;
use crate::client::fault::Class;
use crate::client::retry::RetryConfig;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tidelake_sandbox::model::{ChatModel, GOOD, Reply};
use tidelake_schemas::Timestamp;

/// A secret that nothing may show.
const KEY: &str = "sk-hush/hush+never=seen";

/// A fake with these answers, then good ones, and who asks it.
async fn bench(replies: impl IntoIterator<Item = Reply>, more: Value) -> (ChatModel, Annotator) {
    let fake = ChatModel::start(replies).await.expect("a free port");
    let base = format!("{}/", fake.base_url());
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
    (error, fake.asked().len())
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
    let seen = fake.asked();
    let [question, _] = seen.as_slice() else { panic!("{} requests", seen.len()) };
    let body = &question.body;
    assert_eq!(question.authorization, format!("Bearer {KEY}"));
    assert_eq!((&body["model"], &body["max_tokens"], &body["temperature"]), (&json!("m"), &json!(400), &json!(0)));
    assert_eq!(body["response_format"], json!({ "type": "json_object" }));
    let content = question.prompt();
    assert!(content.contains("topics") && content.ends_with("Caption:\nGlow serum {caption} ✨"), "{content}");
}

#[tokio::test]
async fn a_prompt_of_ones_own_has_a_version_of_its_own_and_texts_may_be_answers() {
    let (_, usual) = bench([], json!({})).await;
    let (fake, own) =
        bench([Reply::completion(" Nice. ")], json!({ "prompt": "Rate: {caption}", "json": false })).await;
    assert_eq!(own.ask("x").await.expect("an answer").json, "\"Nice.\"");
    assert!(own.prompt_version() != usual.prompt_version() && own.prompt_version().len() == 12);
    let seen = fake.asked();
    assert_eq!(seen[0].prompt(), "Rate: x");
    assert!(seen[0].body.get("response_format").is_none());
}

#[tokio::test]
async fn throttling_is_waited_out_as_long_as_it_says() {
    let throttled = Reply { retry_after: Some("1"), ..Reply::refusal(429, "slow down") };
    let (fake, annotator) = bench([throttled, Reply::refusal(503, "")], json!({})).await;
    let begun = Instant::now();
    annotator.ask("a").await.expect("an answer");
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(fake.asked().len(), 3);
}

#[tokio::test]
async fn what_cannot_help_is_not_repeated_and_says_what_it_is() {
    let cut = json!({ "choices": [{ "message": { "content": "{\"a\":" }, "finish_reason": "length" }] }).to_string();
    let refused = json!({ "choices": [{ "message": { "content": null, "refusal": "I won't" } }] }).to_string();
    for (reply, class, text) in [
        (Reply::refusal(401, "bad key"), Class::AuthExpired, "HTTP 401: bad key"),
        (Reply::refusal(404, "no such model"), Class::NotFound, "HTTP 404: no such model"),
        (Reply::refusal(400, "too long"), Class::RequestInvalid, "HTTP 400: too long"),
        (Reply::refusal(200, "<html>"), Class::FormatDrift, "no chat completion"),
        (Reply::refusal(200, "{\"choices\":[]}"), Class::FormatDrift, "no choice"),
        (Reply::refusal(200, &cut), Class::FormatDrift, "raise external_model.max_tokens"),
        (Reply::refusal(200, &refused), Class::FormatDrift, "the model refuses: I won't"),
        (Reply::completion("Sure! Here you go"), Class::FormatDrift, "the answer is no JSON"),
        (Reply::completion("[1]"), Class::FormatDrift, "JSON, but no object"),
    ] {
        let (error, requests) = failure(reply, json!({})).await;
        assert_eq!((error.class, requests), (class, 1), "{error}");
        assert!(error.to_string().contains(text), "{error}");
        assert_eq!(error.is_final(), matches!(class, Class::AuthExpired | Class::NotFound));
    }
    let (_, annotator) = bench([Reply::completion("```json\n{\"a\":1}\n```")], json!({})).await;
    assert_eq!(annotator.ask("a").await.expect("fences are no part of it").json, "{\"a\":1}");
}

#[tokio::test]
async fn a_slow_endpoint_is_given_up_after_so_many_attempts() {
    let slow = Reply { takes: Duration::from_secs(5), ..Reply::completion(GOOD) };
    let (error, requests) = failure(slow, json!({ "timeout": "100ms", "attempts": 2 })).await;
    assert_eq!((error.class, requests), (Class::Timeout, 2), "{error}");
}

#[tokio::test]
async fn so_many_at_the_same_time_and_no_more() {
    let slow = Reply { takes: Duration::from_millis(50), ..Reply::completion(GOOD) };
    let (fake, annotator) = bench(std::iter::repeat_n(slow, 12), json!({ "concurrency": 3 })).await;
    let captions: Vec<String> = (0..12).map(|n| n.to_string()).collect();
    futures::future::join_all(captions.iter().map(|caption| annotator.ask(caption))).await;
    assert_eq!(fake.busiest(), 3);
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
        let (error, _) = failure(Reply::refusal(401, &format!("{before}{KEY}")), json!({})).await;
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

#[test]
fn captions_stay_where_their_terms_keep_them() {
    let config = |more: Value| {
        let mut config = json!({ "base_url": "https://models.example/v1", "model": "m", "enabled": true });
        config.as_object_mut().expect("an object").extend(more.as_object().cloned().expect("an object"));
        serde_json::from_value::<ExternalModelConfig>(config).expect("a configuration")
    };
    let usual = config(json!({}));
    assert_eq!(usual.mistakes(), []);
    assert!(usual.asks_about("oembed") && !usual.asks_about("research") && !usual.asks_about("of-tomorrow"));
    let why = usual.may_ask_about("research").expect_err("is refused");
    assert!(why.contains("third parties") && why.contains("external_model.allow_zones"), "{why}");
    for (address, local) in [
        ("http://127.0.0.1:11434/v1", true),
        ("http://[::1]/v1", true),
        ("http://localhost:8080/v1", true),
        ("http://127.0.0.1.example/v1", false),
        ("http://localhost.example/v1", false),
    ] {
        let config = config(json!({ "base_url": address }));
        assert_eq!((config.is_local(), config.asks_about("research")), (local, local), "{address}");
    }
    let words = json!({ "approval": "data processing agreement of 2026-01-02" });
    let named = config(json!({ "allow_zones": ["research"], "acknowledgement": words }));
    assert!(named.asks_about("research") && !named.asks_about("display"));
    let narrow = config(json!({ "select": { "zones": ["web"] }, "allow_zones": ["web"], "acknowledgement": words }));
    assert!(narrow.asks_about("web") && !narrow.asks_about("oembed"));
    for (more, key, part) in [
        (json!({ "allow_zones": ["research"] }), "allow_zones", "approval"),
        (json!({ "allow_zones": ["reserch"], "acknowledgement": words }), "allow_zones", "oembed"),
        (json!({ "select": { "zones": ["research"] } }), "select.zones", "third parties"),
        (json!({ "select": { "min_letters": 0 } }), "select.min_letters", "from 1"),
    ] {
        let mistakes = config(more).mistakes();
        let [(found, why)] = mistakes.as_slice() else { panic!("{mistakes:?}") };
        assert!(*found == key && why.contains(part), "{found}: {why}");
    }
}

#[test]
fn short_captions_and_other_languages_are_left_out() {
    let select = Select { min_letters: 5, languages: vec!["en".into()], zones: None };
    assert!(select.wants("a b c d e ✨", "en") && select.wants("ありがとう", "en"));
    assert!(!select.wants("a b c d 1234 ✨", "en") && !select.wants("hello world", "de"));
    assert!(Select::default().wants("a caption of twenty letters", "und"));
}
