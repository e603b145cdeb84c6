//! The process that runs stages and keeps their rows until the next stage has them.

use super::codec::FileListCodec;
use super::{ClusterError, runtime, session_config};
use ballista_core::registry::BallistaFunctionRegistry;
use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use datafusion::prelude::SessionConfig;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tidelake_sinks::lake::Lake;
use tidelake_sinks::query::functions;

/// How long rows that a query's stages handed on stay on an executor's disk: longer than any query is waited for.
pub const JOB_DATA_LIVES: Duration = Duration::from_mins(60);
/// How often executors look for what is older.
const CLEAN_EVERY: Duration = Duration::from_mins(5);

/// How an executor runs.
#[derive(Clone, Debug)]
pub struct ExecutorOptions {
    /// The scheduler's address, `host:port`.
    pub scheduler: (String, u16),
    /// Where others fetch rows from.
    pub listen: SocketAddr,
    /// Where the scheduler asks.
    pub control_port: u16,
    /// Where rows are kept between stages, and spilt: this executor's alone, emptied when it starts.
    pub work_dir: PathBuf,
    /// Bytes for sorting, grouping and joining; `None` = 70 % of the machine's.
    pub memory_bytes: Option<u64>,
    /// Stages at once; `None` = one per processor.
    pub parallelism: Option<usize>,
}

/// Runs an executor until it is told to stop (SIGINT, SIGTERM); what it runs then is finished first.
///
/// # Errors
/// [`ClusterError`], also when the scheduler does not answer within half a minute.
pub async fn executor(lake: Lake, options: ExecutorOptions) -> Result<(), ClusterError> {
    clean(&options.work_dir)?;
    let runtime = runtime(&lake, Some(&options.work_dir))?;
    let registry = BallistaFunctionRegistry::default();
    let config = ExecutorProcessConfig {
        bind_host: options.listen.ip().to_string(),
        external_host: Some(options.listen.ip().to_string()),
        port: options.listen.port(),
        grpc_port: options.control_port,
        scheduler_host: options.scheduler.0,
        scheduler_port: options.scheduler.1,
        scheduler_connect_timeout_seconds: 30,
        vcores: options.parallelism.unwrap_or(0),
        work_dir: Some(options.work_dir.display().to_string()),
        job_data_ttl_seconds: JOB_DATA_LIVES.as_secs(),
        job_data_clean_up_interval_seconds: CLEAN_EVERY.as_secs(),
        memory_pool_size: options.memory_bytes,
        override_function_registry: Some(Arc::new(with_ours(registry))),
        override_runtime_producer: Some(Arc::new(move |_: &SessionConfig| Ok(Arc::clone(&runtime)))),
        override_config_producer: Some(Arc::new(session_config)),
        override_logical_codec: Some(Arc::new(FileListCodec::default())),
        ..ExecutorProcessConfig::default()
    };
    Ok(start_executor_process(Arc::new(config)).await?)
}

/// Makes the directory, without what an executor has left there that was killed: nobody asks for it any more.
fn clean(work_dir: &Path) -> Result<(), ClusterError> {
    let failed = |e: std::io::Error| ClusterError::WorkDir { path: work_dir.to_owned(), why: e.to_string() };
    std::fs::create_dir_all(work_dir).map_err(failed)?;
    for entry in std::fs::read_dir(work_dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }.map_err(failed)?;
    }
    Ok(())
}

fn with_ours(mut registry: BallistaFunctionRegistry) -> BallistaFunctionRegistry {
    for function in functions::scalar_functions() {
        registry.scalar_functions.insert(function.name().to_owned(), Arc::new(function));
    }
    for function in functions::aggregate_functions() {
        registry.aggregate_functions.insert(function.name().to_owned(), Arc::new(function));
    }
    registry
}
