//! Inputs on their way through transformer models.
//!
//! Models are faster with many captions than with one. So inputs are gathered until there are enough or the first has waited
//! [`GATHER`], their batch is handed to the models' queue, and meanwhile the next is gathered. Batches, and the inputs in
//! each, leave as they came: what needs no model waits its turn too.

use super::output::{Output, Place, enriched};
use crate::roles::RoleError;
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use tidelake_schemas::codec;
use tidelake_schemas::lineage::Lineage;
use tidelake_schemas::{Enrichment, TransformerFindings};
use tidelake_transformers::{Pending, Transformers, TransformersError};

/// How long the first of a batch waits for others.
const GATHER: Duration = Duration::from_millis(50);

type Outcome = Result<Vec<TransformerFindings>, TransformersError>;

/// What takes batches of captions.
pub(super) trait Models {
    /// A batch on its way.
    type Pending;
    /// For `stages` of what they found.
    fn label(&self) -> &str;
    fn submit(&self, texts: Vec<String>) -> Result<Self::Pending, TransformersError>;
    fn poll(pending: &Self::Pending) -> Option<Outcome>;
    fn wait(pending: Self::Pending) -> Outcome;
}

impl Models for Transformers {
    type Pending = Pending;

    fn label(&self) -> &str {
        self.label()
    }

    fn submit(&self, texts: Vec<String>) -> Result<Pending, TransformersError> {
        self.submit(texts)
    }

    fn poll(pending: &Pending) -> Option<Outcome> {
        pending.poll()
    }

    fn wait(pending: Pending) -> Outcome {
        pending.wait()
    }
}

/// An input, as far as it got without the models.
pub(super) enum Item {
    /// Not for the models: fences, letters.
    Ready(Output),
    /// What the stages found in a caption; the models have yet to see it.
    Caption { place: Place, lineage: Lineage, observed: Vec<u8>, text: String, findings: Box<Enrichment> },
}

impl Item {
    /// What the models are to see of it.
    fn text(&self) -> Option<&str> {
        match self {
            Self::Caption { text, .. } if !text.trim().is_empty() => Some(text),
            _ => None,
        }
    }
}

/// What has been gathered, and the batches before it.
pub(super) struct Batches<M: Models> {
    models: M,
    /// Inputs of a batch at most.
    size: usize,
    /// Batches on their way at most, besides the one the models are at.
    queue: usize,
    gathered: Vec<Item>,
    /// When the first of them came.
    since: Option<Instant>,
    flying: VecDeque<(Vec<Item>, M::Pending)>,
}

impl<M: Models> Batches<M> {
    pub(super) fn new(models: M, size: usize, queue: usize) -> Self {
        Self { models, size, queue, gathered: Vec::new(), since: None, flying: VecDeque::new() }
    }

    /// How long the next input may be waited for, at most `longest`.
    pub(super) fn patience(&self, longest: Duration) -> Duration {
        self.since.map_or(longest, |since| GATHER.saturating_sub(since.elapsed()).min(longest))
    }

    /// Adds an input.
    pub(super) fn push(&mut self, item: Item) -> Result<(), RoleError> {
        self.since.get_or_insert_with(Instant::now);
        self.gathered.push(item);
        if self.gathered.len() >= self.size { self.hand_over() } else { Ok(()) }
    }

    /// Forgets everything: it will be read again.
    pub(super) fn clear(&mut self) {
        self.gathered.clear();
        self.since = None;
        self.flying.clear();
    }

    /// The outputs of the first batch if the models are done with it; waits for them where more are on their way than the
    /// queue takes.
    pub(super) fn ready(&mut self) -> Result<Option<Vec<Output>>, RoleError> {
        if self.since.is_some_and(|since| since.elapsed() >= GATHER) {
            self.hand_over()?;
        }
        if self.flying.len() > self.queue {
            return self.first();
        }
        let Some((_, pending)) = self.flying.front() else { return Ok(None) };
        let Some(outcome) = M::poll(pending) else { return Ok(None) };
        let Some((items, _)) = self.flying.pop_front() else { return Ok(None) };
        self.outputs(items, outcome?).map(Some)
    }

    /// The outputs of the first batch, however long they take; `None` when nothing is left.
    pub(super) fn finish(&mut self) -> Result<Option<Vec<Output>>, RoleError> {
        self.hand_over()?;
        self.first()
    }

    fn first(&mut self) -> Result<Option<Vec<Output>>, RoleError> {
        let Some((items, pending)) = self.flying.pop_front() else { return Ok(None) };
        self.outputs(items, M::wait(pending)?).map(Some)
    }

    fn hand_over(&mut self) -> Result<(), RoleError> {
        self.since = None;
        let items = std::mem::take(&mut self.gathered);
        if !items.is_empty() {
            let texts = items.iter().filter_map(Item::text).map(str::to_owned).collect();
            self.flying.push_back((items, self.models.submit(texts)?));
        }
        Ok(())
    }

    fn outputs(&self, items: Vec<Item>, found: Vec<TransformerFindings>) -> Result<Vec<Output>, RoleError> {
        let mut found = found.into_iter();
        items.into_iter().map(|item| self.output(item, &mut found)).collect()
    }

    fn output(&self, item: Item, found: &mut impl Iterator<Item = TransformerFindings>) -> Result<Output, RoleError> {
        let seen = item.text().is_some();
        match item {
            Item::Ready(output) => Ok(output),
            Item::Caption { place, lineage, observed, mut findings, .. } => {
                if seen {
                    let missing = || TransformersError::Run("fewer findings than captions".to_owned());
                    findings.findings.transformers = Some(found.next().ok_or_else(missing)?);
                }
                findings.stages.push(self.models.label().to_owned());
                let message = codec::append_enrichment(&observed, &findings);
                enriched(place, lineage, &observed, message)
            }
        }
    }
}

#[cfg(test)]
mod tests;
