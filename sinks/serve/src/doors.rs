//! Opens the doors, and closes them.

use crate::core::{Core, Engines};
use crate::query_log::QueryLog;
use crate::settings::Settings;
use crate::threads::Threads;
use crate::tls::Tls;
use crate::{flight, http, postgres};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tidelake_schemas::Timestamp;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How long queries that were cancelled may take to notice.
const LAST: Duration = Duration::from_secs(1);

/// Why the doors do not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The settings do not fit together.
    #[error("serve.{key}: {why}")]
    Settings {
        /// The key.
        key: String,
        /// Why not.
        why: String,
    },
    /// The certificate cannot be used.
    #[error("serve.tls: {0}")]
    Tls(String),
    /// An address cannot be listened on.
    #[error("serve.{door}.listen: {address}: {why}. Stop what listens there, or give another address")]
    Listen {
        /// The door.
        door: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why not.
        why: String,
    },
    /// The query log cannot be kept.
    #[error("serve.query_log.file: {}: {why}. Name a file that can be written", path.display())]
    QueryLog {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: std::io::Error,
    },
    /// No threads.
    #[error("no threads for queries: {0}")]
    Threads(std::io::Error),
}

/// Doors that are open.
pub struct Doors {
    core: Arc<Core>,
    threads: Threads,
    addresses: Vec<(&'static str, SocketAddr)>,
    serving: JoinSet<()>,
    closed: CancellationToken,
    grace: Duration,
}

impl Doors {
    /// Opens every door of the settings, on threads of their own. `now` gives the time.
    ///
    /// # Errors
    /// [`OpenError`]; then none is open.
    pub async fn open(engines: Engines, settings: &Settings, now: fn() -> Timestamp) -> Result<Self, OpenError> {
        if let Some((key, why)) = settings.mistakes().into_iter().next() {
            return Err(OpenError::Settings { key, why });
        }
        let tls = settings.tls.as_ref().map(Tls::read).transpose().map_err(OpenError::Tls)?.map(Arc::new);
        let mut listeners = Vec::new();
        for (door, address) in settings.doors() {
            let listener = std::net::TcpListener::bind(address).and_then(|listener| {
                listener.set_nonblocking(true)?;
                let bound = listener.local_addr()?;
                Ok((listener, bound))
            });
            let wrong = |error: std::io::Error| OpenError::Listen { door, address, why: error.to_string() };
            let (listener, bound) = listener.map_err(wrong)?;
            listeners.push((door, bound, listener));
        }
        let threads = Threads::start(settings.threads).map_err(OpenError::Threads)?;
        let (on, queries) = threads.handles().ok_or_else(|| OpenError::Threads(std::io::ErrorKind::Other.into()))?;
        let unwritable = |why| {
            let path = settings.query_log.file.clone().unwrap_or_default();
            OpenError::QueryLog { path, why }
        };
        let log = QueryLog::open(&settings.query_log).map_err(unwritable)?;
        let core = Core::new(engines, settings, log, queries.clone(), now);
        let (closed, mut serving) = (CancellationToken::new(), JoinSet::new());
        let addresses = listeners.iter().map(|(door, bound, _)| (*door, *bound)).collect();
        serving.spawn_on(Arc::clone(&core).keep_fresh(settings.refresh), on);
        for (door, _, listener) in listeners {
            let (core, tls, closed) = (Arc::clone(&core), tls.clone(), closed.clone());
            let (connections, grace, settings) = (settings.connections, settings.grace, settings.asked.clone());
            let serve = async move {
                match door {
                    "http" => http::Door { core, listener, tls, connections, settings, grace }.serve(closed).await,
                    _ => match TcpListener::from_std(listener) {
                        Ok(listener) if door == "flight" => {
                            flight::Door { core, listener, tls, connections }.serve(closed).await;
                        }
                        Ok(listener) => postgres::Door { core, listener, tls, connections }.serve(closed).await,
                        Err(error) => tracing::error!(%error, door, "the door stays closed"),
                    },
                }
            };
            serving.spawn_on(serve, on);
        }
        Ok(Self { core, threads, addresses, serving, closed, grace: settings.grace })
    }

    /// Where the doors are, by name: the ports that were given where 0 was asked for.
    pub fn addresses(&self) -> &[(&'static str, SocketAddr)] {
        &self.addresses
    }

    /// Takes nobody in any more, lets queries that run finish for as long as the settings say, then ends them.
    pub async fn close(mut self) {
        self.closed.cancel();
        self.core.drain(self.grace).await;
        let ended = async { while self.serving.join_next().await.is_some() {} };
        _ = tokio::time::timeout(LAST, ended).await;
        drop(self.threads);
    }
}

impl std::fmt::Debug for Doors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Doors").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}
