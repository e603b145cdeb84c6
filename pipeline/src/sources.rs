//! Which connector runs a task.

use crate::config::{Config, TaskConfig};
use crate::roles::collect::MakeSource;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;
use tidelake_connectors::Source;
use tidelake_connectors::oembed::{self, OembedClient, OembedSource, OembedTask};
use tidelake_connectors::research::{self, ResearchClient, ResearchSource, ResearchTask};
use tidelake_schemas::{Task, Timestamp};

/// Makes sources of tasks, with the credentials of the configuration. One client per credential, shared: its token
/// and its quota are.
pub(crate) fn maker(config: &Config) -> Arc<MakeSource> {
    let clients = Clients::of(config);
    Arc::new(move |task: &Task| {
        let spec = serde_json::from_str(&task.spec).map_err(|e| format!("its spec is not JSON: {e}"))?;
        clients.make(&task.connector, spec)
    })
}

/// One client per connector, or why there is none.
struct Clients {
    research: Result<Arc<ResearchClient>, String>,
    oembed: Result<Arc<OembedClient>, String>,
}

impl Clients {
    fn of(config: &Config) -> Self {
        let oembed = OembedClient::new(config.oembed.clone()).map(Arc::new);
        Self {
            research: research_client(config),
            oembed: oembed.map_err(|e| format!("oEmbed's client cannot be made: {e}")),
        }
    }

    fn make(&self, connector: &str, spec: serde_json::Value) -> Result<Box<dyn Source>, String> {
        match connector {
            research::CONNECTOR => {
                let client = self.research.as_ref().map_err(Clone::clone)?;
                let source = ResearchSource::with_client(client.clone(), read::<ResearchTask>(spec)?);
                Ok(Box::new(source.map_err(|e| e.to_string())?))
            }
            oembed::CONNECTOR => {
                let client = self.oembed.as_ref().map_err(Clone::clone)?;
                let source = OembedSource::with_client(client.clone(), &read::<OembedTask>(spec)?);
                Ok(Box::new(source.map_err(|e| e.to_string())?))
            }
            other => {
                Err(format!("unknown connector {other:?}; known are {} and {}", research::CONNECTOR, oembed::CONNECTOR))
            }
        }
    }
}

/// Reads a task's spec; the error names the place.
fn read<T: DeserializeOwned>(spec: serde_json::Value) -> Result<T, String> {
    serde_path_to_error::deserialize(spec).map_err(|e| format!("spec.{}: {}", e.path(), e.inner()))
}

/// The Research API's client, or why there is none.
fn research_client(config: &Config) -> Result<Arc<ResearchClient>, String> {
    let absent = "connector research-api needs the section [research] with client_key and client_secret";
    let research = config.research.clone().ok_or(absent)?;
    ResearchClient::new(research).map(Arc::new).map_err(|e| format!("the Research API's client cannot be made: {e}"))
}

/// Checks a task of the configuration without polling anything.
pub(crate) fn check(config: &Config, task: &TaskConfig) -> Result<(), String> {
    Clients::of(config).make(&task.connector, task.spec.clone()).map(drop)
}

/// A task of the configuration as a record of the task topic.
pub(crate) fn record(task: &TaskConfig, declared_at: Timestamp) -> Task {
    Task {
        task: task.name.clone(),
        connector: task.connector.clone(),
        spec: task.spec.to_string(),
        cadence_s: seconds(task.every),
        priority: task.priority,
        paused: false,
        declared_at,
    }
}

/// Cadences are whole seconds, at least one: 0 would mean once.
fn seconds(every: Duration) -> i64 {
    let whole = i64::try_from(every.as_secs()).unwrap_or(i64::MAX);
    if every.is_zero() { 0 } else { whole.max(1) }
}
