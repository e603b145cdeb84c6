//! Queries on several machines, by Ballista.
//!
//! A [`scheduler`] takes plans and parts them into stages; [`executor`]s run the stages and hand each other rows; an engine
//! with [`Cluster`] as its backend sends its queries there instead of running them itself. All three are this program:
//! plans name Tidelake's functions, and every side has to know them.
//!
//! Ballista cannot send a Delta scan from one machine to another. So a table goes over the wire as the Parquet files its
//! snapshot lists ([`table`]): every process reads the same version, and reaches the files by its own configuration –
//! credentials never travel.

mod codec;
mod executor;
mod scheduler;

pub use executor::{ExecutorOptions, executor};
pub use scheduler::{SchedulerOptions, scheduler};

use ballista_core::extension::{SessionConfigExt, SessionStateExt};
use codec::FileListCodec;
use datafusion::catalog::TableProvider;
use datafusion::common::plan_err;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::prelude::{SessionConfig, SessionContext};
use deltalake::DeltaTable;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use tidelake_sinks::lake::Lake;
use tidelake_sinks::place::Place;
use tidelake_sinks::query::Backend;
use tidelake_sinks::query::files::ParquetFiles;
use url::Url;

/// A cluster could not be reached, or could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The address is none.
    #[error("engine {address:?}: {why}. Write ballista://HOST:PORT, where `tidelake cluster scheduler` listens")]
    Address {
        /// As given.
        address: String,
        /// Why not.
        why: String,
    },
    /// A scheduler or executor failed.
    #[error("cluster: {0}")]
    Ballista(#[from] ballista_core::error::BallistaError),
    /// The lake cannot be reached.
    #[error("cluster, lake {lake}: {why}")]
    Lake {
        /// Where it is.
        lake: String,
        /// Why not.
        why: String,
    },
}

/// A cluster that runs an engine's queries.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Cluster {
    scheduler: String,
}

impl TryFrom<String> for Cluster {
    type Error = ClusterError;

    fn try_from(address: String) -> Result<Self, ClusterError> {
        address.parse()
    }
}

/// The cluster whose scheduler is at `ballista://host:port`.
impl FromStr for Cluster {
    type Err = ClusterError;

    fn from_str(address: &str) -> Result<Self, ClusterError> {
        let refuse = |why: &str| ClusterError::Address { address: address.to_owned(), why: why.to_owned() };
        let url = Url::parse(address).map_err(|e| refuse(&e.to_string()))?;
        if url.scheme() != "ballista" {
            return Err(refuse("no such kind of engine"));
        }
        match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => Ok(Self { scheduler: format!("http://{host}:{port}") }),
            (None, _) => Err(refuse("it names no host")),
            (_, None) => Err(refuse("it names no port")),
        }
    }
}

impl Backend for Cluster {
    fn session(&self, state: SessionState) -> Result<SessionContext, DataFusionError> {
        let functions = (state.scalar_functions().clone(), state.aggregate_functions().clone());
        let state = knowing_files(state);
        // What Ballista makes of it knows only DataFusion's own functions.
        let session = SessionContext::new_with_state(state.upgrade_for_ballista(self.scheduler.clone())?);
        functions.0.values().for_each(|function| session.register_udf(function.as_ref().clone()));
        functions.1.values().for_each(|function| session.register_udaf(function.as_ref().clone()));
        Ok(session)
    }

    fn provider(
        &self,
        table: Option<&DeltaTable>,
        schema: arrow::datatypes::SchemaRef,
    ) -> Result<Arc<dyn TableProvider>, DataFusionError> {
        Ok(Arc::new(match table {
            Some(table) => match ParquetFiles::of(table)? {
                Some(files) => files,
                None => {
                    return plan_err!(
                        "a table marks rows as deleted in its log, which a cluster cannot read; rewrite its files first"
                    );
                }
            },
            None => ParquetFiles::none(schema),
        }))
    }
}

/// A state whose plans may name lists of files.
fn knowing_files(state: SessionState) -> SessionState {
    let config = with_codec(state.config().clone());
    datafusion::execution::SessionStateBuilder::new_from_existing(state).with_config(config).build()
}

fn with_codec(config: SessionConfig) -> SessionConfig {
    config.with_ballista_logical_extension_codec(Arc::new(FileListCodec::default()))
}

/// The session settings every process of a cluster begins with.
fn session_config() -> SessionConfig {
    with_codec(SessionConfig::new_with_ballista())
}

/// What reads a lake's files, and spills to a directory.
fn runtime(lake: &Lake, spill: Option<&Path>) -> Result<Arc<RuntimeEnv>, ClusterError> {
    let refuse = |why: String| ClusterError::Lake { lake: lake.root().to_string(), why };
    let mut builder = RuntimeEnvBuilder::new();
    if let Some(dir) = spill {
        builder = builder.with_temp_file_path(dir);
    }
    let runtime = builder.build_arc().map_err(|e| refuse(e.to_string()))?;
    // Local files are reached without ado.
    if lake.root().scheme() != "file" {
        let place = Place::at(lake.root().as_str(), lake.options()).map_err(refuse)?;
        runtime.register_object_store(lake.root(), place.store);
    }
    Ok(runtime)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_host_and_port() {
        assert_eq!("ballista://10.0.0.7:50050".parse::<Cluster>().unwrap().scheduler, "http://10.0.0.7:50050");
        for wrong in ["ballista://host", "spark://host:7077", "host:50050", ""] {
            let said = wrong.parse::<Cluster>().unwrap_err().to_string();
            assert!(said.contains("ballista://HOST:PORT"), "{said}");
        }
    }
}
