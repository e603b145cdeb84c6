//! What every record of a file has in common: provenance, the time of recording, the route.

use super::fields::plausible;
use super::{ImportContext, Shape};
use crate::reading::ReadContext;
use tidelake_schemas::ids::event_id;
use tidelake_schemas::observation::Provenance;
use tidelake_schemas::{EntityKind, Timestamp};

/// The connector, as in provenance.
const CONNECTOR: &str = "import";

/// The scope in which records are read; made smaller, never wider, on the way into a document.
#[derive(Clone, Debug)]
pub(super) struct Scope<'a> {
    context: &'a ImportContext,
    origin: String,
    /// The outermost shape: it names the route and the zone.
    shape: Option<Shape>,
    /// The best known time of recording.
    pub(super) observed_at: Timestamp,
    /// The content itself says when it was recorded, so that the same entity may come again at another time.
    dated: bool,
}

impl<'a> Scope<'a> {
    pub(super) fn new(context: &'a ImportContext, origin: String) -> Self {
        let observed_at = context.file_time.unwrap_or(context.now);
        Self { context, origin, shape: None, observed_at, dated: false }
    }

    /// Within a document of this shape; the outermost shape stays.
    pub(super) fn within(&self, shape: Shape) -> Self {
        Self { shape: self.shape.or(Some(shape)), ..self.clone() }
    }

    /// What is within says itself that it was recorded at this instant; the outermost such instant stays.
    pub(super) fn recorded(&self, at: Option<Timestamp>) -> Self {
        match at.and_then(plausible).filter(|_| !self.dated) {
            Some(at) => Self { observed_at: at, dated: true, ..self.clone() },
            None => self.clone(),
        }
    }

    pub(super) fn provenance(&self) -> Provenance {
        self.reading().provenance()
    }

    /// The event id of an entity that a record is about. Records that say when they were recorded may repeat an
    /// entity at another time: that is another observation.
    pub(super) fn event_id(&self, kind: EntityKind, entity: &str) -> String {
        if self.dated {
            return self.plain_event_id(kind, &format!("{entity}@{}", self.observed_at.millis()));
        }
        self.plain_event_id(kind, entity)
    }

    /// The event id of an entity that comes along with a record (the creator, the sound of a video): once a day.
    pub(super) fn side_event_id(&self, kind: EntityKind, entity: &str) -> String {
        if self.dated {
            return self.plain_event_id(kind, &format!("{entity}@{}", self.observed_at.date()));
        }
        self.plain_event_id(kind, entity)
    }

    /// The event id of exactly this name.
    pub(super) fn plain_event_id(&self, kind: EntityKind, entity: &str) -> String {
        event_id(&self.context.task, self.context.cycle, kind, entity)
    }

    /// The same, as the readers of single records want it.
    pub(super) fn reading(&self) -> ReadContext<'_> {
        ReadContext {
            task: &self.context.task,
            cycle: self.context.cycle,
            fetched_at: self.context.now,
            observed_at: self.observed_at,
            connector: CONNECTOR,
            route: self.shape.map_or(CONNECTOR, Shape::name),
            zone: self.shape.map_or(CONNECTOR, Shape::zone),
            origin: Some(&self.origin),
        }
    }
}
