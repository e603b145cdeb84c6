//! Those who are erased: nothing of theirs is published, and no task asks for them.

use super::lane::Lane;
use super::publish;
use crate::roles::{RoleError, now};
use serde_json::Value;
use std::sync::Arc;
use tidelake_connectors::Page;
use tidelake_schemas::{CoverageEntry, DriftIncident, Provenance, Task, ids};
use tidelake_sinks::privacy::{Suppressions, payload};

/// Why a task is not polled, as coverage says it.
const STOPPED_BY: &str = "suppressed";
/// No page of a cycle has this number.
const NO_PAGE: i64 = -2;

/// What is left of a task when those who are erased are no longer asked for.
#[derive(Debug, PartialEq)]
pub(crate) enum Cut {
    /// All of it: it names none of them.
    Whole,
    /// The others.
    Less(Box<Task>),
    /// Nothing.
    Nothing,
}

/// Takes those who are erased out of what a task asks for.
pub(crate) fn cut(suppressed: &Suppressions, task: &Task) -> Cut {
    let mut less = task.clone();
    let Some(spec) = cut_spec(suppressed, &task.spec) else { return Cut::Nothing };
    less.spec = spec;
    let fallback = task.fallback.iter().cloned().filter_map(|mut route| {
        route.spec = cut_spec(suppressed, &route.spec)?;
        Some(route)
    });
    less.fallback = fallback.collect();
    if less == *task { Cut::Whole } else { Cut::Less(Box::new(less)) }
}

/// The settings without those who are erased; `None` when nothing is left to ask for.
fn cut_spec(suppressed: &Suppressions, spec: &str) -> Option<String> {
    let Ok(mut value) = serde_json::from_str::<Value>(spec) else { return Some(spec.to_owned()) };
    let before = value.clone();
    let left = cut_value(suppressed, &mut value);
    left.then(|| if value == before { spec.to_owned() } else { value.to_string() })
}

/// Takes elements out of lists; whether anything is left. A list that was empty before asks for everything.
fn cut_value(suppressed: &Suppressions, value: &mut Value) -> bool {
    match value {
        Value::String(text) => !(suppressed.holds(None, text) || is_address(text) && suppressed.marked_in(text)),
        Value::Number(number) => !suppressed.holds(None, &number.to_string()),
        Value::Array(list) => {
            let before = list.len();
            list.retain_mut(|element| cut_value(suppressed, element));
            before == 0 || !list.is_empty()
        }
        Value::Object(fields) => fields.values_mut().all(|value| cut_value(suppressed, value)),
        Value::Null | Value::Bool(_) => true,
    }
}

fn is_address(text: &str) -> bool {
    text.contains('/') || text.starts_with('@')
}

/// Takes what is theirs out of a page; how many records that were.
pub(super) fn drop_from(lane: &Lane, page: &mut Page) -> usize {
    let Some(suppressed) = lane.suppressed() else { return 0 };
    let before = page.observations.len() + page.rejects.len();
    page.observations.retain(|record| !suppressed.holds_observation(record));
    page.rejects.retain(|reject| {
        let entity = reject.entity.as_deref().is_some_and(|entity| suppressed.holds(None, entity));
        !entity && !payload::is_theirs(&suppressed, &reject.payload)
    });
    before - page.observations.len() - page.rejects.len()
}

/// A baseline (JSON) without their names.
pub(crate) fn without_names(suppressed: &Suppressions, baseline: Vec<u8>) -> Vec<u8> {
    let said = String::from_utf8_lossy(&baseline);
    let redacted = suppressed.redact(&said, true);
    if redacted == said { baseline } else { redacted.into_owned().into_bytes() }
}

/// An incident without their names.
pub(super) fn redact(suppressed: &Suppressions, incident: &mut DriftIncident) {
    let texts = [&mut incident.before, &mut incident.after, &mut incident.sample];
    for text in texts.into_iter().flatten() {
        *text = suppressed.redact(text, false).into_owned();
    }
}

/// Says in coverage that a task is not polled, once each time the lane is taken over.
pub(super) async fn refuse(lane: &mut Lane, suppressed: &Arc<Suppressions>, task: &Task) -> Result<(), RoleError> {
    let cycle = lane.cursor(&task.task).map_or(0, |cursor| cursor.cycle);
    let named = suppressed.redact(&task.task, false).into_owned();
    let entry = CoverageEntry {
        // Of this owner: whoever takes the lane over says it again.
        event_id: ids::coverage_id(&task.task, lane.epoch, NO_PAGE),
        platform: match task.connector.as_str() {
            platform @ ("youtube" | "facebook") => platform.to_owned(),
            _ => "tiktok".to_owned(),
        },
        observed_at: now(),
        provenance: Provenance {
            connector: task.connector.clone(),
            task: named,
            cycle,
            fetched_at: now(),
            ..Provenance::default()
        },
        page: NO_PAGE,
        stop_reason: STOPPED_BY.to_owned(),
        fault: Some(
            "All that this task asks for is of accounts or videos that were erased: it is not polled. Take it back: \
             tidelake sources remove"
                .to_owned(),
        ),
        ..CoverageEntry::default()
    };
    if !lane.is_new(&task.task, &entry.event_id) {
        return Ok(());
    }
    tracing::warn!(task = entry.provenance.task, "asks only for what was erased, and is not polled");
    tokio::task::block_in_place(|| lane.check_owner())?;
    lane.publish(&[publish::coverage(&entry)?], &entry.event_id).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidelake_schemas::TaskRoute;
    use tidelake_sinks::privacy::PrivacyKey;

    fn task(spec: &str, fallback: &str) -> Task {
        let route = TaskRoute { connector: "oembed".into(), spec: fallback.into() };
        Task { task: "t".into(), spec: spec.into(), fallback: vec![route], ..Task::default() }
    }

    #[test]
    fn a_task_goes_on_with_the_others() {
        let erased = Suppressions::of(PrivacyKey::new(&[1; 32]), "tiktok", ["mia", "7001234567890123456"]);
        let links = r#"{"links":["https://www.tiktok.com/@mia/video/1","https://www.tiktok.com/@ben/video/2"]}"#;
        let Cut::Less(less) = cut(&erased, &task(r#"{"usernames":["Mia","ben"],"kind":"user"}"#, links)) else {
            panic!("is cut")
        };
        assert_eq!(less.spec, r#"{"kind":"user","usernames":["ben"]}"#);
        assert_eq!(less.fallback[0].spec, r#"{"links":["https://www.tiktok.com/@ben/video/2"]}"#);
        assert_eq!(cut(&erased, &task(r#"{"usernames":["ben"],"empty":[]}"#, "{}")), Cut::Whole);
        assert_eq!(cut(&erased, &task(r#"{"video_ids":["7001234567890123456"]}"#, "{}")), Cut::Nothing);
        let search = r#"{"query":{"and":[{"field_name":"username","field_values":["mia"],"operation":"EQ"}]}}"#;
        assert_eq!(cut(&erased, &task(search, "{}")), Cut::Nothing);
    }
}
