//! The embedded broker: Kafka's protocol by tansu, records in logs of our own, in this process, on a loopback port.
//!
//! * [`serve`]: the listener, and which requests are understood.
//! * [`fetch`]: answers consumers, as soon as there is something.
//! * [`store`]: what is where: records in [`batches`], the rest in tansu's SQLite store; [`storage`] shows it to tansu.
//! * [`topics`]: the topics, remembered; [`deletion`] takes one out of SQLite.
//! * [`purge`]: takes deleted bytes off the disk.
//! * [`batches`]: the partition logs; [`keys`] names what is in them, [`producers`] tells repeated batches from new ones.
//!
//! What was acknowledged outlives the process however it ends, and a power cut too if it is older than a second.
//!
//! One data directory, one broker: a lock file held open says so. The lock is the operating system's, so that it goes
//! when its process does, however it ends; what is written in the file only tells people who holds it.

mod batches;
mod deletion;
mod fetch;
mod keys;
mod producers;
mod purge;
mod serve;
mod storage;
mod store;
#[cfg(test)]
mod tests;
mod topics;

use super::LogError;
use batches::Batches;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::Store;
use tansu_storage::{BrokerRegistrationRequest, Storage, StorageContainer};
use tokio::net::TcpListener;
use url::Url;
use uuid::Uuid;

const CLUSTER: &str = "tidelake";
/// How long the last broker of this process may take to let go of its logs.
const CLOSE_BUDGET: Duration = Duration::from_secs(20);

/// A running broker; stops when dropped.
pub(crate) struct Embedded {
    address: SocketAddr,
    serving: tokio::task::JoinHandle<()>,
    batches: Arc<Batches>,
    _lock: File,
}

impl Embedded {
    /// Locks the data directory and starts the broker on its store, on a free loopback port unless one is given.
    pub(crate) async fn start(data_dir: &Path, address: Option<SocketAddr>) -> Result<Self, LogError> {
        let dir = data_dir.join("broker");
        std::fs::create_dir_all(&dir).map_err(|e| at(&dir, &e))?;
        let lock = lock(&dir.join("lock"))?;
        let address = address.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, 0).into());
        let listener = TcpListener::bind(address).await.map_err(|e| cannot_listen(address, &e))?;
        let address = listener.local_addr().map_err(|e| cannot_listen(address, &e))?;
        write_holder(&lock, address).map_err(|e| at(&dir, &e))?;
        purge::carry_out(&dir).await?;
        let batches = Arc::new(open(&dir.join("batches")).await?);
        let store = store(&dir.join("log.db"), address, batches.clone()).await?;
        let services = serve::services(CLUSTER, &store).map_err(|e| LogError::Embedded(e.to_string()))?;
        let serving = tokio::spawn(serve::serve(listener, services, store));
        Ok(Self { address, serving, batches, _lock: lock })
    }

    /// Has the bytes of deleted messages taken out of the broker's files when it is started the next time.
    pub(crate) fn purge_when_started(data_dir: &Path) -> Result<(), LogError> {
        let dir = data_dir.join("broker");
        purge::ask(&dir).map_err(|e| at(&dir, &e))
    }

    /// Takes the bytes of deleted messages out of the broker's files now, if that was asked for and no broker runs.
    pub(crate) async fn purge(data_dir: &Path) -> Result<(), LogError> {
        let dir = data_dir.join("broker");
        let _lock = lock(&dir.join("lock"))?;
        purge::carry_out(&dir).await
    }

    /// `host:port` of the broker that another process runs on this data directory, if one does.
    pub(crate) fn running(data_dir: &Path) -> Option<String> {
        let mut lock = File::open(data_dir.join("broker").join("lock")).ok()?;
        if !matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)) {
            return None;
        }
        let mut holder = String::new();
        lock.read_to_string(&mut holder).ok()?;
        holder.trim().rsplit_once("broker ").map(|(_, address)| address.to_owned())
    }

    /// `host:port` for clients.
    pub(crate) fn bootstrap(&self) -> String {
        self.address.to_string()
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.serving.abort();
        // It has said what went wrong.
        _ = self.batches.sync();
    }
}

/// The logs. A broker of this process that was just stopped holds them until its last request is done.
async fn open(dir: &Path) -> Result<Batches, LogError> {
    let begun = Instant::now();
    loop {
        let path = dir.to_path_buf();
        let opened = tokio::task::spawn_blocking(move || Batches::open(&path)).await;
        match opened.map_err(|e| LogError::Embedded(e.to_string()))? {
            Ok(batches) => return Ok(batches),
            Err(fjall::Error::Locked) if begun.elapsed() < CLOSE_BUDGET => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(error) => {
                let what = "Check that the directory can be read and written";
                return Err(LogError::Embedded(format!("{}: {error}. {what}", dir.display())));
            }
        }
    }
}

async fn store(path: &Path, address: SocketAddr, batches: Arc<Batches>) -> Result<Store, LogError> {
    let failed = |e: tansu_storage::Error| LogError::Embedded(e.to_string());
    let sqlite = StorageContainer::builder()
        .cluster_id(CLUSTER)
        .node_id(tansu_broker::NODE_ID)
        .advertised_listener(url(&format!("tcp://{address}"))?)
        .storage(store_url(&std::path::absolute(path).map_err(|e| at(path, &e))?)?)
        .build()
        .await
        .map_err(failed)?;
    let us = BrokerRegistrationRequest {
        broker_id: tansu_broker::NODE_ID,
        cluster_id: CLUSTER.into(),
        incarnation_id: Uuid::new_v4(),
        rack: None,
    };
    sqlite.register_broker(us).await.map_err(failed)?;
    Store::new(sqlite, path, batches).await.map_err(failed)
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

fn cannot_listen(address: SocketAddr, error: &std::io::Error) -> LogError {
    LogError::Embedded(format!("cannot listen on {address}: {error}. Is the port taken?"))
}

fn at(path: &Path, error: &std::io::Error) -> LogError {
    let path: PathBuf = path.into();
    LogError::Embedded(format!("{}: {error}. Check that the directory can be written", path.display()))
}
