//! Silent zeros: a cycle that brought nothing where that cannot be.
//!
//! A source that answers 200 with an empty list looks like one that has nothing. It is not believed when earlier cycles
//! of the task always brought something, when the task is known to bring something (`at_least`, which makes it a canary),
//! or while a canary of the same connector brings nothing.

use serde::{Deserialize, Serialize};
use tidelake_connectors::drift::IncidentState;
use tidelake_schemas::Timestamp;

/// So many cycles that brought something make an empty one strange.
const SETTLED: u64 = 3;
/// After so many empty cycles in a row, empty is what the task brings. Not for canaries.
const ADOPT: u64 = 20;

/// How the complete cycles of a task have been.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Cycles {
    pub(super) connector: String,
    /// Cycles that brought something.
    pub(super) full: u64,
    /// Cycles that brought nothing, and were believed.
    empty: u64,
    least: i64,
    most: i64,
    /// It is known to bring something.
    canary: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) open: Option<OpenZero>,
}

/// A silent zero that goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct OpenZero {
    pub(super) incident: String,
    pub(super) opened_at: Timestamp,
    cycles: u64,
}

/// What a cycle says.
#[derive(Debug, PartialEq)]
pub(super) struct Verdict {
    /// Why it is not believed.
    pub(super) silent: Option<String>,
    /// An incident begins or ends.
    pub(super) change: Option<(OpenZero, IncidentState)>,
}

/// A complete cycle.
pub(super) struct Cycle<'a> {
    pub(super) connector: &'a str,
    pub(super) got: i64,
    pub(super) at_least: Option<i64>,
    /// A canary of the connector brings nothing.
    pub(super) suspect: bool,
    /// The id of the incident, should one begin.
    pub(super) incident: String,
    pub(super) now: Timestamp,
}

impl Cycles {
    pub(super) fn is_failing_canary_of(&self, connector: &str) -> bool {
        self.canary && self.open.is_some() && self.connector == connector
    }

    /// Takes a cycle in.
    pub(super) fn take(&mut self, cycle: Cycle<'_>) -> Verdict {
        cycle.connector.clone_into(&mut self.connector);
        self.canary = cycle.at_least.is_some();
        match self.doubt(&cycle) {
            Some(why) => self.doubted(why, cycle),
            None => self.believed(cycle.got),
        }
    }

    fn doubt(&self, cycle: &Cycle<'_>) -> Option<String> {
        let got = cycle.got;
        if let Some(floor) = cycle.at_least {
            return (got < floor).then(|| format!("{got} records came, and at least {floor} are known to be there"));
        }
        if got > 0 {
            return None;
        }
        if self.empty == 0 && self.full >= SETTLED {
            let (n, least, most) = (self.full, self.least, self.most);
            return Some(format!("nothing came, and each of the {n} cycles before brought {least} to {most} records"));
        }
        cycle.suspect.then(|| format!("nothing came, and neither does it for a canary of {}", cycle.connector))
    }

    fn doubted(&mut self, why: String, cycle: Cycle<'_>) -> Verdict {
        let Some(open) = &mut self.open else {
            let open = OpenZero { incident: cycle.incident, opened_at: cycle.now, cycles: 1 };
            self.open = Some(open.clone());
            return Verdict { silent: Some(why), change: Some((open, IncidentState::Open)) };
        };
        open.cycles += 1;
        if open.cycles <= ADOPT || self.canary {
            return Verdict { silent: Some(why), change: None };
        }
        self.empty += 1;
        Verdict { silent: None, change: self.open.take().map(|open| (open, IncidentState::Adopted)) }
    }

    fn believed(&mut self, got: i64) -> Verdict {
        if got == 0 {
            self.empty += 1;
        } else {
            self.least = if self.full == 0 { got } else { self.least.min(got) };
            self.most = self.most.max(got);
            self.full += 1;
        }
        Verdict { silent: None, change: self.open.take().map(|open| (open, IncidentState::Closed)) }
    }

    /// What a cycle brought, for an incident.
    pub(super) fn usual(&self, at_least: Option<i64>) -> String {
        match at_least {
            Some(floor) => format!("at least {floor} records a cycle"),
            None if self.full == 0 => "not known".into(),
            None => format!("{} to {} records a cycle", self.least, self.most),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cycle(got: i64) -> Cycle<'static> {
        let incident = "i".into();
        Cycle { connector: "web", got, at_least: None, suspect: false, incident, now: Timestamp(7) }
    }

    fn take(cycles: &mut Cycles, cycle: Cycle<'_>) -> (bool, Option<IncidentState>) {
        let verdict = cycles.take(cycle);
        (verdict.silent.is_some(), verdict.change.map(|(_, state)| state))
    }

    #[test]
    fn nothing_is_not_believed_where_there_always_was_something() {
        let mut cycles = Cycles::default();
        for got in [5, 9, 7] {
            assert_eq!(take(&mut cycles, cycle(got)), (false, None));
        }
        assert_eq!(cycles.clone().take(cycle(0)).silent.as_deref().map(|why| why.contains("3 cycles")), Some(true));
        assert_eq!(take(&mut cycles, cycle(0)), (true, Some(IncidentState::Open)));
        assert_eq!(take(&mut cycles, cycle(0)), (true, None));
        assert_eq!(take(&mut cycles, cycle(1)), (false, Some(IncidentState::Closed)));
    }

    #[test]
    fn nothing_is_believed_of_a_task_that_brought_nothing_before() {
        let mut cycles = Cycles::default();
        for got in [0, 5, 5, 5, 0] {
            assert_eq!(take(&mut cycles, cycle(got)), (false, None));
        }
    }

    #[test]
    fn after_long_enough_nothing_is_what_there_is() {
        let mut cycles = Cycles { full: 3, ..Cycles::default() };
        for _ in 0..ADOPT {
            assert!(take(&mut cycles, cycle(0)).0);
        }
        assert_eq!(take(&mut cycles, cycle(0)), (false, Some(IncidentState::Adopted)));
        assert_eq!(take(&mut cycles, cycle(0)), (false, None));
    }

    #[test]
    fn a_canary_knows_at_once_and_for_the_others() {
        let mut canary = Cycles::default();
        assert!(take(&mut canary, Cycle { at_least: Some(2), ..cycle(1) }).0);
        assert!(canary.is_failing_canary_of("web") && !canary.is_failing_canary_of("oembed"));
        let mut other = Cycles::default();
        assert!(take(&mut other, Cycle { suspect: true, ..cycle(0) }).0);
        assert!(!take(&mut canary, Cycle { at_least: Some(2), ..cycle(2) }).0);
        assert!(!canary.is_failing_canary_of("web"));
    }
}
