//! An answer: the text in a chat completion, and what it must be.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the model says of a caption.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// JSON: the object that was asked for, or the text as a string.
    pub json: String,
    /// Tokens that were paid for, question and answer, where the endpoint says so.
    pub tokens: Option<i64>,
    /// Whether it was kept from before, and cost nothing now.
    pub cached: bool,
}

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    content: Option<String>,
    refusal: Option<String>,
}

#[derive(Deserialize)]
struct Usage {
    total_tokens: Option<i64>,
}

/// Reads a completion.
///
/// # Errors
/// Why it is no answer.
pub(super) fn read(body: &[u8], json: bool) -> Result<Answer, String> {
    let completion: Completion =
        tidelake_schemas::json::from_slice(body).map_err(|e| format!("the answer is no chat completion: {e}"))?;
    let tokens = completion.usage.and_then(|usage| usage.total_tokens);
    let choice = completion.choices.into_iter().next().ok_or("the completion has no choice")?;
    if let Some(refusal) = choice.message.refusal {
        return Err(format!("the model refuses: {refusal}"));
    }
    if choice.finish_reason.as_deref() == Some("length") {
        return Err("the answer is cut off; raise external_model.max_tokens".to_owned());
    }
    let content = choice.message.content.unwrap_or_default();
    let json = if json { object(&content)? } else { Value::from(content.trim()).to_string() };
    Ok(Answer { json, tokens, cached: false })
}

/// The object in a text. Models like to fence it, whatever they are told.
fn object(content: &str) -> Result<String, String> {
    let text = content.trim();
    let fenced =
        text.strip_prefix("```json").or_else(|| text.strip_prefix("```")).and_then(|text| text.strip_suffix("```"));
    match tidelake_schemas::json::from_slice(fenced.unwrap_or(text).trim().as_bytes()) {
        Ok(Value::Object(fields)) => Ok(Value::Object(fields).to_string()),
        Ok(_) => Err("the answer is JSON, but no object".to_owned()),
        Err(error) => Err(format!("the answer is no JSON: {error}")),
    }
}
