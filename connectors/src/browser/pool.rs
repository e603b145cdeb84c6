//! The sessions: some show a page that a poll reads, some a page that waits for the next poll, some nothing.

use super::config::BrowserConfig;
use super::driver::Driver;
use super::fault::{DriverKind, Stop};
use super::page::{Key, OpenPage, Progress};
use super::session::Session;
use crate::client::fault::Group;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// A pool of as many sessions as the configuration allows.
#[derive(Debug)]
pub(super) struct Pool {
    config: BrowserConfig,
    driver: Driver,
    /// A place for each session, which holds it as long as it lives.
    places: Arc<Semaphore>,
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

impl Pool {
    pub(super) fn new(config: BrowserConfig) -> Self {
        let places = Arc::new(Semaphore::new(config.sessions.clamp(1, 64)));
        Self { driver: Driver::new(config.clone()), config, places, resting: Arc::default() }
    }

    pub(super) fn driver(&self) -> &Driver {
        &self.driver
    }

    /// The page that waits for a task, if it is this one and has been read as far as the caller has kept: what a page has
    /// shown beyond that never reached anybody.
    pub(super) async fn waiting(&self, key: &Key, kept: &Progress) -> Option<OpenPage> {
        let of_task = |rest: &Rest| matches!(&rest.what, Kept::Page(page) if page.key.task == key.task);
        match self.resting.take(of_task)? {
            Kept::Page(page) if page.key == *key && page.progress == *kept => Some(*page),
            other => {
                other.close().await;
                None
            }
        }
    }

    /// A session with no page: one that rests, or a new one.
    ///
    /// # Errors
    /// [`Stop::Busy`] when every place is taken. Nobody waits here for one: the task whose page holds the place may be
    /// polled by the same lane, after this one.
    pub(super) async fn session(&self) -> Result<Session, Stop> {
        if let Some(Kept::Idle(session)) = self.resting.take(|rest| matches!(rest.what, Kept::Idle(_))) {
            return Ok(session);
        }
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Stop::Busy)?;
        let url = self.driver.url().await?;
        let begun = Session::start(&url, &self.config, place).await;
        if let Err(fault) = &begun {
            self.mend(&url, fault.kind).await;
        }
        Ok(begun?)
    }

    /// Keeps a page open until the next poll.
    pub(super) fn park(&self, page: OpenPage) {
        self.rest(Kept::Page(Box::new(page)));
    }

    /// Gives a session back. One that has shown enough is ended, and its memory with it.
    pub(super) async fn done(&self, session: Session) {
        let spent = session.pages >= self.config.pages_per_session.max(1);
        if spent || session.leave().await.is_err() {
            return session.close().await;
        }
        self.rest(Kept::Idle(session));
    }

    /// After trouble with a driver: no session of one that is gone or hangs is relied on, and another is started.
    pub(super) async fn mend(&self, driver: &str, kind: DriverKind) {
        if kind.ends_driver() {
            self.driver.end(driver).await;
            self.resting.lock().retain(|rest| rest.what.session().driver != driver);
        }
    }

    /// A session whose page could not be read: goes on after a fact about the target, ends after anything else.
    pub(super) async fn failed(&self, page: OpenPage, stop: &Stop) {
        match stop {
            Stop::Site(fault) if fault.class.group() == Group::Entity => self.done(page.session).await,
            // It may not answer any more: let go of, it is ended when it can be.
            Stop::Driver(fault) => self.mend(&page.session.driver, fault.kind).await,
            _ => page.session.close().await,
        }
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
}
