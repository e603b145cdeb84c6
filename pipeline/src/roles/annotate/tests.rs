//! Questions against a scripted model.

use super::ask::{Asker, Outcome, Question};
use super::known::Known;
use crate::roles::worker::Ended;
use serde_json::{Value, json};
use tidelake_connectors::annotate::{Annotator, ExternalModelConfig};
use tidelake_sandbox::model::{ChatModel, Reply};
use tidelake_schemas::{Annotation, Enrichment, Provenance, VideoObservation, codec};
use tokio::sync::mpsc::channel;

struct Bench {
    model: ChatModel,
    asker: Asker,
}

impl Bench {
    async fn new(replies: impl IntoIterator<Item = Reply>, more: Value) -> Self {
        let model = ChatModel::start(replies).await.expect("a free port");
        let mut config = json!({ "base_url": model.base_url(), "model": "m", "attempts": 1, "concurrency": 1, "per_minute": 60_000 });
        config.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        let config: ExternalModelConfig = serde_json::from_value(config).expect("a configuration");
        let annotator = Annotator::new(&config, crate::clock::for_connectors()).expect("a client");
        Self { model, asker: Asker::new(config, annotator, Known::default()) }
    }

    /// What is asked about an observation of a video.
    fn question(&self, video_id: i64, cycle: i64, caption: &str) -> Option<Question> {
        let (zone, task) = ("research".to_owned(), "t".to_owned());
        let video = VideoObservation {
            event_id: uuid::Uuid::from_u64_pair(video_id.unsigned_abs(), cycle.unsigned_abs()).to_string(),
            platform: "tiktok".into(),
            video_id,
            caption: Some(caption.into()),
            provenance: Provenance { zone, task, cycle, ..Provenance::default() },
            ..VideoObservation::default()
        };
        let observed = codec::encode(&video).expect("encodes");
        let message = codec::append_enrichment(&observed, &Enrichment::default()).expect("appends");
        self.asker.question(&message).expect("reads")
    }

    fn questions(&self, captions: &[&str]) -> Vec<Question> {
        (1..).zip(captions).map(|(id, caption)| self.question(id, 0, caption).expect("is asked about")).collect()
    }

    /// The rows, noted as the worker does once they are acknowledged, and why the rest has to wait.
    async fn ask(&self, questions: Vec<Question>) -> (Vec<Option<Annotation>>, Option<String>) {
        let (tell, mut told) = channel(64);
        self.asker.ask_all(questions, &tell).await.expect("no final error");
        drop(tell);
        let (mut rows, mut waits) = (Vec::new(), None);
        while let Some(ended) = told.recv().await {
            match ended {
                Ended::Done(outcomes) => rows.extend(outcomes.into_iter().map(|outcome: Outcome| {
                    self.asker.note(&outcome);
                    outcome.row
                })),
                Ended::Later(_, why) => waits = Some(why),
            }
        }
        (rows, waits)
    }
}

const SERUM: &str = "This glow serum changed my whole routine";
const PASTA: &str = "One pot pasta that everybody will love";

#[tokio::test]
async fn the_same_caption_of_a_video_is_asked_about_once() {
    let bench = Bench::new([], json!({})).await;
    let first = bench.question(1, 0, SERUM).expect("is asked about");
    let again = bench.question(1, 1, SERUM).expect("is asked about");
    let other = bench.question(2, 0, SERUM).expect("is asked about");
    assert_eq!(first.row.question_id, again.row.question_id);
    assert!(first.row.event_id != again.row.event_id && first.row.question_id != other.row.question_id);
    let (rows, _) = bench.ask(vec![first.clone(), again.clone(), other]).await;
    let [Some(row), None, Some(of_other)] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!(
        (row.status.as_str(), row.tokens, of_other.tokens),
        ("answered", Some(111), Some(0)),
        "kept answers cost nothing"
    );
    assert!(row.answer.as_deref().is_some_and(|answer| answer.contains("skincare")) && row.error.is_none());
    assert_eq!(bench.model.asked().len(), 1);
    let (rows, _) = bench.ask(vec![again, first]).await;
    assert!(rows[0].is_none(), "known");
    assert!(rows[1].is_some(), "the very same event: land decides by its lineage");
}

#[tokio::test]
async fn short_captions_other_languages_and_other_zones_are_not_asked_about() {
    let bench = Bench::new([], json!({})).await;
    assert!(bench.question(1, 0, "nice ✨ 1234567890 1234567890").is_none());
    let bench = Bench::new([], json!({ "select": { "languages": ["en"] } })).await;
    assert!(bench.question(1, 0, SERUM).is_none(), "its language is und");
    let bench = Bench::new([], json!({ "base_url": "https://models.example/v1" })).await;
    assert!(bench.question(1, 0, SERUM).is_none(), "zone research stays here");
}

#[tokio::test]
async fn an_endpoint_in_trouble_makes_all_wait_and_none_fail() {
    let bench = Bench::new([], json!({})).await;
    bench.model.answer_with(Some(Reply::refusal(500, "down")));
    let questions = bench.questions(&[SERUM, PASTA]);
    for _ in 0..5 {
        let (rows, waits) = bench.ask(questions.clone()).await;
        assert!(rows.is_empty() && waits.is_some_and(|why| why.contains("HTTP 500")), "{rows:?}");
    }
    bench.model.answer_with(None);
    let (rows, waits) = bench.ask(questions).await;
    assert!(waits.is_none() && rows.iter().flatten().all(|row| row.status == "answered"), "{rows:?}");
    assert_eq!(rows.len(), 2);
}

#[tokio::test]
async fn a_caption_that_alone_comes_to_nothing_fails_in_the_end() {
    // It is answered with 500, each time, and the next one is not.
    let captions = [SERUM, PASTA, "Three exercises for a stronger back", "What I eat in a day as a runner"];
    let down = || Reply::refusal(500, "crashed");
    let good = || Reply::completion("{}");
    let bench = Bench::new([down(), good(), down(), good(), down(), good()], json!({})).await;
    let questions = bench.questions(&captions);
    for _ in 0..2 {
        let (rows, waits) = bench.ask(questions.clone()).await;
        assert!(rows.is_empty() && waits.is_some());
    }
    let (rows, waits) = bench.ask(questions.clone()).await;
    let [Some(row)] = rows.as_slice() else { panic!("{rows:?}") };
    assert!(row.status == "failed" && row.error.as_deref().is_some_and(|why| why.contains("crashed")), "{row:?}");
    assert!(waits.is_none() && row.answer.is_none() && row.tokens.is_none(), "unknown is null");
    let (rows, _) = bench.ask(questions[1..].to_vec()).await;
    assert_eq!(rows.iter().flatten().filter(|row| row.status == "answered").count(), 3, "{rows:?}");
    assert_eq!(bench.model.asked().len(), 6, "answers were kept");
}

#[tokio::test]
async fn what_the_model_refuses_is_told_and_not_asked_again() {
    let bench = Bench::new([Reply::refusal(400, "too long")], json!({})).await;
    let (rows, _) = bench.ask(bench.questions(&[SERUM])).await;
    assert_eq!(rows[0].as_ref().map(|row| row.status.as_str()), Some("failed"));
    let (rows, _) = bench.ask(vec![bench.question(1, 1, SERUM).expect("is asked about")]).await;
    assert!(rows[0].is_none() && bench.model.asked().len() == 1);
}

#[tokio::test]
async fn a_wrong_key_ends_the_role() {
    let bench = Bench::new([Reply::refusal(401, "bad key")], json!({ "api_key": "sk-hush" })).await;
    let (tell, _told) = channel(1);
    let error = bench.asker.ask_all(bench.questions(&[SERUM]), &tell).await.expect_err("is refused");
    assert!(error.is_final() && !error.to_string().contains("hush"), "{error}");
}
