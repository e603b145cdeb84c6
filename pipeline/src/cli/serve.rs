//! `tidelake serve`: the doors alone, over a lake that others fill.

use super::Failure;
use super::lake::lake;
use super::run::Signals;
use crate::config::Config;
use crate::roles::serve::Serve;
use std::io::Write;
use std::net::SocketAddr;

/// What a client may try first.
const EXAMPLE: &str = "SELECT count(*) FROM videos";

#[derive(clap::Args)]
pub(crate) struct ServeArgs {
    /// Where PostgreSQL's clients connect. Without any door here or in [serve]: 127.0.0.1:5432.
    #[arg(long, value_name = "ADDRESS")]
    postgres: Option<SocketAddr>,
    /// Where Arrow Flight SQL's clients connect; likewise 127.0.0.1:32010.
    #[arg(long, value_name = "ADDRESS")]
    flight: Option<SocketAddr>,
    /// Where HTTP requests are sent; likewise 127.0.0.1:8080.
    #[arg(long, value_name = "ADDRESS")]
    http: Option<SocketAddr>,
}

pub(crate) async fn run(args: &ServeArgs, mut config: Config) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    config.serve.listen(args.postgres, args.flight, args.http);
    if let Some((key, why)) = config.serve.settings().mistakes().into_iter().next() {
        return Err(format!("serve.{key}: {why}").into());
    }
    let users = config.serve.settings().users;
    let doors = Serve::of(&config, lake(&config)?, &config.privacy.key(&config.data_dir)?).open().await?;
    let (user, tls) = (users.keys().next().map(String::as_str), config.serve.settings().tls.is_some());
    {
        let mut out = std::io::stdout().lock();
        for (door, address) in doors.addresses() {
            writeln!(out, "{door:<9} {address}\n          {}", example(door, *address, user, tls))?;
        }
        if user.is_none() {
            writeln!(out, "No users are configured: everybody on this machine may query. Ctrl-C stops.")?;
        }
        out.flush()?;
    }
    let name = signals.next().await;
    tracing::info!(signal = name, "stopping; a second signal stops at once");
    tokio::select! {
        () = doors.close() => {}
        _ = signals.next() => {}
    }
    Ok(())
}

/// A line that shows how to come in.
fn example(door: &str, address: SocketAddr, user: Option<&str>, tls: bool) -> String {
    let (host, port) = (address.ip(), address.port());
    match door {
        "postgres" => {
            let (user, mode) = (user.unwrap_or("local"), if tls { " sslmode=require" } else { "" });
            format!("psql \"host={host} port={port} user={user} dbname=tidelake{mode}\" -c '{EXAMPLE}'")
        }
        "flight" => {
            let scheme = if tls { "grpc+tls" } else { "grpc" };
            format!("python3 -c \"import adbc_driver_flightsql.dbapi as d; d.connect('{scheme}://{address}')\"")
        }
        _ => {
            let (scheme, login) = (if tls { "https" } else { "http" }, user.map(|user| format!("-u {user} ")));
            format!("curl {}{scheme}://{address}/api/v1/sql -d '{EXAMPLE}'", login.unwrap_or_default())
        }
    }
}
