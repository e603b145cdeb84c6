//! What the sentinel found, as records of the log.

use super::cycles::{Cycle, Cycles, OpenZero, Verdict};
use super::page::{platform, provenance};
use super::sentinel::{Baseline, Sentinel};
use tidelake_connectors::drift::{Change, DriftKind, IncidentState, Moment, Tally};
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
            platform: platform(self.capabilities).into(),
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
    fn judge(
        &self,
        sentinel: &Sentinel,
        cycles: &mut Cycles,
        task: &Task,
        ledger: &Ledger,
        got: i64,
    ) -> Option<Verdict> {
        let complete = matches!(ledger.stop_reason, StopReason::Exhausted | StopReason::Limit);
        if !complete || ledger.requests == 0 {
            return None;
        }
        let suspect = task.at_least.is_none() && sentinel.is_suspect(self.capabilities.connector);
        let incident = ids::incident_id(self.page, "", DriftKind::SilentZero.name());
        let (connector, now) = (self.capabilities.connector, self.context.now);
        Some(cycles.take(Cycle { connector, got, at_least: task.at_least, suspect, incident, now }))
    }
}

/// What the sentinel makes of a page.
pub(super) struct Findings {
    source: String,
    changes: Vec<Change>,
    pub(super) incidents: Vec<DriftIncident>,
    /// How the task's cycles have been, when the page ends one.
    cycles: Option<Cycles>,
    /// The cycle is not believed, or is believed again: to be remembered of any task.
    doubted: bool,
    /// Why the cycle is not believed.
    pub(super) silent: Option<String>,
}

impl Findings {
    /// Of what was seen and what the ledger says; `over`: the page ends a cycle that brought so many records.
    pub(super) fn of(
        sentinel: &Sentinel,
        shown: &Shown<'_>,
        task: &Task,
        (seen, ledger): (&Tally, &Ledger),
        over: Option<i64>,
    ) -> Self {
        let source = shown.source();
        let changes = sentinel.take(&source, seen, Moment { page: shown.page, now: shown.context.now });
        let incidents = changes.iter().map(|change| shown.change(change)).collect();
        let mut findings = Self { source, changes, incidents, cycles: None, doubted: false, silent: None };
        let mut cycles = sentinel.cycles(&task.task);
        let judged = over.and_then(|got| Some((got, shown.judge(sentinel, &mut cycles, task, ledger, got)?)));
        if let Some((got, verdict)) = judged {
            if let Some((open, state)) = &verdict.change {
                let told = verdict.silent.clone().unwrap_or_else(|| format!("{got} records came"));
                findings.incidents.push(shown.zero(&told, open, *state, &cycles, task));
            }
            findings.doubted = verdict.silent.is_some() || verdict.change.is_some();
            findings.silent = verdict.silent;
            findings.cycles = Some(cycles);
        }
        findings
    }

    /// The fault of the ledger entry: why the cycle is not believed, and what else there is to say of it.
    pub(super) fn fault(&self, met: Option<String>) -> Option<String> {
        let Some(why) = &self.silent else { return met };
        let told = format!("silent zero: {why}. This is no answer; the cycle is asked again");
        Some(met.map_or_else(|| told.clone(), |met| format!("{told}; {met}")))
    }

    /// They could not be published: they will be found again.
    pub(super) fn retract(self, sentinel: &Sentinel) {
        sentinel.retract(&self.source, self.changes);
    }

    /// They are published: tells them in the log, and gives the baselines to be written.
    pub(super) fn settle(self, sentinel: &Sentinel, task: &Task, now: Timestamp) -> Vec<Baseline> {
        self.incidents.iter().for_each(tell);
        let mut baselines: Vec<Baseline> =
            sentinel.due(&self.source, !self.changes.is_empty(), now).into_iter().collect();
        // A task that is asked once and is no canary has no earlier cycles to be compared with.
        let comes_again = task.cadence_s > 0 || task.at_least.is_some();
        let cycles = self.cycles.filter(|_| comes_again || self.doubted);
        baselines.extend(cycles.and_then(|cycles| sentinel.set_cycles(&task.task, cycles)));
        baselines
    }
}

/// Tells an incident in the log, with fields that stay the same.
fn tell(incident: &DriftIncident) {
    let DriftIncident { incident_id, field, kind, state, before, after, records, message, provenance, .. } = incident;
    let (connector, route, task) = (&provenance.connector, &provenance.route, &provenance.task);
    let (before, after) = (before.as_deref().unwrap_or_default(), after.as_deref().unwrap_or_default());
    // The level is part of the place that tells, so that there must be two.
    macro_rules! tell {
        ($level:ident) => {
            tracing::$level!(
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
            )
        };
    }
    if state == IncidentState::Open.name() { tell!(warn) } else { tell!(info) }
}
