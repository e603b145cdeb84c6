//! The roles: collect, enrich, land, maintain, and media, annotate and serve where they are wanted. Each is one file; any mix runs in one process.

pub(crate) mod annotate;
pub(crate) mod collect;
pub(crate) mod enrich;
pub(crate) mod land;
pub(crate) mod maintain;
pub(crate) mod media;
pub(crate) mod serve;
mod worker;

pub(crate) use crate::clock::now;

use crate::log::LogError;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tidelake_connectors::annotate::AskError;
use tidelake_schemas::EntityKind;
use tidelake_schemas::codec::CodecError;
use tidelake_sinks::lake::{CommitError, Counts, LakeError};
use tidelake_sinks::media::StoreError;
use tidelake_sinks::query::QueryError;
use tidelake_transformers::TransformersError;
use tokio_util::sync::CancellationToken;

/// Why a role ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RoleError {
    #[error("{0}")]
    Log(#[from] LogError),
    #[error("{0}")]
    Lake(#[from] LakeError),
    #[error("{0}")]
    Commit(#[from] CommitError),
    #[error("{0}")]
    Media(#[from] StoreError),
    #[error("{0}")]
    Annotate(#[from] AskError),
    #[error("{0}")]
    Codec(#[from] CodecError),
    #[error("{0}")]
    Transformers(#[from] TransformersError),
    #[error("{0}")]
    Query(#[from] QueryError),
    #[error("{why}")]
    Doors { why: String, is_final: bool },
    #[error("{0}")]
    Decode(String),
    #[error("arrow: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
    #[error("task {task}: {why}")]
    Task { task: String, why: String },
    #[error("another process has taken the partition over: {0}")]
    Fenced(String),
    #[error("a worker ended unexpectedly: {0}. This is a defect: please report it with the lines before this one")]
    Panicked(String),
}

impl RoleError {
    /// Whether trying again can help; if not, the process ends with an error.
    pub(crate) fn is_final(&self) -> bool {
        if let Self::Transformers(error) = self {
            return error.is_final();
        }
        if let Self::Annotate(error) = self {
            return error.is_final();
        }
        if let Self::Doors { is_final, .. } = self {
            return *is_final;
        }
        matches!(
            self,
            Self::Log(LogError::Recreated { .. } | LogError::Topics(_) | LogError::Suppressions(_))
                | Self::Lake(LakeError::TransactionsExpire { .. } | LakeError::Location { .. })
                | Self::Media(StoreError::Full { .. } | StoreError::Location { .. })
        )
    }
}

/// Asks the roles to stop: they finish what they hold, within the grace period.
#[derive(Clone, Default)]
pub(crate) struct Stop(CancellationToken);

impl Stop {
    pub(crate) fn ask(&self) {
        self.0.cancel();
    }

    pub(crate) fn asked(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Resolves once asked.
    pub(crate) async fn wait(&self) {
        self.0.cancelled().await;
    }

    /// A stop that is asked when this one is, or on its own.
    pub(crate) fn child(&self) -> Self {
        Self(self.0.child_token())
    }
}

/// What has flowed through this process.
#[derive(Clone, Default)]
pub(crate) struct Progress(Arc<Counters>);

#[derive(Default)]
struct Counters {
    observed: [AtomicI64; 5],
    polls: AtomicI64,
    enriched: AtomicI64,
    dead: AtomicI64,
    landed: Mutex<BTreeMap<&'static str, Counts>>,
}

/// A reading of [`Progress`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Reading {
    /// Published by collect, by kind in the order of [`EntityKind::ALL`].
    pub observed: [i64; 5],
    /// Pages polled.
    pub polls: i64,
    /// Published by enrich.
    pub enriched: i64,
    /// Refused to the dead letters by this process.
    pub dead: i64,
    /// Landed, by table.
    pub landed: BTreeMap<&'static str, Counts>,
}

impl Reading {
    /// Observations of every kind.
    pub(crate) fn observations(&self) -> i64 {
        self.observed.iter().sum()
    }

    /// Rows of every table.
    pub(crate) fn rows(&self) -> i64 {
        self.landed.values().map(|c| c.rows).sum()
    }
}

impl Progress {
    pub(crate) fn observed(&self, kind: EntityKind, records: i64) {
        self.0.observed[kind as usize].fetch_add(records, Ordering::Relaxed);
    }

    pub(crate) fn polled(&self) {
        self.0.polls.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn enriched(&self, records: i64) {
        self.0.enriched.fetch_add(records, Ordering::Relaxed);
    }

    pub(crate) fn dead(&self, records: i64) {
        self.0.dead.fetch_add(records, Ordering::Relaxed);
    }

    pub(crate) fn landed(&self, table: &'static str, counts: &Counts) {
        self.0.landed.lock().unwrap_or_else(PoisonError::into_inner).entry(table).or_default().add(counts);
    }

    pub(crate) fn read(&self) -> Reading {
        let get = |c: &AtomicI64| c.load(Ordering::Relaxed);
        Reading {
            observed: std::array::from_fn(|i| get(&self.0.observed[i])),
            polls: get(&self.0.polls),
            enriched: get(&self.0.enriched),
            dead: get(&self.0.dead),
            landed: self.0.landed.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}
