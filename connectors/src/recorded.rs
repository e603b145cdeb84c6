//! A recorded file as a [`Source`]: what it holds, page by page.

use crate::import::{ImportContext, Imported, NotUnderstood, read_file};
use crate::source::{Capabilities, CycleContext, Fault, Ledger, Next, Page, Probe, Source, StopReason};
use async_trait::async_trait;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use tidelake_schemas::Observation;
use uuid::Uuid;

/// Records per page.
const PAGE: usize = 1_000;

/// One file that was read and understood.
pub struct RecordedFile {
    imported: Imported,
    name: String,
    zone: &'static str,
}

impl RecordedFile {
    /// Reads the file's bytes.
    ///
    /// # Errors
    /// [`NotUnderstood`]: what was seen and what is supported.
    pub fn read(path: &Path, bytes: &[u8], context: &ImportContext) -> Result<Self, NotUnderstood> {
        let imported = read_file(path, bytes, context)?;
        let zone = imported.observations.first().map_or("import", zone);
        Ok(Self { imported, name: path.display().to_string(), zone })
    }

    /// The task of a file: named by its bytes, so that the same file is the same task wherever it lies.
    pub fn task_name(bytes: &[u8]) -> String {
        format!("import/{}", Uuid::new_v5(&Uuid::NAMESPACE_OID, bytes))
    }

    /// What the file held.
    pub fn imported(&self) -> &Imported {
        &self.imported
    }
}

fn zone(record: &Observation) -> &'static str {
    let zone = match record {
        Observation::Video(o) => &o.provenance.zone,
        Observation::Creator(o) => &o.provenance.zone,
        Observation::Comment(o) => &o.provenance.zone,
        Observation::Hashtag(o) => &o.provenance.zone,
        Observation::Sound(o) => &o.provenance.zone,
    };
    ["research", "display", "oembed", "archive", "web"].into_iter().find(|z| z == zone).unwrap_or("import")
}

#[async_trait]
impl Source for RecordedFile {
    fn capabilities(&self) -> Capabilities {
        Capabilities { connector: "import", routes: &["file"], zone: self.zone, repeatable: false }
    }

    async fn probe(&self) -> Result<Probe, Fault> {
        let summary = format!("{}: {} records", self.name, self.imported.observations.len());
        Ok(Probe { summary, took: Duration::ZERO })
    }

    async fn poll(&self, _: &CycleContext, state: Option<&Value>) -> Result<Page, Fault> {
        let from = state.and_then(|s| s["from"].as_u64()).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        let records = &self.imported.observations;
        let to = (from + PAGE).min(records.len());
        let more = to < records.len();
        let observations = records.get(from..to).unwrap_or_default().to_vec();
        // What the file held as a whole goes with its first page.
        let (rejects, seen) = match from {
            0 => (self.imported.rejects.clone(), self.imported.seen.clone()),
            _ => Default::default(),
        };
        let ledger = Ledger {
            route: self.imported.shape.name().to_owned(),
            asked: format!("file {}", self.name),
            requested: None,
            has_more: more,
            stop_reason: if more { StopReason::Continue } else { StopReason::Exhausted },
            fault: None,
            ..Ledger::default()
        };
        let next = if more { Next::Page { state: json!({ "from": to }), not_before: None } } else { Next::CycleDone };
        Ok(Page { observations, rejects, next, ledger, seen, ..Page::default() })
    }
}
