//! The embedded broker: tansu with its SQLite store, in this process, on a loopback port.
//!
//! One data directory, one broker: a lock file held open says so. The lock is the operating system's, so that it goes
//! when its process does, however it ends; what is written in the file only tells people who holds it.

use super::LogError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tansu_broker::broker::Broker;
use tansu_broker::coordinator::group::administrator::Controller;
use tansu_storage::StorageContainer;
use url::Url;
use uuid::Uuid;

const CLUSTER: &str = "tidelake";
/// How long the broker may take to accept its first connection.
const START_BUDGET: Duration = Duration::from_secs(20);

/// A running broker; stops when dropped.
pub(crate) struct Embedded {
    address: SocketAddr,
    serving: tokio::task::JoinHandle<()>,
    _lock: File,
}

impl Embedded {
    /// Locks the data directory and starts the broker on its store, on a free loopback port unless one is given.
    pub(crate) async fn start(data_dir: &Path, address: Option<SocketAddr>) -> Result<Self, LogError> {
        let dir = data_dir.join("broker");
        std::fs::create_dir_all(&dir).map_err(|e| at(&dir, &e))?;
        let lock = lock(&dir.join("lock"))?;
        let address = address.map_or_else(free_address, Ok)?;
        write_holder(&lock, address).map_err(|e| at(&dir, &e))?;
        let serving = serve(&dir.join("log.db"), address).await?;
        let broker = Self { address, serving, _lock: lock };
        broker.accepting().await?;
        Ok(broker)
    }

    /// `host:port` for clients.
    pub(crate) fn bootstrap(&self) -> String {
        self.address.to_string()
    }

    async fn accepting(&self) -> Result<(), LogError> {
        let begun = Instant::now();
        while begun.elapsed() < START_BUDGET {
            if self.serving.is_finished() {
                return Err(LogError::Embedded("it stopped while starting; see the log lines before this one".into()));
            }
            if TcpStream::connect_timeout(&self.address, Duration::from_millis(200)).is_ok() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err(LogError::Embedded(format!("it did not accept a connection on {} within {START_BUDGET:?}", self.address)))
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(store: &Path, address: SocketAddr) -> Result<tokio::task::JoinHandle<()>, LogError> {
    let listener = url(&format!("tcp://{address}"))?;
    let store = store_url(&std::path::absolute(store).map_err(|e| at(store, &e))?)?;
    let mut broker = Broker::<Controller<StorageContainer>, StorageContainer>::builder()
        .node_id(tansu_broker::NODE_ID)
        .cluster_id(CLUSTER)
        .incarnation_id(Uuid::new_v4())
        .advertised_listener(listener.clone())
        .listener(listener)
        .storage(store)
        .silent(true)
        .build()
        .await
        .map_err(|e| LogError::Embedded(e.to_string()))?;
    Ok(tokio::spawn(async move {
        if let Err(error) = broker.serve(tokio::time::Instant::now()).await {
            tracing::error!(%error, "the embedded broker stopped");
        }
    }))
}

fn url(text: &str) -> Result<Url, LogError> {
    Url::parse(text).map_err(|e| LogError::Embedded(format!("{text}: {e}")))
}

/// The store's URL. Tansu takes the path relative to the working directory unless it begins with a second slash, and
/// as it stands in the URL, so that characters a URL must escape cannot be used.
fn store_url(store: &Path) -> Result<Url, LogError> {
    let url = url(&format!("sqlite:///{}", store.display()))?;
    if url.path().strip_prefix('/') == store.to_str() {
        return Ok(url);
    }
    let why = "has characters the embedded broker cannot use (spaces, accents, %, #, ?). Choose another --data-dir";
    Err(LogError::Embedded(format!("{} {why}", store.display())))
}

fn lock(path: &Path) -> Result<File, LogError> {
    let mut file =
        OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path).map_err(|e| at(path, &e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            _ = file.read_to_string(&mut holder);
            Err(LogError::Embedded(format!(
                "data directory {} is in use by another tidelake ({}). Stop that one, or choose another --data-dir",
                path.parent().and_then(Path::parent).unwrap_or(path).display(),
                holder.trim(),
            )))
        }
        Err(TryLockError::Error(e)) => Err(at(path, &e)),
    }
}

fn write_holder(mut lock: &File, address: SocketAddr) -> std::io::Result<()> {
    lock.set_len(0)?;
    lock.rewind()?;
    writeln!(lock, "process {}, broker {address}", std::process::id())
}

/// A loopback port nobody listens on.
fn free_address() -> Result<SocketAddr, LogError> {
    let probe = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    probe.and_then(|p| p.local_addr()).map_err(|e| LogError::Embedded(format!("no free loopback port: {e}")))
}

fn at(path: &Path, error: &std::io::Error) -> LogError {
    let path: PathBuf = path.into();
    LogError::Embedded(format!("{}: {error}. Check that the directory can be written", path.display()))
}
