//! HTTP: `POST /api/v1/sql` and `GET /healthz`. What else is to be found under `/api/v1` is added to [`router`].

mod body;
mod gate;
mod problem;
mod sql;

use crate::core::{Client, Core, Visitor};
use crate::error::ServeError;
use crate::places::Places;
use crate::settings::HttpSettings;
use crate::tls::Tls;
use axum::Router;
use axum::extract::{ConnectInfo, FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use axum_server::Handle;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use gate::Gate;
use hyper_util::rt::TokioTimer;
use problem::Problem;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long a connection may take to say what it wants, and stay when it wants nothing.
const PATIENCE: Duration = Duration::from_secs(60);

/// A door that listens.
pub(crate) struct Door {
    pub core: Arc<Core>,
    pub listener: std::net::TcpListener,
    pub tls: Option<Arc<Tls>>,
    /// How many may be connected at once. Each sends one request after the other.
    pub connections: usize,
    /// Who may ask, besides.
    pub settings: HttpSettings,
    /// How long requests that are underway may take when the door is closed.
    pub grace: Duration,
}

/// Everything that is to be found behind the door.
fn router(core: Arc<Core>, gate: Arc<Gate>) -> Router {
    let api = Router::new().route("/api/v1/sql", post(sql::answer)).layer(from_fn_with_state(gate, gate::pass));
    api.route("/healthz", get(health)).with_state(core)
}

impl Door {
    /// Answers until the door is closed; requests that are underway get the grace.
    pub(crate) async fn serve(self, closed: CancellationToken) {
        let (handle, grace) = (Handle::new(), self.grace);
        let closing = handle.clone();
        tokio::spawn(async move {
            closed.cancelled().await;
            closing.graceful_shutdown(Some(grace));
        });
        if let Err(error) = self.answer(handle).await {
            tracing::error!(%error, "http: the door has closed");
        }
    }

    async fn answer(self, handle: Handle<SocketAddr>) -> std::io::Result<()> {
        let HttpSettings { hosts, origins } = self.settings;
        let local = self.listener.local_addr()?.ip().is_loopback();
        let gate = Arc::new(Gate { local, hosts, origins });
        let service = router(self.core, gate).into_make_service_with_connect_info::<SocketAddr>();
        let places = Places::new("http", self.connections);
        let mut server = axum_server::from_tcp(self.listener)?.http1_only().handle(handle);
        server.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(PATIENCE);
        match &self.tls {
            Some(tls) => {
                let tls = RustlsAcceptor::new(RustlsConfig::from_config(tls.speaking("http/1.1")));
                server.acceptor(places.before(tls)).serve(service).await
            }
            None => server.map(|plain| places.before(plain)).serve(service).await,
        }
    }
}

/// Whether queries are answered.
async fn health(State(core): State<Arc<Core>>) -> (StatusCode, &'static str) {
    match core.is_stopping() {
        false => (StatusCode::OK, "ok\n"),
        true => (StatusCode::SERVICE_UNAVAILABLE, "stopping\n"),
    }
}

/// Whoever sends a request, with a session for it alone.
struct Caller(Arc<Client>);

impl FromRequestParts<Arc<Core>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, core: &Arc<Core>) -> Result<Self, Problem> {
        let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let identity = core.users().by_header(text(AUTHORIZATION))?;
        let address = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| *address);
        Ok(Self(core.connect(Visitor { identity, door: "http", address })?))
    }
}

impl From<ServeError> for Problem {
    fn from(error: ServeError) -> Self {
        let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::new(status, error.kind(), error.to_string()).with_code(error.sqlstate())
    }
}
