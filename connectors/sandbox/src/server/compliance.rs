//! `POST /v2/research/validation_task/create/`, `…/validation_task_status/get/` and `…/validation_task/download/`
//!
//! The wording of refusals is not documented.

use super::Call;
use super::answer::{Answer, Refusal};
use super::body;
use super::shared::{Shared, lock};
use crate::{Endpoint, FaultKind};
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};

/// The most ids of one task.
const LIMIT: usize = 10_000;

/// How many tasks are remembered.
const REMEMBERED: usize = 256;

/// The tasks that were created last.
#[derive(Default)]
pub(super) struct Validations {
    tasks: HashMap<u64, Task>,
    order: VecDeque<u64>,
}

struct Task {
    category: Category,
    ids: Vec<i64>,
    /// How often its status was asked for.
    asked: u64,
    completed: bool,
}

#[derive(Clone, Copy)]
enum Category {
    Video,
    Comment,
}

impl Validations {
    fn add(&mut self, id: u64, task: Task) {
        self.tasks.insert(id, task);
        self.order.push_back(id);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.tasks.remove(&oldest);
        }
    }

    fn find(&mut self, body: &Value) -> Result<&mut Task, Refusal> {
        let id = body.get("task_id").and_then(Value::as_u64);
        id.and_then(|id| self.tasks.get_mut(&id)).ok_or_else(|| Refusal::params("Invalid task_id"))
    }
}

/// Answers a request of batch compliance.
pub(super) fn answer(shared: &Shared, endpoint: Endpoint, call: &Call) -> Result<Answer, Refusal> {
    match endpoint {
        Endpoint::ValidationCreate => create(shared, call),
        Endpoint::ValidationStatus => status(shared, &body::read_object(&call.content_type, &call.body)?),
        _ => download(shared, &body::read_object(&call.content_type, &call.body)?),
    }
}

/// An answer with the parts that the examples of these pages show.
fn ok(shared: &Shared, data: &Value) -> Answer {
    let error = json!({"code": "ok", "http_status_code": 200, "log_id": shared.log_id(), "message": "ok."});
    Answer::json(200, &json!({"data": data, "error": error}))
}

fn create(shared: &Shared, call: &Call) -> Result<Answer, Refusal> {
    let parts = form_data(&call.content_type, &call.body)
        .ok_or_else(|| Refusal::params("The request body must be multipart/form-data"))?;
    let category = match parts.get("category").map(|text| text.trim()) {
        Some("video") => Category::Video,
        Some("comment") => Category::Comment,
        _ => return Err(Refusal::params("category must be video or comment")),
    };
    let file = parts.get("file_data").ok_or_else(|| Refusal::params("file_data is required"))?;
    let ids: Option<Vec<i64>> = file.split_whitespace().map(|word| word.parse().ok()).collect();
    let ids =
        ids.filter(|ids| !ids.is_empty()).ok_or_else(|| Refusal::params("file_data must be a text file of ids"))?;
    if ids.len() > LIMIT {
        return Err(Refusal::params(format!("The number of ids exceeds the limit of {LIMIT}")));
    }
    let id = shared.serial();
    lock(&shared.validations).add(id, Task { category, ids, asked: 0, completed: false });
    Ok(ok(shared, &json!({"task_id": id})))
}

/// The first time (or times: [`crate::SandboxConfig::validation_polls`]) a task is still processed.
fn status(shared: &Shared, body: &Value) -> Result<Answer, Refusal> {
    let failed = shared.strikes(FaultKind::ValidationFailed, Endpoint::ValidationStatus);
    let slow = shared.strikes(FaultKind::ValidationSlow, Endpoint::ValidationStatus);
    let mut validations = lock(&shared.validations);
    let task = validations.find(body)?;
    task.asked += 1;
    task.completed = !failed && !slow && task.asked > shared.config.validation_polls;
    let word = match (failed, task.completed) {
        (true, _) => "Failed",
        (_, true) => "Completed",
        _ => "Processing",
    };
    Ok(ok(shared, &json!({"task_status": word})))
}

fn download(shared: &Shared, body: &Value) -> Result<Answer, Refusal> {
    const ENDPOINT: Endpoint = Endpoint::ValidationDownload;
    let (category, mut ids) = {
        let mut validations = lock(&shared.validations);
        let task = validations.find(body)?;
        if !task.completed {
            return Err(Refusal::params("The task is not completed"));
        }
        (task.category, task.ids.clone())
    };
    if shared.strikes(FaultKind::HtmlPage, ENDPOINT) {
        return Ok(Answer::html(200, "<!DOCTYPE html><html><head><title>Please wait...</title></head></html>"));
    }
    ids.retain(|id| is_valid(shared, category, *id));
    if shared.strikes(FaultKind::EmptyBody, ENDPOINT) {
        ids.clear();
    }
    if shared.strikes(FaultKind::ForeignIds, ENDPOINT) {
        ids.push(7_000_000_000_000_000_000);
    }
    let lines: String = ids.iter().map(|id| format!("{id}\n")).collect();
    Ok(Answer { content_type: "text/plain", ..Answer::html(200, lines) })
}

/// Whether everybody can see it now. A comment is known once it was listed.
fn is_valid(shared: &Shared, category: Category, id: i64) -> bool {
    let now = shared.now();
    match category {
        Category::Video => shared.world.video_by_id(id).is_some_and(|video| video.is_available(now)),
        Category::Comment => shared.place_of_comment(id).is_some_and(|(index, number)| {
            let video = shared.world.video(index).filter(|video| video.is_available(now));
            video.and_then(|video| video.comment(number, now)).is_some_and(|comment| !comment.is_deleted)
        }),
    }
}

/// The parts of a form, by name. Enough for forms whose parts are text and hold no boundary.
fn form_data(content_type: &str, body: &[u8]) -> Option<HashMap<String, String>> {
    let (kind, rest) = content_type.split_once(';')?;
    let boundary = rest.trim().strip_prefix("boundary=")?.trim_matches('"');
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") || boundary.is_empty() {
        return None;
    }
    let text = std::str::from_utf8(body).ok()?;
    let boundary = format!("--{boundary}");
    let parts = text.split(&boundary).filter_map(|part| {
        let (head, value) = part.split_once("\r\n\r\n")?;
        let name = head.split("name=\"").nth(1)?.split('"').next()?;
        Some((name.to_owned(), value.strip_suffix("\r\n").unwrap_or(value).to_owned()))
    });
    Some(parts.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read() {
        let body = "--b\r\nContent-Disposition: form-data; name=\"category\"\r\n\r\nvideo\r\n\
                    --b\r\nContent-Disposition: form-data; name=\"file_data\"; filename=\"a b.txt\"\r\n\
                    Content-Type: text/plain\r\n\r\n7\n8\n\r\n--b--\r\n";
        let form = form_data("multipart/form-data; boundary=b", body.as_bytes()).expect("a form");
        assert_eq!((form["category"].as_str(), form["file_data"].as_str()), ("video", "7\n8\n"));
        assert!(form_data("application/json", body.as_bytes()).is_none());
        assert!(form_data("multipart/form-data; boundary=", body.as_bytes()).is_none());
    }
}
