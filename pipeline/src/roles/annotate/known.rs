//! What has been asked about already.

use crate::roles::RoleError;
use arrow::array::AsArray;
use arrow::datatypes::DataType;
use std::collections::{HashMap, VecDeque};
use tidelake_connectors::annotate::Annotator;
use tidelake_sinks::lake::Lake;
use tidelake_sinks::query::{Engine, QueryError, QueryOptions};
use uuid::Uuid;

/// Questions that are remembered; the oldest go first. Some 20 MB.
const MOST: usize = 200_000;

/// Questions, and the event of the row that settles each.
#[derive(Debug, Default)]
pub(super) struct Known {
    events: HashMap<Uuid, Uuid>,
    order: VecDeque<Uuid>,
}

impl Known {
    /// What has landed of the newest answers of this model to this prompt. Without them nothing is lost: what is observed
    /// again is asked about again.
    pub(super) async fn of_lake(lake: &Lake, annotator: &Annotator) -> Self {
        match landed(lake, annotator).await {
            Ok(known) => known,
            Err(error) => {
                tracing::warn!(%error, "annotate: the answers in the lake are not known; some may be asked for again");
                Self::default()
            }
        }
    }

    /// Whether another event than this one has settled the question. A row of this very event proves nothing: a collector
    /// that had lost its lane may have published the observation before, and land drops what is made of that.
    pub(super) fn by_another(&self, question: &str, event: &str) -> bool {
        let settled = Uuid::parse_str(question).ok().and_then(|question| self.events.get(&question));
        settled.is_some_and(|settled| Uuid::parse_str(event).ok().as_ref() != Some(settled))
    }

    /// Notes a row.
    pub(super) fn note(&mut self, question: &str, event: &str) {
        let (Ok(question), Ok(event)) = (Uuid::parse_str(question), Uuid::parse_str(event)) else { return };
        if self.events.insert(question, event).is_none() {
            self.order.push_back(question);
        }
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.events.remove(&oldest);
        }
    }
}

async fn landed(lake: &Lake, annotator: &Annotator) -> Result<Known, RoleError> {
    let text = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let (model, prompt) = (text(annotator.model()), text(annotator.prompt_version()));
    let query = format!(
        "SELECT question_id, event_id FROM annotations WHERE status = 'answered' AND model = {model} \
         AND prompt_version = {prompt} ORDER BY asked_at DESC LIMIT {MOST}"
    );
    let failed = |error: QueryError| RoleError::Decode(error.to_string());
    let engine = Engine::over(lake.clone(), QueryOptions::default()).await.map_err(failed)?;
    let mut rows = Vec::new();
    for batch in engine.collect(&query).await.map_err(failed)? {
        let texts = |column: usize| arrow::compute::cast(batch.column(column), &DataType::Utf8);
        let (questions, events) = (texts(0)?, texts(1)?);
        let pairs = questions.as_string::<i32>().iter().zip(events.as_string::<i32>());
        rows.extend(pairs.filter_map(|(question, event)| Some((question?.to_owned(), event?.to_owned()))));
    }
    let mut known = Known::default();
    // The oldest first, as they would have been noted.
    rows.iter().rev().for_each(|(question, event)| known.note(question, event));
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten_and_ones_own_row_proves_nothing() {
        let mut known = Known::default();
        let id = |n: usize| Uuid::from_u128(n as u128).to_string();
        (0..=MOST).for_each(|n| known.note(&id(n), "00000000-0000-0000-0000-00000000000a"));
        assert!(!known.by_another(&id(0), &id(1)) && known.by_another(&id(1), &id(1)));
        assert!(!known.by_another(&id(1), "00000000-0000-0000-0000-00000000000a"));
        assert_eq!((known.events.len(), known.order.len()), (MOST, MOST));
    }
}
