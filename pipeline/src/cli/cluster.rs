//! `tidelake cluster`: the processes that run queries on several machines.

use super::Failure;
use crate::config::Config;
use std::net::SocketAddr;
use tidelake_serve::cluster::{self, ExecutorOptions, SchedulerOptions};

#[derive(clap::Args)]
pub(crate) struct ClusterArgs {
    #[command(subcommand)]
    part: Part,
}

#[derive(clap::Subcommand)]
enum Part {
    /// Takes queries, and parts them among the executors. Engines name it: --engine ballista://HOST:PORT.
    Scheduler {
        /// Where engines and executors come to. Whoever reaches it can read the lake: keep it within a private network.
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:50050")]
        listen: SocketAddr,
    },
    /// Runs parts of queries.
    Executor {
        /// The scheduler: HOST:PORT.
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:50050", value_parser = host_and_port)]
        scheduler: (String, u16),
        /// Where other executors and engines fetch rows; the scheduler asks at the next port.
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:50051")]
        listen: SocketAddr,
        /// Parts of queries at once; by default one per processor.
        #[arg(long, value_name = "N")]
        parallelism: Option<usize>,
        /// MiB for sorting, grouping and joining; by default 70 % of the machine's.
        #[arg(long, value_name = "MIB")]
        memory: Option<u64>,
    },
}

pub(crate) async fn run(args: ClusterArgs, config: &Config) -> Result<(), Failure> {
    let lake = super::lake::lake(config)?;
    let mut signals = super::run::Signals::listen()?;
    match args.part {
        Part::Scheduler { listen } => {
            tokio::select! {
                ended = cluster::scheduler(lake, SchedulerOptions { listen }) => ended?,
                signal = signals.next() => tracing::info!(signal, "stopped"),
            }
        }
        Part::Executor { scheduler, listen, parallelism, memory } => {
            let control_port =
                listen.port().checked_add(1).ok_or("there is no port after 65535; choose a lower one")?;
            let work_dir = config.data_dir.join(format!("executor-{}", listen.port()));
            let memory_bytes = memory.map(|mib| mib << 20);
            let options = ExecutorOptions { scheduler, listen, control_port, work_dir, memory_bytes, parallelism };
            cluster::executor(lake, options).await?;
        }
    }
    Ok(())
}

fn host_and_port(text: &str) -> Result<(String, u16), String> {
    let (host, port) = text.rsplit_once(':').ok_or("write HOST:PORT")?;
    let port = port.parse().map_err(|_| format!("{port:?} is no port"))?;
    Ok((host.to_owned(), port))
}
