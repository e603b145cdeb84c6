//! Which days a cycle asks for, and where it stands in them.

use super::day::Day;
use super::task::VideosTask;
use crate::source::CycleContext;
use serde::{Deserialize, Serialize};

/// `end_date` is at most this many days after `start_date`.
const SPAN: u32 = 30;

/// Where a cycle of a videos task stands: the window asked for (both days inclusive) and the place in its result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct VideosState {
    pub(super) start: Day,
    pub(super) end: Day,
    /// The last day of the cycle.
    last: Day,
    /// Days from `start` to `end` of a full window; smaller after gateway time-outs.
    span: u32,
    pub(super) cursor: i64,
    #[serde(default)]
    pub(super) search_id: Option<String>,
    /// Records brought by this cycle so far.
    pub(super) taken: u64,
    /// Restarts of this window's search.
    pub(super) restarts: u32,
}

impl VideosState {
    /// The start of a cycle; `None` when there is nothing to ask for (yet).
    pub(super) fn begin(task: &VideosTask, context: &CycleContext) -> Option<Self> {
        let (first, last) = range(task, context)?;
        Some(Self::window(first, last, SPAN, 0))
    }

    fn window(start: Day, last: Day, span: u32, taken: u64) -> Self {
        let end = start.plus(span).min(last);
        Self { start, end, last, span, cursor: 0, search_id: None, taken, restarts: 0 }
    }

    /// The window after this one, with as many days; `None` after the last.
    pub(super) fn next_window(&self) -> Option<Self> {
        let start = self.end.plus(1);
        (start <= self.last && start > self.end).then(|| Self::window(start, self.last, self.span, self.taken))
    }

    /// The first half of this window, from its start; `None` when it is a single day.
    pub(super) fn halved(&self) -> Option<Self> {
        let span = self.start.until(self.end);
        (span > 0).then(|| Self::window(self.start, self.last, span / 2, self.taken))
    }

    /// The same window, searched again from its start.
    pub(super) fn restarted(&self) -> Self {
        Self { cursor: 0, search_id: None, restarts: self.restarts + 1, ..self.clone() }
    }

    /// Can it be halved?
    pub(super) fn is_divisible(&self) -> bool {
        self.start < self.end
    }
}

/// The first and the last day of a cycle.
fn range(task: &VideosTask, context: &CycleContext) -> Option<(Day, Day)> {
    let today = Day::of(context.started_at);
    let last = task.end.unwrap_or(today).min(today);
    let first = match (task.start, task.trailing_days) {
        (Some(start), Some(days)) if context.cycle > 0 => start.max(last.minus(days)),
        (Some(start), _) => start,
        (None, days) => last.minus(days.unwrap_or(0)),
    };
    (first <= last).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::research::query::{FieldName, Operation, Query};
    use tidelake_schemas::Timestamp;

    fn task(start: Option<&str>, end: Option<&str>, trailing_days: Option<u32>) -> VideosTask {
        VideosTask {
            query: Query::of(FieldName::Keyword, Operation::Eq, &["cats"]),
            start: start.and_then(Day::parse),
            end: end.and_then(Day::parse),
            trailing_days,
            fields: None,
            max_count: 100,
            limit: None,
        }
    }

    /// Cycles run on 2024-03-10.
    fn windows(task: &VideosTask, cycle: i64) -> Vec<String> {
        let now = Timestamp(1_710_081_000_000_000);
        let context = CycleContext { task: "t".into(), cycle, started_at: now, now };
        let first = VideosState::begin(task, &context);
        std::iter::successors(first, VideosState::next_window).map(|w| format!("{}-{}", w.start, w.end)).collect()
    }

    #[test]
    fn long_ranges_are_split_oldest_first_without_gap_or_overlap() {
        let all = windows(&task(Some("20240101"), None, None), 0);
        assert_eq!(all, ["20240101-20240131", "20240201-20240302", "20240303-20240310"]);
        assert_eq!(windows(&task(Some("20240101"), Some("20240101"), None), 5), ["20240101-20240101"]);
        assert_eq!(windows(&task(Some("20240309"), Some("20250101"), None), 0), ["20240309-20240310"]);
        assert!(windows(&task(Some("20240311"), None, None), 0).is_empty());
    }

    #[test]
    fn the_trailing_days_are_asked_for_again() {
        let since = task(Some("20240201"), None, Some(3));
        assert_eq!(windows(&since, 0), ["20240201-20240302", "20240303-20240310"]);
        assert_eq!(windows(&since, 1), ["20240307-20240310"]);
        assert_eq!(windows(&task(None, None, Some(1)), 0), ["20240309-20240310"]);
        assert_eq!(windows(&task(Some("20240309"), None, Some(9)), 1), ["20240309-20240310"]);
    }

    #[test]
    fn halving_ends_at_one_day_and_loses_none() {
        let now = Timestamp(1_710_081_000_000_000);
        let context = CycleContext { task: "t".into(), cycle: 0, started_at: now, now };
        let whole = VideosState::begin(&task(Some("20240201"), None, None), &context).expect("a window");
        let half = VideosState { cursor: 200, search_id: Some("s".into()), ..whole }.halved().expect("a half");
        assert_eq!((half.start.to_string(), half.end.to_string()), ("20240201".into(), "20240216".into()));
        assert_eq!((half.cursor, half.search_id.as_ref()), (0, None));
        assert_eq!(half.next_window().map(|w| w.start.to_string()).as_deref(), Some("20240217"));
        let days = std::iter::successors(Some(half), VideosState::halved).last().expect("a day");
        assert!(!days.is_divisible() && days.next_window().is_some_and(|next| next.start == days.start.plus(1)));
    }
}
