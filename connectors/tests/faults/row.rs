//! One fault: what was expected of it, and what a reader is told.

use super::bench::Seen;
use tidelake_connectors::client::fallback::{Decision, decide};
use tidelake_connectors::client::{Class, Route};
use tidelake_connectors::{Next, StopReason};
use tidelake_schemas::Observation;

/// A line of the table.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) fault: &'static str,
    pub(crate) answer: &'static str,
    pub(crate) class: &'static str,
    pub(crate) does: String,
    pub(crate) ledger: &'static str,
    pub(crate) reads: String,
}

/// A fault to be met.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) route: Route,
    /// What it is called, with its section of the reference.
    pub(crate) fault: &'static str,
    /// How the source answers.
    pub(crate) answer: &'static str,
}

/// What is expected: the class, the reason in the ledger, and a part of what the user reads.
pub(crate) type Expected<'a> = (Class, StopReason, &'a str);

impl Case {
    /// A fault that stops the poll: the table says what follows.
    pub(crate) fn stops(self, seen: &Seen, expected: Expected<'_>) -> Row {
        let fault = seen.fault.as_ref().unwrap_or_else(|| panic!("{}: no fault: {seen:?}", self.fault));
        let of_page = seen.pages.last().filter(|page| page.ledger.stopped_by.is_some());
        let (ledger, reads) = match of_page {
            Some(page) => (page.ledger.stop_reason, page.ledger.fault.clone().unwrap_or_default()),
            None => (fault.stop_reason(), fault.to_string()),
        };
        let (class, reason, part) = expected;
        assert_eq!((fault.kind(), ledger), (class, reason), "{}: {reads}", self.fault);
        assert!(reads.contains(part), "{}: {part:?} is not in {reads}", self.fault);
        assert!(reads.ends_with('.') && !fault.operation.is_empty(), "{}: {reads}", self.fault);
        let cause = fault.cause.as_ref().map(|cause| &cause.context);
        assert!(cause.is_none_or(|cause| !cause.actions.is_empty() && !cause.recovery.is_empty()), "{}", self.fault);
        let until = fault.retry_at.map(|at| at.secs() - seen.now.secs());
        self.row(class.name(), does(self.route, class, until), ledger, reads)
    }

    /// A stop that the page tells of, e.g. a spent quota: the cycle goes on later.
    pub(crate) fn pauses(self, seen: &Seen, expected: Expected<'_>) -> Row {
        assert!(seen.fault.is_none(), "{}: {seen:?}", self.fault);
        let page = seen.pages.last().expect("a page");
        let Next::Page { not_before: Some(at), .. } = page.next else { panic!("{}: {page:?}", self.fault) };
        let (class, reason, part) = expected;
        let reads = page.ledger.fault.clone().unwrap_or_default();
        assert_eq!(page.ledger.stop_reason, reason, "{}: {reads}", self.fault);
        assert!(reads.contains(part), "{}: {part:?} is not in {reads}", self.fault);
        self.row(class.name(), does(self.route, class, Some(at.secs() - seen.now.secs())), reason, reads)
    }

    /// A fault that is outlasted: the cycle ends with everything.
    pub(crate) fn passes(self, seen: &Seen, class: Class, part: &str) -> Row {
        let page = self.told(seen, part);
        let requests: i32 = seen.pages.iter().map(|page| page.ledger.requests).sum();
        assert!(
            requests > 1 && seen.pages.iter().any(|page| !page.observations.is_empty()),
            "{}: {seen:?}",
            self.fault
        );
        let reads = page.ledger.fault.clone().unwrap_or_default();
        let does = "Asks again by itself; the page comes, and the cycle goes on.".to_owned();
        self.row(class.name(), does, page.ledger.stop_reason, reads)
    }

    /// A state of what was asked for: recorded, and no fault of the route.
    pub(crate) fn accepts(self, seen: &Seen, class: Class, part: &str) -> Row {
        let page = self.told(seen, part);
        let state = page.observations.iter().find_map(|record| match record {
            Observation::Video(video) => video.unavailable.clone(),
            Observation::Creator(creator) => creator.unavailable.clone(),
            _ => None,
        });
        let does = match state {
            Some(state) => {
                format!("Accepts it as the answer: a record with `unavailable` = `{state}`; the cycle goes on.")
            }
            None => "Accepts it as the answer: told in the ledger; the cycle goes on.".to_owned(),
        };
        self.row(class.name(), does, page.ledger.stop_reason, page.ledger.fault.clone().unwrap_or_default())
    }

    /// A record that cannot be read: a dead letter; the others are taken.
    pub(crate) fn rejects(self, seen: &Seen, reason: &str) -> Row {
        let page = seen.pages.iter().find(|page| !page.rejects.is_empty());
        let page = page.unwrap_or_else(|| panic!("{}: {seen:?}", self.fault));
        assert!(!page.observations.is_empty(), "{}: the others are taken", self.fault);
        let reject = &page.rejects[0];
        assert!(reject.reason == reason && !reject.payload.is_empty(), "{}: {reject:?}", self.fault);
        let does = format!("Takes the other records; this one becomes a dead letter with reason `{reason}`.");
        self.row("format_drift", does, page.ledger.stop_reason, reject.message.clone())
    }

    /// A wrong form that is understood: nothing is lost, nobody need know.
    pub(crate) fn understands(self, seen: &Seen, does: &str) -> Row {
        assert!(seen.fault.is_none(), "{}: {seen:?}", self.fault);
        let last = seen.pages.last().expect("a page");
        assert!(seen.pages.iter().all(|page| page.rejects.is_empty()), "{}: {seen:?}", self.fault);
        assert!(seen.pages.iter().any(|page| !page.observations.is_empty()), "{}: {seen:?}", self.fault);
        self.row("–", does.to_owned(), last.ledger.stop_reason, last.ledger.fault.clone().unwrap_or_default())
    }

    pub(crate) fn row(self, class: &'static str, does: String, ledger: StopReason, reads: String) -> Row {
        Row { fault: self.fault, answer: self.answer, class, does, ledger: ledger.name(), reads }
    }

    /// The page of a cycle that came to its end which tells of this.
    fn told<'s>(&self, seen: &'s Seen, part: &str) -> &'s tidelake_connectors::Page {
        assert!(seen.fault.is_none(), "{}: {seen:?}", self.fault);
        let tells =
            |page: &&tidelake_connectors::Page| page.ledger.fault.as_ref().is_some_and(|told| told.contains(part));
        seen.pages.iter().find(tells).unwrap_or_else(|| panic!("{}: {part:?} in {seen:?}", self.fault))
    }
}

/// What the table says, in words. `until` is in seconds from now, where the fault says so.
fn does(route: Route, class: Class, until: Option<i64>) -> String {
    let official = if route == Route::Oembed { Route::ShortLink } else { Route::Oembed };
    let routes = [route, Route::Browser, official];
    let wait = match until {
        Some(seconds) => format!("waits {}", span(seconds)),
        None => "waits, longer each time".to_owned(),
    };
    let next = match decide(route, class, false, &routes) {
        Decision::Next(Route::Browser) => "takes the task's next allowed route",
        Decision::Next(_) => "takes the task's next route that reads no public pages",
        _ => "",
    };
    match (decide(route, class, true, &routes), decide(route, class, false, &[route])) {
        (Decision::Accept, _) => "Accepts it as the answer; the cycle is done.".to_owned(),
        (Decision::Retry, _) => format!("Polls again, three times at most; then {next}, or {wait}."),
        (Decision::Next(_), Decision::Wait) => format!("{}; without one, {wait}.", capital(next)),
        (Decision::Next(_), _) => format!("{}; without one, stops for a person and looks again later.", capital(next)),
        (Decision::Wait, _) => format!("{}.", capital(&wait)),
        (Decision::Stop, _) => "Stops for a person, and looks again later.".to_owned(),
    }
}

fn span(seconds: i64) -> String {
    match seconds {
        3600.. => format!("about {} h", (seconds + 1800) / 3600),
        60.. => format!("about {} min", (seconds + 30) / 60),
        _ => format!("{} s", seconds.max(1)),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
