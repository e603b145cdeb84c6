//! Where a cycle stands in the lists of accounts, and the three kinds of cursor.

use super::UserList;
use crate::research::decode::ListPage;
use serde::{Deserialize, Serialize};

/// Cursors from here on are milliseconds; seconds reach it in the year 5138.
const MILLIS: i64 = 100_000_000_000;

/// Where a cycle stands: which account, and what of its list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ListState {
    pub(super) index: usize,
    /// As the source gave it, in its unit; absent at the start of a list, where the source's default holds.
    pub(super) cursor: Option<i64>,
    /// Records of this list so far.
    pub(super) taken: u64,
    /// Restarts of this list.
    pub(super) restarts: u32,
    /// Cursors in a row that led nowhere new.
    pub(super) steps: u32,
    /// The other spelling of `favorites_count` is the one.
    pub(super) respelled: bool,
}

/// Where a list goes on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Onward {
    To(ListState),
    /// The source's cursor led nowhere new.
    Stepped(ListState),
    Nowhere,
}

impl ListState {
    pub(super) fn next_account(&self) -> Self {
        Self { index: self.index + 1, respelled: self.respelled, ..Self::default() }
    }

    /// The same list from its start.
    pub(super) fn restarted(&self) -> Self {
        Self { cursor: None, taken: 0, steps: 0, restarts: self.restarts + 1, ..self.clone() }
    }

    /// The page after this answer.
    pub(super) fn onward(&self, list: UserList, answer: &ListPage, per_page: u32) -> Onward {
        let at = |cursor| Self { cursor: Some(cursor), steps: 0, ..self.clone() };
        let step = |cursor| Self { steps: self.steps + 1, ..at(cursor) };
        match list {
            UserList::Reposted => {
                let asked = self.cursor.unwrap_or(0);
                let next = answer.cursor_after(asked, per_page);
                let given = answer.cursor().is_some_and(|given| given > asked);
                if given { Onward::To(at(next)) } else { Onward::Stepped(step(next)) }
            }
            UserList::Pinned => Onward::Nowhere,
            _ => match (self.cursor, answer.cursor()) {
                (None, Some(given)) => Onward::To(at(given)),
                (Some(asked), Some(given)) if given < asked => Onward::To(at(given)),
                (Some(asked), _) if asked > 0 => Onward::Stepped(step(asked - least_step(asked))),
                _ => Onward::Nowhere,
            },
        }
    }
}

/// One second, in the unit of this instant.
fn least_step(instant: i64) -> i64 {
    if instant >= MILLIS { 1000.min(instant) } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn onward(list: UserList, asked: Option<i64>, answer: &str) -> (bool, Option<i64>) {
        let answer: ListPage = serde_json::from_str(answer).expect("an answer");
        let state = ListState { cursor: asked, ..ListState::default() };
        match state.onward(list, &answer, 100) {
            Onward::To(next) => (true, next.cursor),
            Onward::Stepped(next) => (false, next.cursor),
            Onward::Nowhere => (false, None),
        }
    }

    #[test]
    fn instants_go_back_in_their_own_unit() {
        use UserList::{Followers, Liked};
        assert_eq!(onward(Followers, None, r#"{"cursor":1706837834}"#), (true, Some(1_706_837_834)));
        assert_eq!(onward(Followers, Some(1_706_837_834), r#"{"cursor":"1706837000"}"#), (true, Some(1_706_837_000)));
        assert_eq!(onward(Followers, Some(1_706_837_834), r#"{"cursor":1706837834}"#), (false, Some(1_706_837_833)));
        assert_eq!(
            onward(Liked, Some(1_706_457_371_000), r#"{"cursor":1706457371000}"#),
            (false, Some(1_706_457_370_000))
        );
        assert_eq!(onward(Liked, Some(1_706_457_371_000), "{}"), (false, Some(1_706_457_370_000)));
        assert_eq!(onward(Followers, None, "{}"), (false, None));
        assert_eq!(onward(Followers, Some(0), r#"{"cursor":0}"#), (false, None));
    }

    #[test]
    fn an_index_goes_forward() {
        assert_eq!(onward(UserList::Reposted, None, r#"{"cursor":100}"#), (true, Some(100)));
        assert_eq!(onward(UserList::Reposted, Some(100), r#"{"cursor":100}"#), (false, Some(200)));
    }

    #[test]
    fn a_new_account_begins_anew() {
        let state = ListState { index: 3, cursor: Some(7), taken: 9, restarts: 1, steps: 2, respelled: true };
        assert_eq!(state.next_account(), ListState { index: 4, respelled: true, ..ListState::default() });
        assert_eq!(state.restarted(), ListState { cursor: None, taken: 0, steps: 0, restarts: 2, ..state.clone() });
    }
}
