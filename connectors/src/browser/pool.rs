//! The sessions: some show a page that a poll reads, some a page that waits for the next poll, some nothing.

use super::config::BrowserConfig;
use super::driver::Driver;
use super::fault::{DriverFault, DriverKind, Stop};
use super::page::{Key, OpenPage, Progress};
use super::session::Session;
use crate::client::fault::Group;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// A pool of as many sessions as the configuration allows.
#[derive(Debug)]
pub(super) struct Pool {
    config: BrowserConfig,
    driver: Driver,
    /// One permit per session that a poll uses.
    turns: Semaphore,
    size: usize,
    resting: Arc<Resting>,
}

/// Sessions that no poll uses, the one that has rested longest first.
#[derive(Debug, Default)]
struct Resting(Mutex<VecDeque<Rest>>);

/// A session that rests.
#[derive(Debug)]
struct Rest {
    since: Instant,
    what: Kept,
}

#[derive(Debug)]
enum Kept {
    /// Its page is to be read on.
    Page(Box<OpenPage>),
    Idle(Session),
}

impl Resting {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Rest>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the first that fits.
    fn take(&self, fits: impl FnMut(&Rest) -> bool) -> Option<Kept> {
        let mut resting = self.lock();
        let at = resting.iter().position(fits)?;
        resting.remove(at).map(|rest| rest.what)
    }
}

impl Kept {
    fn session(&self) -> &Session {
        match self {
            Self::Page(page) => &page.session,
            Self::Idle(session) => session,
        }
    }

    async fn close(self) {
        match self {
            Self::Page(page) => page.session.close().await,
            Self::Idle(session) => session.close().await,
        }
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
        Self { config, driver, turns: Semaphore::new(size), size, resting: Arc::default() }
    }

    pub(super) fn driver(&self) -> &Driver {
        &self.driver
    }

    /// Waits for a session to be free.
    pub(super) async fn turn(&self) -> Turn<'_> {
        // Nobody closes the semaphore.
        Turn { pool: self, _permit: self.turns.acquire().await.ok() }
    }

    /// Lets a session rest, and ends it when nobody has used it for long: neither its memory nor the site's servers are
    /// to carry a browser that nobody reads.
    fn rest(&self, what: Kept) {
        self.resting.lock().push_back(Rest { since: Instant::now(), what });
        let (resting, patience) = (Arc::downgrade(&self.resting), self.config.idle_timeout);
        tokio::spawn(async move {
            tokio::time::sleep(patience).await;
            let old = resting.upgrade().and_then(|resting| resting.take(|rest| rest.since.elapsed() >= patience));
            if let Some(old) = old {
                old.close().await;
            }
        });
    }

    /// A session that has to go, so that another can be started: one too many, or none.
    fn surplus(&self) -> Option<Kept> {
        let busy = self.size - self.turns.available_permits();
        let mut resting = self.resting.lock();
        if resting.len() + busy > self.size { resting.pop_front().map(|rest| rest.what) } else { None }
    }
}

impl Turn<'_> {
    /// The page that waits under this key. One that is ahead of what the caller has kept is of no use: what it has shown
    /// beyond that never reached anybody. One that is behind, because it was started again, goes on catching up.
    pub(super) async fn waiting(&self, key: &Key, kept: &Progress) -> Option<OpenPage> {
        let found = self.pool.resting.take(|rest| matches!(&rest.what, Kept::Page(page) if page.key == *key))?;
        match found {
            Kept::Page(page) if page.progress == *kept || page.progress.answers < kept.answers => Some(*page),
            other => {
                other.close().await;
                None
            }
        }
    }

    /// A session with no page: one that rests, or a new one. A page that waits gives way to it.
    pub(super) async fn session(&self) -> Result<Session, DriverFault> {
        if let Some(Kept::Idle(session)) = self.pool.resting.take(|rest| matches!(rest.what, Kept::Idle(_))) {
            return Ok(session);
        }
        if let Some(surplus) = self.pool.surplus() {
            surplus.close().await;
        }
        let url = self.pool.driver.url().await?;
        let begun = Session::start(&url, &self.pool.config).await;
        if let Err(fault) = &begun {
            self.mend(&url, fault.kind).await;
        }
        begun
    }

    /// Keeps a page open until the next poll.
    pub(super) fn park(&self, page: OpenPage) {
        self.pool.rest(Kept::Page(Box::new(page)));
    }

    /// Gives a session back. One that has shown enough is ended, and its memory with it.
    pub(super) async fn done(&self, session: Session) {
        let spent = session.pages >= self.pool.config.pages_per_session.max(1);
        if spent || session.leave().await.is_err() {
            return session.close().await;
        }
        self.pool.rest(Kept::Idle(session));
    }

    /// After trouble with the driver: no session of one that is gone or hangs is relied on, and another is started.
    pub(super) async fn mend(&self, driver: &str, kind: DriverKind) {
        if kind.ends_driver() {
            self.pool.driver.end(driver).await;
            self.pool.resting.lock().retain(|rest| rest.what.session().driver != driver);
        }
    }

    /// A session whose page could not be read: goes on after a fact about the target, ends after anything else.
    pub(super) async fn failed(&self, page: OpenPage, stop: &Stop) {
        match stop {
            Stop::Site(fault) if fault.class.group() == Group::Entity => self.done(page.session).await,
            Stop::Site(_) => page.session.close().await,
            // It may not answer any more: let go of, it is ended when it can be.
            Stop::Driver(fault) => self.mend(&page.session.driver, fault.kind).await,
        }
    }
}
