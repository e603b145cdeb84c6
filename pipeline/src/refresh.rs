//! The duty to refresh what the Research API gave: every stored video and comment is asked about again within 15 days,
//! and what is gone is marked [TikTok Research Tools terms; official documentation, "Batch Compliance APIs"].

mod stored;

pub(crate) use stored::StoredIds;

use std::time::Duration;
use tidelake_connectors::research::{self, Category, ResearchTask};
use tidelake_schemas::Task;

const DAY: Duration = Duration::from_secs(86_400);

/// The longest that stored data may go without being refreshed.
const DUTY: Duration = DAY.saturating_mul(15);

/// The time between the starts of two cycles unless the task says otherwise. The day in between is for the cycle itself.
pub(crate) const CADENCE: Duration = DAY.saturating_mul(14);

/// What a spec asks for, if it is one of the Research API.
fn research_task(connector: &str, spec: &serde_json::Value) -> Option<ResearchTask> {
    (connector == research::CONNECTOR).then(|| serde_json::from_value(spec.clone()).ok())?
}

/// Whether a task refreshes what is stored, rather than ids that it names itself.
pub(crate) fn is_refresh(connector: &str, spec: &serde_json::Value) -> bool {
    refreshes(connector, spec).is_some()
}

fn refreshes(connector: &str, spec: &serde_json::Value) -> Option<Category> {
    match research_task(connector, spec)? {
        ResearchTask::Compliance(task) if task.ids.is_none() && task.file.is_none() => Some(task.category),
        _ => None,
    }
}

/// What a task stores that has to be refreshed. Accounts are not among what batch compliance knows.
fn stores(connector: &str, spec: &serde_json::Value) -> Option<Category> {
    if connector == research::CONNECTOR && spec["kind"] == "track" {
        return Some(Category::Video);
    }
    match research_task(connector, spec)? {
        ResearchTask::Videos(_)
        | ResearchTask::Liked(_)
        | ResearchTask::Pinned(_)
        | ResearchTask::Reposted(_)
        | ResearchTask::Playlist(_) => Some(Category::Video),
        ResearchTask::Comments(_) => Some(Category::Comment),
        ResearchTask::User(_) | ResearchTask::Followers(_) | ResearchTask::Following(_) => None,
        ResearchTask::Compliance(_) => None,
    }
}

/// What of the duty these tasks do not meet, each with what to do about it.
pub(crate) fn unmet<'a>(tasks: impl IntoIterator<Item = &'a Task>) -> Vec<String> {
    let running = tasks.into_iter().filter(|task| !task.paused);
    let tasks: Vec<_> = running
        .map(|task| (task, serde_json::from_str(&task.spec).unwrap_or_default()))
        .map(|(task, spec)| (task, stores(&task.connector, &spec), refreshes(&task.connector, &spec)))
        .collect();
    let missing = [Category::Video, Category::Comment].into_iter().filter_map(|category| {
        let stored = tasks.iter().any(|(_, stores, _)| *stores == Some(category));
        let refreshed = tasks.iter().any(|(_, _, refreshes)| *refreshes == Some(category));
        (stored && !refreshed).then(|| not_refreshed(category))
    });
    let late = tasks.iter().filter(|(task, _, refreshes)| refreshes.is_some() && is_late(task));
    missing.chain(late.map(|(task, ..)| too_late(task))).collect()
}

fn not_refreshed(category: Category) -> String {
    let name = category.name();
    format!(
        "{name}s of the Research API are collected, but no task refreshes them within 15 days as its terms demand. Declare \
         one: tidelake sources add compliance {name}"
    )
}

/// Once, or not often enough.
fn is_late(task: &Task) -> bool {
    u64::try_from(task.cadence_s).map_or(true, |secs| secs == 0 || Duration::from_secs(secs) > DUTY)
}

fn too_late(task: &Task) -> String {
    let often = if task.cadence_s == 0 { "once".into() } else { format!("every {} s", task.cadence_s) };
    format!(
        "task {} refreshes what is stored {often}, but the Research API's terms demand it within 15 days. Set every = \"14d\"",
        task.task
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn task(name: &str, cadence_s: i64, spec: &Value) -> Task {
        let (task, connector) = (name.to_owned(), research::CONNECTOR.to_owned());
        Task { task, connector, spec: spec.to_string(), cadence_s, ..Task::default() }
    }

    fn videos() -> Task {
        let condition = json!({"operation": "EQ", "field_name": "region_code", "field_values": ["US"]});
        task("v", 60, &json!({"kind": "videos", "query": {"and": [condition]}, "trailing_days": 1}))
    }

    #[test]
    fn what_is_stored_has_to_be_refreshed() {
        let fortnight = i64::try_from(CADENCE.as_secs()).expect("fits");
        let refresh = task("r", fortnight, &json!({"kind": "compliance"}));
        let comments = task("c", 0, &json!({"kind": "comments", "video_ids": ["7"]}));
        assert!(unmet([]).is_empty());
        assert!(unmet([&videos(), &refresh]).is_empty());
        assert!(unmet([&videos()])[0].contains("sources add compliance video"));
        assert!(unmet([&videos(), &comments, &refresh])[0].contains("sources add compliance comment"));
        let users = task("u", 60, &json!({"kind": "user", "usernames": ["ada"]}));
        assert!(unmet([&users]).is_empty());
        let tracked = task("t", 60, &json!({"kind": "track", "video_ids": ["7"], "requests_per_day": 3}));
        assert_eq!(unmet([&tracked]).len(), 1);
        let oembed = Task { connector: "oembed".into(), ..videos() };
        assert!(unmet([&oembed]).is_empty());
    }

    #[test]
    fn a_refresh_that_is_paused_partial_or_late_does_not_do() {
        let spec = json!({"kind": "compliance"});
        let paused = Task { paused: true, ..task("r", 86_400, &spec) };
        assert_eq!(unmet([&videos(), &paused]).len(), 1);
        let some = task("r", 86_400, &json!({"kind": "compliance", "ids": [7]}));
        assert_eq!(unmet([&videos(), &some]).len(), 1);
        for cadence in [0, 16 * 86_400] {
            let late = unmet([&videos(), &task("r", cadence, &spec)]);
            assert!(late.len() == 1 && late[0].contains("14d"), "{late:?}");
        }
    }
}
