//! What the sentinel found, as records of the log.

use super::cycles::{Cycle, Cycles, OpenZero, Verdict};
use super::schedule::provenance;
use tidelake_connectors::drift::{Change, DriftKind, IncidentState};
use tidelake_connectors::{Capabilities, CycleContext, Ledger, StopReason};
use tidelake_schemas::{DriftIncident, Task, Timestamp, ids};

/// The page that showed something.
pub(super) struct Shown<'a> {
    pub(super) context: &'a CycleContext,
    pub(super) capabilities: &'a Capabilities,
    pub(super) route: &'a str,
    /// The id of its ledger entry.
    pub(super) page: &'a str,
}

impl Shown<'_> {
    /// The source, as baselines go by it.
    pub(super) fn source(&self) -> String {
        format!("{}/{}", self.capabilities.connector, self.route)
    }

    /// A change of a field.
    pub(super) fn change(&self, change: &Change) -> DriftIncident {
        let source = self.source();
        let (field, before, after) = (&change.path, &change.before, &change.after);
        let message = match change.state {
            IncidentState::Open => format!(
                "{source}: {field} {}: before {before}, now {after}. What can be read is collected all the same. Look at the \
                 sample; where a column depends on the field, its reader needs the new form",
                change.kind.name()
            ),
            IncidentState::Closed => format!("{source}: {field} is as before again"),
            IncidentState::Adopted => format!("{source}: {field} has stayed as it is, and is compared with that now"),
        };
        DriftIncident {
            field: field.clone(),
            before: Some(before.clone()),
            after: Some(after.clone()),
            records: i64::try_from(change.records).unwrap_or(i64::MAX),
            sample: change.sample.clone(),
            ..self.blank(&change.incident, change.opened_at, change.kind, change.state, message)
        }
    }

    /// A silent zero, or its end.
    pub(super) fn zero(
        &self,
        told: &str,
        open: &OpenZero,
        state: IncidentState,
        cycles: &Cycles,
        task: &Task,
    ) -> DriftIncident {
        DriftIncident {
            before: Some(cycles.usual(task.at_least)),
            after: Some(told.to_owned()),
            records: i64::try_from(cycles.full).unwrap_or(i64::MAX),
            ..self.blank(&open.incident, open.opened_at, DriftKind::SilentZero, state, told.to_owned())
        }
    }

    fn blank(
        &self,
        incident: &str,
        opened_at: Timestamp,
        kind: DriftKind,
        state: IncidentState,
        message: String,
    ) -> DriftIncident {
        let provenance = provenance(self.context, self.capabilities, self.context.now);
        DriftIncident {
            event_id: ids::incident_event_id(incident, state.name(), self.page),
            incident_id: incident.to_owned(),
            platform: "tiktok".into(),
            observed_at: self.context.now,
            opened_at,
            provenance: tidelake_schemas::Provenance { route: self.route.to_owned(), ..provenance },
            kind: kind.name().into(),
            state: state.name().into(),
            message,
            ..DriftIncident::default()
        }
    }

    /// What a page that ends a cycle says of it; `None` when it is no evidence: it was broken off, or asked for nothing.
    pub(super) fn judge(
        &self,
        ledger: &Ledger,
        got: i64,
        cycles: &mut Cycles,
        task: &Task,
        suspect: bool,
    ) -> Option<Verdict> {
        let complete = matches!(ledger.stop_reason, StopReason::Exhausted | StopReason::Limit);
        if !complete || ledger.requests == 0 {
            return None;
        }
        let incident = ids::incident_id(self.page, "", DriftKind::SilentZero.name());
        let (connector, now) = (self.capabilities.connector, self.context.now);
        Some(cycles.take(Cycle { connector, got, at_least: task.at_least, suspect, incident, now }))
    }
}

/// Tells an incident in the log, with fields that stay the same.
pub(super) fn tell(incident: &DriftIncident) {
    let DriftIncident { incident_id, field, kind, state, before, after, records, message, provenance, .. } = incident;
    let (connector, route, task) = (&provenance.connector, &provenance.route, &provenance.task);
    let (before, after) = (before.as_deref().unwrap_or_default(), after.as_deref().unwrap_or_default());
    if state == IncidentState::Open.name() {
        tracing::warn!(
            incident = incident_id,
            connector,
            route,
            task,
            field,
            kind,
            state,
            before,
            after,
            records,
            message,
            "drift"
        );
    } else {
        tracing::info!(
            incident = incident_id,
            connector,
            route,
            task,
            field,
            kind,
            state,
            before,
            after,
            records,
            message,
            "drift"
        );
    }
}
