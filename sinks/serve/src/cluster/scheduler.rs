//! The process that takes plans and hands out their stages.

use super::codec::FileListCodec;
use super::{ClusterError, runtime, session_config};
use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::config::SchedulerConfig;
use ballista_scheduler::scheduler_process::start_server;
use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use std::net::SocketAddr;
use std::sync::Arc;
use tidelake_sinks::lake::Lake;
use tidelake_sinks::query::functions;

/// Where a scheduler listens.
#[derive(Clone, Debug)]
pub struct SchedulerOptions {
    /// The address that engines and executors come to.
    pub listen: SocketAddr,
}

/// Runs a scheduler until the returned future is dropped.
///
/// # Errors
/// [`ClusterError`].
pub async fn scheduler(lake: Lake, options: SchedulerOptions) -> Result<(), ClusterError> {
    let runtime = runtime(&lake, None)?;
    let session = move |config: SessionConfig| {
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(Arc::clone(&runtime))
            .with_default_features()
            .build();
        let session = SessionContext::new_with_state(state);
        functions::register(&session);
        Ok(session.state())
    };
    let config = SchedulerConfig {
        bind_host: options.listen.ip().to_string(),
        external_host: options.listen.ip().to_string(),
        bind_port: options.listen.port(),
        override_config_producer: Some(Arc::new(session_config)),
        override_session_builder: Some(Arc::new(session)),
        override_logical_codec: Some(Arc::new(FileListCodec::default())),
        ..SchedulerConfig::default()
    };
    let cluster = BallistaCluster::new_from_config(&config).await?;
    Ok(start_server(cluster, options.listen, Arc::new(config)).await?)
}
