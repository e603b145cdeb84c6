//! What every door shares: who is there, what they may use, and how a statement runs.

use crate::audit::Audit;
use crate::error::ServeError;
use crate::query_log::QueryLog;
use crate::rows::{Bounds, Rows, Task};
use crate::running::{self, Entry, Running};
use crate::settings::{DEFAULT_ROLE, Limits, Settings};
use crate::users::{Identity, Users};
use datafusion::catalog::{MemorySchemaProvider, SchemaProvider};
use datafusion::execution::memory_pool::{FairSpillPool, MemoryPool, TrackConsumersPool};
use datafusion::logical_expr::LogicalPlan;
use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tidelake_schemas::Timestamp;
use tidelake_sinks::query::{CATALOG, Engine, QueryError, Session};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// The schema that says what the server does, beside the lake's `public`.
const SERVER_SCHEMA: &str = "tidelake";

/// How many consumers an error about memory names.
const CONSUMERS_NAMED: NonZeroUsize = NonZeroUsize::MIN;

/// What doors share.
pub struct Core {
    engines: Engines,
    users: Users,
    roles: BTreeMap<String, Arc<Role>>,
    running: Arc<Running>,
    /// When it is cancelled, every query is.
    stop: CancellationToken,
    /// The threads that queries run on.
    queries: Handle,
    log: Arc<QueryLog>,
    now: fn() -> Timestamp,
}

/// What users of a role share.
pub(crate) struct Role {
    name: String,
    pub limits: Limits,
    pub memory: Arc<dyn MemoryPool>,
    /// One per query that may run.
    pub turns: Arc<Semaphore>,
}

/// Where and as whom a client is connected.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// Who.
    pub identity: Identity,
    /// `postgres`, `flight` or `http`.
    pub door: &'static str,
    /// From where; `None` when it is not known.
    pub address: Option<SocketAddr>,
}

/// What answers, by what a role sees.
#[derive(Clone, Debug)]
pub struct Engines {
    /// Everything.
    pub plain: Engine,
    /// Creators under pseudonyms; needed where a role sees them so.
    pub pseudonymised: Option<Engine>,
}

/// A client that is connected, or one request.
pub struct Client {
    core: Arc<Core>,
    visitor: Visitor,
    role: Arc<Role>,
    session: Arc<Session>,
    /// A shorter timeout than the role's.
    timeout: Mutex<Option<Duration>>,
    /// When it is cancelled, the queries that run are.
    current: Mutex<CancellationToken>,
}

impl Core {
    /// Over engines. Queries run on the threads of a runtime; `now` gives the time.
    pub(crate) fn new(
        engines: Engines,
        settings: &Settings,
        log: QueryLog,
        queries: Handle,
        now: fn() -> Timestamp,
    ) -> Arc<Self> {
        let default = (DEFAULT_ROLE.to_owned(), Limits::default());
        let mut limits = BTreeMap::from([default]);
        limits.extend(settings.roles.iter().map(|(name, limits)| (name.clone(), *limits)));
        let roles = limits.into_iter().map(|(name, limits)| (name.clone(), Arc::new(Role::new(name, limits))));
        Arc::new(Self {
            engines,
            users: Users::new(settings),
            roles: roles.collect(),
            running: Arc::default(),
            stop: CancellationToken::new(),
            queries,
            log: Arc::new(log),
            now,
        })
    }

    /// Who may come in.
    pub fn users(&self) -> &Users {
        &self.users
    }

    /// The engine that answers users of a role: the one place that decides what a role sees.
    fn engine(&self, role: &Role) -> Result<&Engine, ServeError> {
        if !role.limits.pseudonyms {
            return Ok(&self.engines.plain);
        }
        self.engines.pseudonymised.as_ref().ok_or(ServeError::Credentials)
    }

    /// A session for a client.
    ///
    /// # Errors
    /// [`ServeError`].
    pub fn connect(self: &Arc<Self>, visitor: Visitor) -> Result<Arc<Client>, ServeError> {
        let role = self.roles.get(&visitor.identity.role).cloned().ok_or(ServeError::Credentials)?;
        let session = self.engine(&role)?.session(Arc::clone(&role.memory), self.now)?;
        let schema = MemorySchemaProvider::new();
        let table = running::table(&self.running, &visitor.identity.user).map_err(QueryError::running)?;
        schema.register_table(running::TABLE.to_owned(), Arc::new(table)).map_err(QueryError::running)?;
        if let Some(catalog) = session.context().catalog(CATALOG) {
            catalog.register_schema(SERVER_SCHEMA, Arc::new(schema)).map_err(QueryError::running)?;
        }
        tracing::debug!(user = visitor.identity.user, door = visitor.door, address = ?visitor.address, "connected");
        Ok(Arc::new(Client {
            current: Mutex::new(self.stop.child_token()),
            core: Arc::clone(self),
            visitor,
            role,
            session: Arc::new(session),
            timeout: Mutex::default(),
        }))
    }

    /// Loads what has landed, every so often, until the doors are closed.
    pub(crate) async fn keep_fresh(self: Arc<Self>, every: Duration) {
        let mut beat = tokio::time::interval(every);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return,
                _ = beat.tick() => {}
            }
            for engine in [Some(&self.engines.plain), self.engines.pseudonymised.as_ref()].into_iter().flatten() {
                if let Err(error) = engine.refresh().await {
                    tracing::warn!(%error, "queries go on seeing what they saw");
                }
            }
        }
    }

    /// Lets what runs finish for so long, then ends it.
    pub(crate) async fn drain(&self, grace: Duration) {
        let idle = async {
            while !self.running.is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(grace, idle).await.is_err() {
            tracing::warn!(?grace, "queries that still run are cancelled");
        }
        self.stop.cancel();
    }

    /// Whether [`Self::drain`] has ended everything.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core").field("engines", &self.engines).field("users", &self.users).finish_non_exhaustive()
    }
}

impl Role {
    fn new(name: String, limits: Limits) -> Self {
        let pool = TrackConsumersPool::new(FairSpillPool::new(limits.memory), CONSUMERS_NAMED);
        Self { name, limits, memory: Arc::new(pool), turns: Arc::new(Semaphore::new(limits.queries)) }
    }
}

impl Client {
    /// Who, and where from.
    pub fn visitor(&self) -> &Visitor {
        &self.visitor
    }

    /// The session.
    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// How long a statement may take.
    pub fn timeout(&self) -> Duration {
        let own = *self.timeout.lock().unwrap_or_else(PoisonError::into_inner);
        own.map_or(self.role.limits.timeout, |own| own.min(self.role.limits.timeout))
    }

    /// Sets a timeout shorter than the role's; `None` is the role's again.
    pub fn set_timeout(&self, timeout: Option<Duration>) {
        *self.timeout.lock().unwrap_or_else(PoisonError::into_inner) = timeout;
    }

    /// Ends the queries that run.
    pub fn cancel(&self) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *current, self.core.stop.child_token()).cancel();
    }

    /// Runs a statement: its plan is made, it waits for its turn, and its rows come as they are made. Whatever becomes of
    /// it is in the audit trail.
    ///
    /// # Errors
    /// [`ServeError`].
    pub async fn run<P>(&self, sql: &str, plan: P) -> Result<Rows, ServeError>
    where
        P: Future<Output = Result<LogicalPlan, QueryError>> + Send + 'static,
    {
        let stop = self.current.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let bounds = Bounds { timeout: self.timeout(), stop, closing: self.core.stop.clone() };
        let task = Task { listed: self.list(sql), role: Arc::clone(&self.role), session: Arc::clone(&self.session) };
        task.start(plan, bounds, self.audit(sql), &self.core.queries).await
    }

    /// As [`Self::run`], for text that DataFusion understands as it is.
    ///
    /// # Errors
    /// [`ServeError`].
    pub async fn sql(&self, sql: &str) -> Result<Rows, ServeError> {
        let (session, text) = (Arc::clone(&self.session), sql.to_owned());
        self.run(sql, async move { session.plan(&text).await }).await
    }

    /// Notes a statement that was refused before it could run.
    pub(crate) fn refused(&self, sql: &str, error: &ServeError) {
        self.audit(sql).ended(0, Some(error));
    }

    fn list(&self, sql: &str) -> running::Listed {
        let Visitor { identity, door, address } = &self.visitor;
        self.core.running.enter(Entry {
            user: identity.user.clone(),
            role: self.role.name.clone(),
            door,
            address: *address,
            started_at: (self.core.now)(),
            sql: sql.to_owned(),
        })
    }

    fn audit(&self, sql: &str) -> Audit {
        Audit::of(&self.visitor, sql, &self.core.log, (self.core.now)())
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("visitor", &self.visitor).finish_non_exhaustive()
    }
}
