//! `tidelake run`: the daemon.

use super::exit;
use crate::config::Config;
use crate::daemon::{Daemon, Role};
use crate::roles::Stop;
use std::process::ExitCode;
use tokio::signal::unix::{Signal, SignalKind, signal};

#[derive(clap::Args)]
pub(crate) struct RunArgs {
    /// Roles of this process: collect, enrich, land, media, annotate, serve, maintain. Default: all; but media does something
    /// only where [media] is enabled, serve where [serve] has a door, and annotate and maintain, unless they are named here,
    /// only where [external_model] and [maintain] are enabled.
    #[arg(long, value_delimiter = ',', value_name = "ROLE,…")]
    roles: Option<Vec<Role>>,
}

impl RunArgs {
    /// The roles to start; an error where one that is named could do nothing.
    fn roles(self, config: &Config) -> Result<Vec<Role>, super::Failure> {
        let external = config.external_model.as_ref();
        let Some(roles) = self.roles else {
            let asks = external.is_some_and(|external| external.enabled);
            let wanted = |role: &Role| match role {
                Role::Annotate => asks,
                Role::Serve => config.serve.has_doors(),
                Role::Maintain => config.maintain.enabled,
                _ => true,
            };
            return Ok(Role::ALL.into_iter().filter(wanted).collect());
        };
        if roles == [Role::Media] && !config.media.enabled {
            return Err("media is off: set enabled = true in [media], or run other roles".into());
        }
        if roles.contains(&Role::Annotate) && external.is_none() {
            return Err("annotate has nobody to ask: configure [external_model], or run other roles".into());
        }
        if roles.contains(&Role::Serve) && !config.serve.has_doors() {
            return Err(
                "serve has no door to open: give one in [serve], e.g. http = { listen = \"127.0.0.1:8080\" }, or run \
                        other roles"
                    .into(),
            );
        }
        Ok(roles)
    }
}

pub(crate) async fn run(args: RunArgs, config: Config) -> ExitCode {
    match daemon(args, config).await {
        Ok(code) => code,
        Err(error) => super::fail(&error, exit::ERROR),
    }
}

async fn daemon(args: RunArgs, config: Config) -> Result<ExitCode, super::Failure> {
    let mut signals = Signals::listen()?;
    let grace = config.shutdown.grace;
    let roles = args.roles(&config)?;
    let daemon = Daemon::start(config).await?;
    if roles.contains(&Role::Collect) {
        daemon.declare_tasks().await?;
    }
    let stop = Stop::default();
    let mut running = daemon.run(&roles, &stop);
    let roles = roles.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    tracing::info!(roles, tasks = daemon.config.tasks.len(), "running");
    tokio::select! {
        outcome = running.ended() => {
            outcome?;
            return Ok(ExitCode::from(exit::ROLE));
        }
        name = signals.next() => tracing::info!(signal = name, ?grace, "stopping; a second signal stops at once"),
    }
    tokio::select! {
        drained = running.drain(grace) => match drained? {
            true => {
                tracing::info!("stopped");
                Ok(ExitCode::SUCCESS)
            }
            false => {
                tracing::warn!(?grace, "the grace period is over; what was not finished is read again");
                Ok(ExitCode::from(exit::UNDRAINED))
            }
        },
        name = signals.next() => {
            tracing::warn!(signal = name, "stopped at once; what was not finished is read again");
            Ok(ExitCode::from(exit::UNDRAINED))
        }
    }
}

/// SIGTERM and SIGINT.
pub(crate) struct Signals {
    term: Signal,
    int: Signal,
}

impl Signals {
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self { term: signal(SignalKind::terminate())?, int: signal(SignalKind::interrupt())? })
    }

    /// The name of the next signal.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.term.recv() => "SIGTERM",
            _ = self.int.recv() => "SIGINT",
        }
    }
}
