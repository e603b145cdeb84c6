//! What to do after a fault: the transition table of tiktok-peers S11 and S12, as data.
//!
//! A fault arrives here after the route's own retries. After a block, no other public-web route is tried: asking in a
//! browser what was refused without one would be a disguise.

use super::fault::Class;
use super::profile::Route;
use serde::Serialize;

/// What a row asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The same request on the same route, a limited number of times; then as `NextRoute`.
    RetrySame,
    /// The same route, once it is free again.
    Wait,
    /// The next allowed route; where there is none, as `Wait`.
    NextRoute,
    /// The next allowed route that reads no public pages; where there is none, as `Wait`.
    NextOfficial,
    /// The next allowed route; where there is none, as `Stop`.
    NextOrStop,
    /// A person must act.
    Stop,
    /// No fault: the state of the entity is the answer.
    Accept,
}

/// Which routes a row is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All that have no row of their own.
    Any,
    /// Those that read public pages.
    Web,
    /// This one.
    Only(Route),
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub struct Transition {
    /// The route that was taken.
    pub from: Scope,
    /// What it answered.
    pub classes: &'static [Class],
    /// What to do.
    pub action: Action,
    /// Where the rule comes from, and why.
    pub rule: &'static str,
}

const fn row(from: Scope, classes: &'static [Class], action: Action, rule: &'static str) -> Transition {
    Transition { from, classes, action, rule }
}

/// The table. The first row that fits decides.
pub static TRANSITIONS: &[Transition] = &[
    row(
        Scope::Only(Route::ShortLink),
        &[Class::NotFound, Class::Deleted],
        Action::Accept,
        "surfaces §7: a dead short link ends nowhere; no other route knows it",
    ),
    row(
        Scope::Any,
        &[Class::EmptyAnswer, Class::RepeatedPage],
        Action::NextOfficial,
        "S11: empty response → switch; S13: pause, never a disguise",
    ),
    row(
        Scope::Any,
        &[Class::Captcha, Class::Waf, Class::LoginWall, Class::Resting],
        Action::NextOfficial,
        "S11: bot detected, captcha → pause and an allowed route, never a disguise",
    ),
    row(Scope::Any, &[Class::Forbidden], Action::NextOfficial, "S12: 403 → blocked; the breaker opens"),
    row(
        Scope::Any,
        &[Class::Timeout, Class::Network],
        Action::RetrySame,
        "S11: timeout, connection error → retry, then the other method; S12: timeout → retry",
    ),
    row(Scope::Any, &[Class::Server], Action::RetrySame, "S25: server trouble → retry with back-off"),
    row(Scope::Any, &[Class::NotFound], Action::Accept, "S12: 404 → the user does not exist"),
    row(
        Scope::Any,
        &[Class::Private, Class::Deleted, Class::AgeGated],
        Action::Accept,
        "S31: a state of the entity, not of the route",
    ),
    row(
        Scope::Any,
        &[Class::Region],
        Action::NextOfficial,
        "S31: geo; official answers do not depend on the machine's region, and no other way around it is taken",
    ),
    row(
        Scope::Web,
        &[Class::FormatDrift],
        Action::NextOfficial,
        "S12: parse error → the site has changed; a drift alarm, and what is official meanwhile",
    ),
    row(
        Scope::Any,
        &[Class::FormatDrift],
        Action::Stop,
        "S12: parse error → the source has changed: a person must look",
    ),
    row(Scope::Any, &[Class::RateLimited, Class::Quota], Action::Wait, "S26: limits are waited for, not gone around"),
    row(Scope::Any, &[Class::Maintenance, Class::CircuitOpen], Action::NextRoute, "S9, S29: the route is away for now"),
    row(
        Scope::Any,
        &[Class::AuthExpired],
        Action::NextOrStop,
        "S10: without credentials, the lighter route; S13: renewed once",
    ),
    row(Scope::Any, &[Class::ScopeMissing], Action::NextOrStop, "S10: without credentials, the lighter route"),
    row(Scope::Any, &[Class::Policy], Action::NextOrStop, "S9: the next allowed route only"),
    row(Scope::Any, &[Class::Tls], Action::Stop, "S32: a connection that cannot be trusted is not used"),
    row(Scope::Any, &[Class::RequestInvalid], Action::Stop, "S36: a person must correct it"),
];

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The same request on the same route.
    Retry,
    /// The same route, not before the fault's `retry_at`.
    Wait,
    /// This route.
    Next(Route),
    /// Tell the person.
    Stop,
    /// Nothing: this is the answer.
    Accept,
}

/// The row that decides.
pub fn transition(from: Route, class: Class) -> Option<&'static Transition> {
    TRANSITIONS.iter().find(|row| row.from.fits(from) && row.classes.contains(&class))
}

/// What to do after `class` on `from`. `allowed` are the profile's routes in order; `retries_left` says whether the
/// same request may be sent once more.
pub fn decide(from: Route, class: Class, retries_left: bool, allowed: &[Route]) -> Decision {
    let next = |official: bool| {
        let after = allowed.iter().skip_while(|route| **route != from).skip(1);
        let fits = |route: &&Route| route.platform() == from.platform() && !(official && route.is_web());
        let mut fit = after.filter(fits);
        fit.next().copied().map(Decision::Next)
    };
    match transition(from, class).map(|row| row.action) {
        Some(Action::RetrySame) if retries_left => Decision::Retry,
        Some(Action::RetrySame | Action::NextRoute) => next(false).unwrap_or(Decision::Wait),
        Some(Action::NextOfficial) => next(true).unwrap_or(Decision::Wait),
        Some(Action::NextOrStop) => next(false).unwrap_or(Decision::Stop),
        Some(Action::Wait) => Decision::Wait,
        Some(Action::Accept) => Decision::Accept,
        Some(Action::Stop) | None => Decision::Stop,
    }
}

impl Scope {
    fn fits(self, route: Route) -> bool {
        match self {
            Self::Any => true,
            Self::Web => route.is_web(),
            Self::Only(only) => route == only,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::profile::{Acknowledgement, Profile};
    use super::*;

    #[test]
    fn every_row_decides_something_and_nothing_is_undecided() {
        let mut used = vec![false; TRANSITIONS.len()];
        for from in Route::ALL {
            for class in Class::ALL {
                let row = transition(from, class).unwrap_or_else(|| panic!("no row for {from} {class}"));
                let index = TRANSITIONS.iter().position(|other| std::ptr::eq(other, row)).expect("a row");
                used[index] = true;
            }
        }
        assert!(used.iter().all(|used| *used), "{used:?}");
        assert!(TRANSITIONS.iter().all(|row| row.rule.starts_with('S') || row.rule.starts_with("surfaces")));
    }

    #[test]
    fn every_row_as_documented() {
        use Action::{Accept, NextOfficial, NextOrStop, NextRoute, RetrySame, Stop, Wait};
        let all = Route::ALL;
        let last = &[Route::Import];
        for row in TRANSITIONS {
            let from = match row.from {
                Scope::Only(route) => route,
                Scope::Web => Route::Web,
                Scope::Any => Route::ResearchApi,
            };
            for class in row.classes {
                let [first, spent] = [true, false].map(|left| decide(from, *class, left, &all));
                // There is always an official route after the Research API, and never one after `web`.
                let official = if from == Route::Web { Decision::Wait } else { Decision::Next(Route::DisplayApi) };
                let expected = match row.action {
                    RetrySame => (Decision::Retry, Decision::Next(Route::DisplayApi)),
                    Wait => (Decision::Wait, Decision::Wait),
                    NextRoute | NextOrStop => (Decision::Next(Route::DisplayApi), Decision::Next(Route::DisplayApi)),
                    NextOfficial => (official, official),
                    Stop => (Decision::Stop, Decision::Stop),
                    Accept => (Decision::Accept, Decision::Accept),
                };
                assert_eq!((first, spent), expected, "{from} {class}");
                let alone = decide(Route::Import, *class, false, last);
                assert!(!matches!(alone, Decision::Next(_) | Decision::Retry), "{class}: {alone:?}");
            }
        }
    }

    #[test]
    fn a_block_is_never_answered_with_a_browser() {
        let words = Acknowledgement { approval: "letter 17".into() };
        let allowed = Profile::Web.routes(Some(&words));
        for class in
            [Class::Captcha, Class::Waf, Class::LoginWall, Class::Forbidden, Class::EmptyAnswer, Class::Resting]
        {
            assert_eq!(decide(Route::Web, class, true, &allowed), Decision::Wait, "{class}");
            assert_eq!(decide(Route::Oembed, class, true, &allowed), Decision::Next(Route::ShortLink), "{class}");
        }
        assert_eq!(decide(Route::Web, Class::Server, false, &allowed), Decision::Next(Route::Browser));
    }

    #[test]
    fn only_allowed_routes_follow() {
        let allowed = Profile::Research.routes(None);
        // Nor does a route of another platform.
        assert_eq!(decide(Route::Youtube, Class::CircuitOpen, false, &allowed), Decision::Wait);
        assert_eq!(decide(Route::ResearchApi, Class::CircuitOpen, false, &allowed), Decision::Next(Route::Oembed));
        assert_eq!(decide(Route::Import, Class::CircuitOpen, false, &allowed), Decision::Wait);
        // A route that the profile does not list has nothing after it.
        assert_eq!(decide(Route::Web, Class::Policy, false, &allowed), Decision::Stop);
    }
}
