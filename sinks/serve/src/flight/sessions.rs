//! Who is who over requests: a handshake gives a token, and a token has a session.

use crate::core::{Client, Core, Visitor};
use crate::error::ServeError;
use crate::users::Identity;
use bytes::Bytes;
use datafusion::logical_expr::LogicalPlan;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tidelake_sinks::query::QueryError;
use tonic::metadata::MetadataMap;
use tonic::{Request, Status};
use uuid::Uuid;

/// How long a token that nobody uses is good.
const IDLE: Duration = Duration::from_secs(3_600);
/// A session that was used so lately is its client's; one that was not may make place for another.
const LATELY: Duration = Duration::from_secs(300);
/// Prepared statements of a session.
const PREPARED: usize = 1_000;

/// A client's session.
pub(super) struct Guest {
    pub client: Arc<Client>,
    user: String,
    prepared: Mutex<HashMap<Bytes, Prepared>>,
    /// Whether others may come with the same credentials, so that nobody may change it.
    shared: bool,
}

/// A statement that is prepared.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    pub sql: String,
    pub plan: LogicalPlan,
    /// With the values that were bound last.
    pub bound: Option<LogicalPlan>,
}

/// Everybody who has been here.
pub(super) struct Sessions {
    core: Arc<Core>,
    limit: usize,
    guests: Mutex<Guests>,
}

/// Sessions by their tokens, and when each was used last.
type Guests = HashMap<String, (Arc<Guest>, Instant)>;

impl Sessions {
    pub(super) fn new(core: Arc<Core>, limit: usize) -> Self {
        Self { core, limit, guests: Mutex::default() }
    }

    /// A token for whoever shows name and password; a session of its own comes with it.
    pub(super) fn begin(&self, metadata: &MetadataMap, address: Option<SocketAddr>) -> Result<String, ServeError> {
        let identity = self.core.users().by_header(authorization(metadata))?;
        let token = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        self.remember(token.clone(), identity, address, false)?;
        Ok(token)
    }

    /// The session of a request: its token's; without a handshake, that of all who come with the same credentials.
    pub(super) fn guest<T>(&self, request: &Request<T>) -> Result<Arc<Guest>, ServeError> {
        let header = authorization(request.metadata());
        if let Some(token) = header.and_then(bearer)
            // What stands with a blank is a user's shared session, which no token opens.
            && !token.contains(' ')
            && let Some(guest) = self.known(token)
        {
            return Ok(guest);
        }
        let identity = self.core.users().by_header(header)?;
        // No token has a blank.
        let key = format!("user {}", identity.user);
        match self.known(&key) {
            Some(guest) => Ok(guest),
            None => self.remember(key, identity, request.remote_addr(), true),
        }
    }

    /// Forgets the session of a request.
    pub(super) fn end<T>(&self, request: &Request<T>) {
        if let Some(token) = authorization(request.metadata()).and_then(bearer) {
            self.lock().remove(token);
        }
    }

    fn known(&self, key: &str) -> Option<Arc<Guest>> {
        let mut guests = self.lock();
        let (guest, used) = guests.get_mut(key)?;
        if used.elapsed() > IDLE {
            guests.remove(key);
            return None;
        }
        *used = Instant::now();
        Some(Arc::clone(guest))
    }

    fn remember(
        &self,
        key: String,
        identity: Identity,
        address: Option<SocketAddr>,
        shared: bool,
    ) -> Result<Arc<Guest>, ServeError> {
        let user = identity.user.clone();
        if !shared {
            // Before a session is made, which is work; another may take the place meanwhile.
            self.make_place(&mut self.lock(), &user)?;
        }
        let client = self.core.connect(Visitor { identity, door: "flight", address })?;
        let mut guests = self.lock();
        if !shared {
            self.make_place(&mut guests, &user)?;
        }
        let guest = Arc::new(Guest { client, user, prepared: Mutex::default(), shared });
        guests.insert(key, (Arc::clone(&guest), Instant::now()));
        Ok(guest)
    }

    /// For one session more. Nobody's live session ends for another's handshake, however many there are: whoever comes when
    /// there is no place is refused. Where several users are known, none of them has more than half of the places. Shared
    /// sessions, one a user, always have one.
    fn make_place(&self, guests: &mut Guests, user: &str) -> Result<(), ServeError> {
        guests.retain(|_, (_, used)| used.elapsed() <= IDLE);
        let own = |guest: &Guest| guest.user == user;
        let of =
            |own: &dyn Fn(&Guest) -> bool| guests.values().filter(|(guest, _)| !guest.shared && own(guest)).count();
        let most = if self.core.users().are_several() { self.limit.div_ceil(2) } else { self.limit };
        let full = of(&|_| true) >= self.limit;
        if !full && of(&own) < most {
            return Ok(());
        }
        // Whoever has been away longest shakes hands again, the user's own first.
        let may_go = |guest: &Guest, used: &Instant| !guest.shared && (full || own(guest)) && used.elapsed() > LATELY;
        let idle = guests.iter().filter(|(_, (guest, used))| may_go(guest, used));
        let oldest = idle.min_by_key(|(_, (guest, used))| (!own(guest), *used)).map(|(key, _)| key.clone());
        oldest.and_then(|key| guests.remove(&key)).map(drop).ok_or(ServeError::TooManyConnections(most))
    }

    fn lock(&self) -> MutexGuard<'_, Guests> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guest {
    /// The plan of a text.
    pub(super) async fn plan(&self, sql: &str) -> Result<LogicalPlan, ServeError> {
        let plan = self.client.session().plan(sql).await.map_err(ServeError::from);
        let plan = plan.and_then(|plan| match plan {
            LogicalPlan::Statement(_) if self.shared => Err(ServeError::Request(
                "SET needs a session of its own: connect with user and password, which makes one".to_owned(),
            )),
            plan => Ok(plan),
        });
        plan.inspect_err(|error| self.client.refused(sql, error))
    }

    /// Keeps a statement; its handle.
    pub(super) fn prepare(&self, prepared: Prepared) -> Result<Bytes, ServeError> {
        let mut all = self.lock();
        if all.len() >= PREPARED {
            return Err(ServeError::Request(format!("{PREPARED} statements are prepared: close some")));
        }
        let handle = Bytes::copy_from_slice(Uuid::new_v4().as_bytes());
        all.insert(handle.clone(), prepared);
        Ok(handle)
    }

    pub(super) fn prepared(&self, handle: &Bytes) -> Result<Prepared, ServeError> {
        let absent = || ServeError::Query(QueryError::Plan("there is no such prepared statement".to_owned()));
        self.lock().get(handle).cloned().ok_or_else(absent)
    }

    /// Keeps a statement with values in it; it can be bound to others.
    pub(super) fn bind(&self, handle: &Bytes, bound: LogicalPlan) {
        if let Some(prepared) = self.lock().get_mut(handle) {
            prepared.bound = Some(bound);
        }
    }

    pub(super) fn close(&self, handle: &Bytes) {
        self.lock().remove(handle);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Bytes, Prepared>> {
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn authorization(metadata: &MetadataMap) -> Option<&str> {
    metadata.get("authorization").and_then(|value| value.to_str().ok())
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// As gRPC calls it.
pub(super) fn status(error: ServeError) -> Status {
    use tonic::Code;
    let code = match &error {
        ServeError::Query(QueryError::ReadOnly(_) | QueryError::FixedOption(_)) => Code::PermissionDenied,
        ServeError::Query(QueryError::UnknownTable { .. } | QueryError::UnknownColumn { .. }) => Code::NotFound,
        ServeError::Query(QueryError::NotSupported(_)) => Code::Unimplemented,
        ServeError::Query(QueryError::Memory(_)) | ServeError::TooManyRows(_) | ServeError::TooManyConnections(_) => {
            Code::ResourceExhausted
        }
        ServeError::Query(error) if error.is_callers() => Code::InvalidArgument,
        ServeError::Query(_) => Code::Internal,
        ServeError::Timeout(_) => Code::DeadlineExceeded,
        ServeError::Cancelled => Code::Cancelled,
        ServeError::Stopping => Code::Unavailable,
        ServeError::Credentials => Code::Unauthenticated,
        ServeError::Request(_) => Code::InvalidArgument,
    };
    Status::new(code, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::Engines;
    use crate::query_log::QueryLog;
    use crate::settings::{Settings, User};
    use tidelake_schemas::Timestamp;
    use tidelake_sinks::query::{Engine, QueryOptions};
    use tonic::metadata::MetadataValue;

    fn login(user: &str) -> MetadataMap {
        use base64::Engine as _;
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("{user}:secret"));
        let mut metadata = MetadataMap::new();
        metadata.insert("authorization", MetadataValue::try_from(format!("Basic {basic}")).expect("a value"));
        metadata
    }

    async fn sessions(dir: &std::path::Path, users: &[&str], limit: usize) -> Sessions {
        let root = url::Url::from_directory_path(dir).expect("a URL");
        let plain = Engine::open(&root, &HashMap::new(), QueryOptions::default()).await.expect("opens");
        let user = || User { role: "default".into(), password: Some("secret".to_owned().into()), token: None };
        let users = users.iter().map(|name| ((*name).to_owned(), user())).collect();
        let settings = Settings { users, ..Settings::default() };
        let engines = Engines { plain, pseudonymised: None };
        let log = QueryLog::default();
        let core = Core::new(engines, &settings, log, tokio::runtime::Handle::current(), || Timestamp(0));
        Sessions::new(core, limit)
    }

    #[tokio::test]
    async fn handshakes_end_nobodys_live_session() {
        let dir = tempfile::tempdir().expect("temp dir");
        let sessions = sessions(dir.path(), &["anna", "mallory"], 6).await;
        let anna = sessions.begin(&login("anna"), None).expect("a place");
        let shaken = (0..100).filter(|_| sessions.begin(&login("mallory"), None).is_ok()).count();
        assert_eq!(shaken, 3, "half of the places");
        assert!(sessions.known(&anna).is_some());
        assert!(sessions.begin(&login("anna"), None).is_ok(), "others still have a place");
        assert!(matches!(sessions.begin(&login("nobody"), None), Err(ServeError::Credentials)));
        // Without a handshake there is always a session, one a user.
        let mut request = Request::new(());
        *request.metadata_mut() = login("mallory");
        assert!(sessions.guest(&request).is_ok());
    }

    #[tokio::test]
    async fn who_has_been_away_makes_place() {
        let dir = tempfile::tempdir().expect("temp dir");
        let sessions = sessions(dir.path(), &[], 2).await;
        let [first, second] = [(); 2].map(|()| sessions.begin(&MetadataMap::new(), None).expect("a place"));
        assert!(matches!(sessions.begin(&MetadataMap::new(), None), Err(ServeError::TooManyConnections(2))));
        let long_ago = Instant::now().checked_sub(LATELY * 2).expect("the machine has been up so long");
        sessions.lock().get_mut(&first).expect("is there").1 = long_ago;
        assert!(sessions.begin(&MetadataMap::new(), None).is_ok());
        assert!(sessions.known(&first).is_none() && sessions.known(&second).is_some());
    }
}
