//! Annotations: an external model is asked about captions, over the wire format of OpenAI's chat completions, which local
//! servers (llama.cpp, Ollama, vLLM) speak too.
//!
//! No source of observations, and no pure stage: another answer may come to the same caption, it costs, and it may fail. What
//! is asked is bounded by the minute and in parallel; good answers are kept, so that a caption that comes again is not asked
//! about again.
//!
//! Wire facts: platform.openai.com/docs/api-reference/chat/create.

mod answer;
mod client;
mod config;
mod prompt;
mod terms;
#[cfg(test)]
mod tests;

pub use answer::Answer;
pub use client::{Annotator, AskError};
pub use config::{ExternalModelConfig, Select};
pub use prompt::caption_hash;
