//! Answers kept for a while, bounded in bytes; the least recently used go first. Only good answers are kept.

use super::wire::{Body, Request, Response};
use bytes::Bytes;
use moka::Expiry;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use secrecy::ExposeSecret;
use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// What an entry costs beside its texts: key, instants, moka's own.
const OVERHEAD: usize = 256;

/// How long an answer is kept, by what it is (tiktok-peers S136).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ttl {
    /// A video or a profile.
    Info,
    /// Available formats.
    Formats,
    /// What does not change: when something was uploaded, where a short link leads.
    UploadDate,
    /// oEmbed.
    Oembed,
}

/// How much is kept, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheConfig {
    /// Bytes in all, keys and overhead included. 0 keeps nothing.
    pub max_bytes: u64,
    /// For [`Ttl::Info`].
    pub info: Duration,
    /// For [`Ttl::Formats`].
    pub formats: Duration,
    /// For [`Ttl::UploadDate`].
    pub upload_date: Duration,
    /// For [`Ttl::Oembed`].
    pub oembed: Duration,
    /// Past its time, an answer is kept this much longer: for the time when the route rests (S30).
    pub stale: Duration,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            max_bytes: 32 << 20,
            info: Duration::from_secs(30 * 60),
            formats: Duration::from_secs(3600),
            upload_date: Duration::from_secs(24 * 3600),
            oembed: Duration::from_secs(3600),
            stale: Duration::from_secs(24 * 3600),
        }
    }
}

impl CacheConfig {
    fn ttl(&self, ttl: Ttl) -> Duration {
        match ttl {
            Ttl::Info => self.info,
            Ttl::Formats => self.formats,
            Ttl::UploadDate => self.upload_date,
            Ttl::Oembed => self.oembed,
        }
    }
}

/// Names a request. A digest: it holds no text of the request, and so no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CacheKey(Uuid);

impl CacheKey {
    /// Of a request made with the credential of this name. The token is no part of it: it changes, the account not.
    pub fn of(credential: &str, request: &Request) -> Self {
        let mut url = request.url.clone();
        let mut pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        pairs.sort_unstable();
        url.query_pairs_mut().clear().extend_pairs(pairs);
        url.set_fragment(None);
        let mut text = format!("{credential}\n{}\n{url}\n", request.method);
        match &request.body {
            Body::None => {}
            Body::Json(body) => text.push_str(&body.to_string()),
            Body::Bytes(kind, bytes) => {
                text.push_str(&format!("{kind}\n{}", Uuid::new_v5(&Uuid::NAMESPACE_OID, bytes)))
            }
            Body::Form(fields) => fields.iter().for_each(|(name, value)| {
                text.push_str(name);
                text.push('=');
                text.push_str(value.expose_secret());
                text.push('\n');
            }),
        }
        Self(Uuid::new_v5(&Uuid::NAMESPACE_URL, text.as_bytes()))
    }
}

/// What the cache did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CacheSnapshot {
    /// Answers held.
    pub entries: u64,
    /// Bytes held.
    pub bytes: u64,
    /// Bytes that may be held.
    pub max_bytes: u64,
    /// Requests answered from it.
    pub hits: u64,
    /// Requests not answered from it.
    pub misses: u64,
    /// Requests answered past the time, because the route rested.
    pub stale: u64,
}

#[derive(Clone)]
struct Entry {
    response: Response,
    fresh_until: Instant,
    drop_at: Instant,
}

/// moka frees what nobody asks for any more; what is fresh is decided here, by a clock that tests can stop.
struct DropAt;

impl Expiry<CacheKey, Entry> for DropAt {
    fn expire_after_create(&self, _: &CacheKey, entry: &Entry, _: std::time::Instant) -> Option<Duration> {
        Some(entry.drop_at.saturating_duration_since(Instant::now()))
    }

    fn expire_after_update(
        &self,
        key: &CacheKey,
        entry: &Entry,
        now: std::time::Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        self.expire_after_create(key, entry, now)
    }
}

/// A cache of answers.
#[derive(Debug)]
pub struct ResponseCache {
    config: CacheConfig,
    entries: Cache<CacheKey, Entry>,
    hits: AtomicU64,
    misses: AtomicU64,
    stale: AtomicU64,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.response.fmt(f)
    }
}

impl ResponseCache {
    /// An empty cache.
    pub fn new(config: CacheConfig) -> Self {
        let entries = Cache::builder()
            .max_capacity(config.max_bytes)
            .weigher(|_: &CacheKey, entry: &Entry| weight(&entry.response))
            .eviction_policy(EvictionPolicy::lru())
            .expire_after(DropAt)
            .build();
        Self { config, entries, hits: AtomicU64::new(0), misses: AtomicU64::new(0), stale: AtomicU64::new(0) }
    }

    /// A fresh answer.
    pub fn get(&self, key: CacheKey, now: Instant) -> Option<Response> {
        let found = self.entries.get(&key).filter(|entry| now < entry.fresh_until);
        let counter = if found.is_some() { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
        found.map(|entry| served(entry.response, false))
    }

    /// An answer past its time, for when the route rests.
    pub fn get_stale(&self, key: CacheKey, now: Instant) -> Option<Response> {
        let entry = self.entries.get(&key).filter(|entry| now < entry.drop_at)?;
        self.stale.fetch_add(1, Ordering::Relaxed);
        Some(served(entry.response, now >= entry.fresh_until))
    }

    /// Keeps a good answer.
    pub fn put(&self, key: CacheKey, ttl: Ttl, response: &Response, now: Instant) {
        // Bodies are slices of what was read; a copy holds no more than it weighs.
        let response = Response { body: Bytes::copy_from_slice(&response.body), ..response.clone() };
        let fresh_until = now + self.config.ttl(ttl);
        self.entries.insert(key, Entry { response, fresh_until, drop_at: fresh_until + self.config.stale });
        // moka makes room when it is told to, or later: told here, the bound holds at all times.
        self.entries.run_pending_tasks();
    }

    /// What the cache did.
    pub fn snapshot(&self) -> CacheSnapshot {
        self.entries.run_pending_tasks();
        CacheSnapshot {
            entries: self.entries.entry_count(),
            bytes: self.entries.weighted_size(),
            max_bytes: self.config.max_bytes,
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            stale: self.stale.load(Ordering::Relaxed),
        }
    }
}

fn weight(response: &Response) -> u32 {
    let location = response.location.as_ref().map_or(0, String::len);
    let bytes = response.body.len() + response.url.as_str().len() + location + OVERHEAD;
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// An answer as it is given out again: it cost nothing this time.
fn served(response: Response, stale: bool) -> Response {
    Response { cached: true, stale, requests: 0, usage: None, survived: None, ..response }
}

#[cfg(test)]
#[path = "tests/cache.rs"]
mod tests;
