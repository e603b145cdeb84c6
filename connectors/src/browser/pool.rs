//! The sessions: some show a page that a poll reads, some a page that waits for the next poll, some nothing.

use super::config::BrowserConfig;
use super::driver::Driver;
use super::fault::{DriverFault, Stop};
use super::page::{Key, OpenPage, Progress};
use super::session::Session;
use crate::client::fault::Group;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::{Semaphore, SemaphorePermit};

/// A pool of as many sessions as the configuration allows.
#[derive(Debug)]
pub(super) struct Pool {
    config: BrowserConfig,
    driver: Driver,
    /// One permit per session that a poll uses.
    turns: Semaphore,
    size: usize,
    resting: Mutex<Resting>,
}

/// Sessions that no poll uses.
#[derive(Debug, Default)]
struct Resting {
    /// With a page that waits, the one that has waited longest first.
    pages: VecDeque<OpenPage>,
    idle: Vec<Session>,
}

impl Resting {
    fn len(&self) -> usize {
        self.pages.len() + self.idle.len()
    }
}

/// The right to use one session.
pub(super) struct Turn<'a> {
    pool: &'a Pool,
    _permit: Option<SemaphorePermit<'a>>,
}

impl Pool {
    pub(super) fn new(config: BrowserConfig) -> Self {
        let size = config.sessions.clamp(1, 64);
        let driver = Driver::new(config.clone());
        Self { config, driver, turns: Semaphore::new(size), size, resting: Mutex::default() }
    }

    pub(super) fn driver(&self) -> &Driver {
        &self.driver
    }

    /// Waits for a session to be free.
    pub(super) async fn turn(&self) -> Turn<'_> {
        // Nobody closes the semaphore.
        Turn { pool: self, _permit: self.turns.acquire().await.ok() }
    }

    fn resting(&self) -> MutexGuard<'_, Resting> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn<'_> {
    /// The page that waits under this key, if it has been read as far as the caller has kept: what a page has shown
    /// beyond that never reached anybody.
    pub(super) async fn waiting(&self, key: &Key, kept: &Progress) -> Option<OpenPage> {
        let page = self.take(key)?;
        if page.progress == *kept {
            return Some(page);
        }
        self.done(page.session).await;
        None
    }

    fn take(&self, key: &Key) -> Option<OpenPage> {
        let mut resting = self.pool.resting();
        let at = resting.pages.iter().position(|page| page.key == *key)?;
        resting.pages.remove(at)
    }

    /// A session with no page: one that rests, or a new one. A page that waits gives way to it.
    pub(super) async fn session(&self) -> Result<Session, DriverFault> {
        if let Some(session) = self.pool.resting().idle.pop() {
            return Ok(session);
        }
        if let Some(page) = self.longest_waiting() {
            tracing::info!(target = page.key.target, "its page gives way to another; it will be started again");
            page.session.close().await;
        }
        let url = self.pool.driver.url().await?;
        let begun = Session::start(&url, &self.pool.config).await;
        if begun.is_err() {
            self.forget();
        }
        begun
    }

    fn longest_waiting(&self) -> Option<OpenPage> {
        let mut resting = self.pool.resting();
        let busy = self.pool.size - self.pool.turns.available_permits();
        if resting.len() + busy > self.pool.size { resting.pages.pop_front() } else { None }
    }

    /// Keeps a page open until the next poll.
    pub(super) fn park(&self, page: OpenPage) {
        self.pool.resting().pages.push_back(page);
    }

    /// Gives a session back. One that has shown enough is ended, and its memory with it.
    pub(super) async fn done(&self, session: Session) {
        if session.pages >= self.pool.config.pages_per_session.max(1) {
            return session.close().await;
        }
        self.pool.resting().idle.push(session);
    }

    /// After trouble with the driver: nothing of what rests is relied on.
    pub(super) fn forget(&self) {
        *self.pool.resting() = Resting::default();
    }

    /// A session whose page could not be read: goes on after a fact about the target, ends after a refusal, and is of no
    /// use after trouble of its own.
    pub(super) async fn failed(&self, page: OpenPage, stop: &Stop) {
        match stop {
            Stop::Site(fault) if fault.class.group() == Group::Entity => self.done(page.session).await,
            Stop::Site(_) => page.session.close().await,
            Stop::Driver(_) => self.forget(),
        }
    }
}
