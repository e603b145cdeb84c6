//! Questions and their outcomes: which captions are asked about, in which order, and what trouble means.

use super::known::Known;
use super::tally::{Reporter, Tally};
use crate::log::suppressions::Suppressed;
use crate::roles::worker::Ended;
use crate::roles::{RoleError, now};
use futures::{StreamExt, stream};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tidelake_connectors::annotate::{Annotator, AskError, ExternalModelConfig, caption_hash};
use tidelake_schemas::codec::CodecError;
use tidelake_schemas::projection::EnrichedCaption;
use tidelake_schemas::{Annotation, AnnotationStatus, ids};
use tokio::sync::mpsc::Sender;

/// The longest wait for an endpoint in trouble, in seconds.
const LONGEST_PAUSE: i64 = 60;
/// So often in a row a caption may fail while the next is answered; then it is its own fault, and it has failed.
const STRIKES: u32 = 3;

/// A caption to ask about, and the row without its answer.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) caption: String,
    pub(super) row: Annotation,
}

/// What became of it.
#[derive(Debug)]
pub(super) struct Outcome {
    /// `None` where it has been asked about before.
    pub(super) row: Option<Annotation>,
    /// Whether the endpoint was asked and had an answer.
    fresh: bool,
}

/// What has gone wrong since something went right.
#[derive(Debug, Default)]
struct Trouble {
    /// Waits in a row.
    rounds: u32,
    /// The event that came to nothing first, and how often the one after it was answered.
    event: String,
    strikes: u32,
}

/// Asks the model.
pub(super) struct Asker {
    pub(super) config: ExternalModelConfig,
    /// Whose captions are not handed on.
    pub(super) suppressed: Option<Suppressed>,
    annotator: Annotator,
    known: Mutex<Known>,
    trouble: Mutex<Trouble>,
    tally: Tally,
}

impl Asker {
    pub(super) fn new(config: ExternalModelConfig, annotator: Annotator, known: Known) -> Self {
        let (known, trouble, tally) = (Mutex::new(known), Mutex::default(), Tally::default());
        Self { config, suppressed: None, annotator, known, trouble, tally }
    }

    pub(super) fn reporter(&self) -> Reporter {
        Reporter::new(self.tally.clone())
    }

    /// What an enriched video gives to ask about.
    pub(super) fn question(&self, message: &[u8]) -> Result<Option<Question>, CodecError> {
        let video = EnrichedCaption::of_enriched(message)?;
        if let Some(erased) = self.suppressed.as_ref().and_then(Suppressed::now)
            && (erased.holds_author(&video.platform, &video.author)
                || erased.holds_id(Some(&video.platform), video.video_id))
        {
            return Ok(None);
        }
        let Some(caption) = video.caption else { return Ok(None) };
        let wanted = self.config.select.wants(&caption, &video.findings.language.code);
        if !wanted || !self.config.asks_about(&video.provenance.zone) {
            return Ok(None);
        }
        let (model, prompt_version) = (self.annotator.model().to_owned(), self.annotator.prompt_version().to_owned());
        let caption_hash = caption_hash(&caption);
        let row = Annotation {
            event_id: ids::annotation_id(&video.event_id, &model, &prompt_version),
            question_id: ids::question_id(&video.platform, video.video_id, &caption_hash, &model, &prompt_version),
            platform: video.platform,
            video_id: video.video_id,
            native_id: video.native_id,
            observed_at: video.observed_at,
            provenance: video.provenance,
            caption_hash,
            model,
            prompt_version,
            ..Annotation::default()
        };
        Ok(Some(Question { caption, row }))
    }

    /// Asks so many at the same time, and tells what becomes of them in their order. After trouble the next one tells whose
    /// fault it is: when it is answered the endpoint is well, and the caption is to blame.
    pub(super) async fn ask_all(
        &self,
        questions: Vec<Question>,
        tell: &Sender<Ended<Outcome>>,
    ) -> Result<(), RoleError> {
        // What is asked twice in a batch is settled by the first.
        let mut begun = Known::default();
        let mut is_known = |Question { row, .. }: &Question| {
            let (question, event) = (&row.question_id, &row.event_id);
            let known = self.known().by_another(question, event) || begun.by_another(question, event);
            if !known {
                begun.note(question, event);
            }
            known
        };
        let known: Vec<bool> = questions.iter().map(&mut is_known).collect();
        let mut outcomes = stream::iter(questions.into_iter().zip(known))
            .map(|(question, known)| async move {
                let outcome = self.ask(&question, known).await;
                (question, outcome)
            })
            .buffered(self.config.concurrency.max(1));
        let mut failed: Option<(Question, AskError)> = None;
        while let Some((question, outcome)) = outcomes.next().await {
            match (outcome, &failed) {
                (Ok(outcome), None) => {
                    *self.trouble() = Trouble::default();
                    // Nobody hears when the batch is given up.
                    if tell.send(Ended::Done(vec![outcome])).await.is_err() {
                        return Ok(());
                    }
                }
                (Ok(outcome), Some((culprit, error))) if outcome.fresh => {
                    if self.strike(&culprit.row.event_id) >= STRIKES {
                        let failure = self.failure(culprit, error);
                        *self.trouble() = Trouble::default();
                        _ = tell.send(Ended::Done(vec![failure])).await;
                        // What was answered after it is kept by the client, for its turn.
                        return Ok(());
                    }
                    break;
                }
                (Ok(_), Some(_)) => {}
                (Err(error), _) if error.is_final() => return Err(error.into()),
                (Err(error), None) => failed = Some((question, error)),
                (Err(_), Some(_)) => break,
            }
        }
        if let Some((_, error)) = failed {
            _ = tell.send(self.later(&error)).await;
        }
        Ok(())
    }

    /// An outcome, or the trouble in which nothing can be said of the caption.
    async fn ask(&self, question: &Question, known: bool) -> Result<Outcome, AskError> {
        if known {
            return Ok(Outcome { row: None, fresh: false });
        }
        let answer = match self.annotator.ask(&question.caption).await {
            Ok(answer) => answer,
            Err(error) if error.is_final() || error.class.passes_by_itself() => return Err(error),
            Err(error) => return Ok(self.failure(question, &error)),
        };
        let row = Annotation {
            status: AnnotationStatus::Answered.name().to_owned(),
            answer: Some(answer.json),
            tokens: if answer.cached { Some(0) } else { answer.tokens },
            asked_at: now(),
            ..question.row.clone()
        };
        Ok(Outcome { row: Some(row), fresh: !answer.cached })
    }

    fn failure(&self, question: &Question, error: &AskError) -> Outcome {
        let status = AnnotationStatus::Failed.name().to_owned();
        let row = Annotation { status, error: Some(error.to_string()), asked_at: now(), ..question.row.clone() };
        Outcome { row: Some(row), fresh: true }
    }

    /// Another caption was answered right after this one was not; how often so far.
    fn strike(&self, event: &str) -> u32 {
        let mut trouble = self.trouble();
        if trouble.event != event {
            (trouble.event, trouble.strikes) = (event.to_owned(), 0);
        }
        trouble.strikes += 1;
        trouble.strikes
    }

    /// When to go on: after 1 s, 2 s, 4 s …
    fn later(&self, error: &AskError) -> Ended<Outcome> {
        let mut trouble = self.trouble();
        let pause = (1_i64 << trouble.rounds.min(10)).min(LONGEST_PAUSE);
        trouble.rounds += 1;
        Ended::Later(now().plus_secs(pause), error.to_string())
    }

    /// Notes and counts what has become of a question, once its row is acknowledged.
    pub(super) fn note(&self, outcome: &Outcome) {
        let Some(row) = &outcome.row else {
            self.tally.known.fetch_add(1, Relaxed);
            return;
        };
        // Failures too: as long as this process lives, they are not asked for again.
        self.known().note(&row.question_id, &row.event_id);
        let answered = row.status == AnnotationStatus::Answered.name();
        let count = if answered { &self.tally.answered } else { &self.tally.failed };
        count.fetch_add(1, Relaxed);
        self.tally.tokens.fetch_add(row.tokens.and_then(|tokens| u64::try_from(tokens).ok()).unwrap_or(0), Relaxed);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn trouble(&self) -> MutexGuard<'_, Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
