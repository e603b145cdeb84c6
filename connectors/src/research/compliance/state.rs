//! Where a cycle of batch compliance stands, and what the source says about a validation task.

use crate::research::source::unreadable;
use crate::source::{Fault, FaultClass};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// Small and complete: any process can go on from it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ComplianceState {
    /// The position before the batch.
    pub(super) after: Option<String>,
    pub(super) phase: Phase,
    /// How often the batch was submitted again.
    pub(super) restarts: u32,
    /// An answer called every id of the batch gone.
    pub(super) doubted: bool,
}

/// What is to be done with the batch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Phase {
    #[default]
    Submit,
    Wait {
        job: Job,
        /// Questions so far.
        polls: u32,
    },
    Fetch {
        job: Job,
    },
}

/// A submitted batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Job {
    /// Decimal digits: the documentation's example does not fit into 64 bits with sign.
    pub(super) task_id: String,
    pub(super) count: usize,
    pub(super) digest: String,
    /// The position after the batch.
    pub(super) next: Option<String>,
}

impl Job {
    /// The body of a question about it: the id as a number.
    pub(super) fn body(&self) -> Result<Value, Fault> {
        let id: u64 = self.task_id.parse().map_err(|_| {
            let message = format!("the stored position names no validation task: `{}`", self.task_id);
            let action = "Reset the task's position; its cycle then starts again.";
            Fault::new(FaultClass::Request, "research validation_task", message, action)
        })?;
        Ok(json!({"task_id": id}))
    }
}

/// A digest of ids and their order.
pub(super) fn digest_of(ids: &[i64]) -> String {
    let mut text = String::with_capacity(ids.len() * 20);
    for id in ids {
        text.push_str(&id.to_string());
        text.push(',');
    }
    crate::research::digest(&text)
}

/// What became of a validation task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Processing,
    Completed,
    Failed,
}

/// `data.task_id`, a number or a text, as decimal digits.
pub(super) fn read_task_id(data: &RawValue, requests: i32) -> Result<String, Fault> {
    #[derive(Deserialize)]
    struct Data {
        task_id: Value,
    }
    let wrong = |e: &serde_json::Error| unreadable(super::CREATE, e, requests);
    let Data { task_id } = serde_json::from_str(data.get()).map_err(|e| wrong(&e))?;
    let id = match &task_id {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let no_id = || wrong(&serde::de::Error::custom(format!("task_id = {task_id} is no id")));
    id.map(|id| id.to_string()).ok_or_else(no_id)
}

/// `data.task_status`: Completed, Processing or Failed. Any other word is taken for one of a task under way.
pub(super) fn read_status(data: &RawValue, requests: i32) -> Result<Status, Fault> {
    #[derive(Deserialize)]
    struct Data {
        task_status: String,
    }
    let Data { task_status } = serde_json::from_str(data.get()).map_err(|e| unreadable(super::STATUS, &e, requests))?;
    Ok(match task_status.trim().to_lowercase().as_str() {
        "completed" => Status::Completed,
        "failed" => Status::Failed,
        _ => Status::Processing,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.into()).expect("JSON")
    }

    #[test]
    fn the_documented_task_id_survives() {
        let id = read_task_id(&raw(r#"{"task_id": 12345678910987654321}"#), 1).expect("an id");
        assert_eq!(id, "12345678910987654321");
        let job = Job { task_id: id, count: 1, digest: String::new(), next: None };
        assert_eq!(job.body().expect("a body").to_string(), r#"{"task_id":12345678910987654321}"#);
        assert_eq!(read_task_id(&raw(r#"{"task_id": "7"}"#), 1).expect("an id"), "7");
        for wrong in [r#"{}"#, r#"{"task_id": -1}"#, r#"{"task_id": 1e30}"#, r#"{"task_id": null}"#] {
            assert_eq!(read_task_id(&raw(wrong), 1).map_err(|fault| fault.class), Err(FaultClass::Format), "{wrong}");
        }
    }

    #[test]
    fn three_words_of_status() {
        let read = |word: &str| read_status(&raw(&format!(r#"{{"task_status":"{word}"}}"#)), 1).ok();
        assert_eq!(read("Completed"), Some(Status::Completed));
        assert_eq!(read("FAILED"), Some(Status::Failed));
        assert_eq!((read("Processing"), read("Queued")), (Some(Status::Processing), Some(Status::Processing)));
        assert!(read_status(&raw("{}"), 1).is_err());
    }

    #[test]
    fn the_state_is_small_and_survives_json() {
        let job = Job {
            task_id: "12345678910987654321".into(),
            count: 10_000,
            digest: digest_of(&[1, 2]),
            next: Some("7385291383449439519".into()),
        };
        let state = ComplianceState { phase: Phase::Wait { job, polls: 3 }, ..ComplianceState::default() };
        let json = serde_json::to_value(&state).expect("JSON");
        assert!(json.to_string().len() < 300, "{json}");
        assert_eq!(serde_json::from_value::<ComplianceState>(json).expect("a state"), state);
        assert_ne!(digest_of(&[1, 2]), digest_of(&[2, 1]));
        assert_ne!(digest_of(&[1, 2]), digest_of(&[12]));
    }
}
