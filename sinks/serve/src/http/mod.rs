//! HTTP: `POST /api/v1/sql` and `GET /healthz`. What else is to be found under `/api/v1` is added to [`router`].

mod body;
mod problem;
mod sql;

use crate::core::{Client, Core, Visitor};
use crate::error::ServeError;
use crate::tls::Tls;
use axum::Router;
use axum::extract::{ConnectInfo, FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::request::Parts;
use axum::routing::{get, post};
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use problem::Problem;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A door that listens.
pub(crate) struct Door {
    pub core: Arc<Core>,
    pub listener: std::net::TcpListener,
    pub tls: Option<Arc<Tls>>,
    /// How long requests that are underway may take when the door is closed.
    pub grace: Duration,
}

/// Everything that is to be found behind the door.
fn router(core: Arc<Core>) -> Router {
    Router::new().route("/healthz", get(health)).route("/api/v1/sql", post(sql::answer)).with_state(core)
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
        let service = router(self.core).into_make_service_with_connect_info::<SocketAddr>();
        let served = match &self.tls {
            Some(tls) => {
                let config = RustlsConfig::from_config(tls.speaking("http/1.1"));
                match axum_server::from_tcp_rustls(self.listener, config) {
                    Ok(server) => server.handle(handle).serve(service).await,
                    Err(error) => Err(error),
                }
            }
            None => match axum_server::from_tcp(self.listener) {
                Ok(server) => server.handle(handle).serve(service).await,
                Err(error) => Err(error),
            },
        };
        if let Err(error) = served {
            tracing::error!(%error, "http: the door has closed");
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
        if core.users().are_open() && !text(HOST).is_some_and(is_this_machine) {
            // A page in somebody's browser that has its own name point here would otherwise read the lake.
            let why = "without users in the configuration, requests are taken for localhost and 127.0.0.1 only";
            return Err(Problem::new(StatusCode::FORBIDDEN, "host", why));
        }
        let identity = core.users().by_header(text(AUTHORIZATION))?;
        let address = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| *address);
        Ok(Self(core.connect(Visitor { identity, door: "http", address })?))
    }
}

/// Whether a `Host` header names this machine.
fn is_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

impl From<ServeError> for Problem {
    fn from(error: ServeError) -> Self {
        let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::new(status, error.kind(), error.to_string()).with_code(error.sqlstate())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_taken_where_nobody_is_asked_who_they_are() {
        for host in ["localhost", "LOCALHOST:8080", "127.0.0.1", "127.1.2.3:80", "[::1]:8080"] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example:80", "10.0.0.1", "127.0.0.1.evil.example", ""] {
            assert!(!is_this_machine(host), "{host}");
        }
    }
}
