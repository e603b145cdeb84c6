//! `tidelake broker`: the embedded broker alone.

use super::Failure;
use crate::config::Config;
use crate::log::client::Connection;
use crate::log::embedded::Embedded;
use crate::log::topics;
use std::io::Write;
use std::net::SocketAddr;

#[derive(clap::Args)]
pub(crate) struct BrokerArgs {
    /// Loopback address to listen on, for `log.broker` of the other processes.
    #[arg(long, default_value = "127.0.0.1:9092", value_name = "ADDRESS")]
    listen: SocketAddr,
}

pub(crate) async fn run(args: &BrokerArgs, config: &Config) -> Result<(), Failure> {
    if !args.listen.ip().is_loopback() {
        return Err(format!("{} is not a loopback address: the embedded broker knows no passwords", args.listen).into());
    }
    let mut signals = super::run::Signals::listen()?;
    let broker = Embedded::start(&config.data_dir, Some(args.listen)).await?;
    topics::ensure(&Connection::new(broker.bootstrap(), config.log.kafka.clone()), &config.layout()).await?;
    writeln!(std::io::stdout(), "listening on {}", broker.bootstrap())?;
    signals.next().await;
    Ok(())
}
