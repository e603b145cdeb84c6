//! Checks that the tasks share: what the source would refuse is refused before a request is spent on it.

use super::task::{MAX_COUNT, TaskError};
use serde::Deserialize;

pub(super) fn setting(name: &'static str, problem: impl Into<String>) -> Result<(), TaskError> {
    Err(TaskError::Setting(name, problem.into()))
}

pub(super) fn check_count(max_count: u32) -> Result<(), TaskError> {
    if (1..=MAX_COUNT).contains(&max_count) {
        return Ok(());
    }
    setting("max_count", format!("{max_count} is not between 1 and {MAX_COUNT}"))
}

pub(super) fn check_usernames(usernames: &[String]) -> Result<(), TaskError> {
    if usernames.is_empty() {
        return setting("usernames", "the list is empty");
    }
    match usernames.iter().find(|name| crate::reading::clean_handle(name).is_empty()) {
        Some(name) => setting("usernames", format!("`{name}` is no handle")),
        None => Ok(()),
    }
}

pub(super) fn check_ids(name: &'static str, ids: &[i64]) -> Result<(), TaskError> {
    if ids.is_empty() {
        return setting(name, "the list is empty");
    }
    match ids.iter().find(|&&id| id <= 0) {
        Some(id) => setting(name, format!("{id} is no id")),
        None => Ok(()),
    }
}

pub(super) fn check_fields(fields: Option<&[String]>, known: &[&str]) -> Result<(), TaskError> {
    let Some(fields) = fields else { return Ok(()) };
    if fields.is_empty() {
        return setting("fields", "the list is empty; leave it out to ask for every field");
    }
    match fields.iter().find(|field| !known.contains(&field.as_str())) {
        Some(field) => setting("fields", format!("`{field}` is unknown; the source knows {}", known.join(", "))),
        None => Ok(()),
    }
}

/// The fields asked for, with `id`, without which no record could be told from another.
pub(super) fn field_list(fields: Option<&[String]>, known: &[&str]) -> String {
    match fields {
        None => known.join(","),
        Some(fields) if fields.iter().any(|field| field == "id") => fields.join(","),
        Some(fields) => format!("id,{}", fields.join(",")),
    }
}

pub(super) fn max_count() -> u32 {
    MAX_COUNT
}

/// Ids as numbers or decimal texts.
pub(super) fn ids<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<i64>, D::Error> {
    let values = Vec::<serde_json::Value>::deserialize(deserializer)?;
    let read = |value: &serde_json::Value| {
        crate::reading::as_i64(value).ok_or_else(|| serde::de::Error::custom(format!("{value} is no id")))
    };
    values.iter().map(read).collect()
}
