//! PostgreSQL's protocol: psql, DBeaver, Metabase, pandas through SQLAlchemy.
//!
//! pgwire speaks the protocol and datafusion-pg-catalog answers what clients ask about the database. What runs, as whom
//! and how long is decided by [`crate::core`] alone.

mod asked;
mod catalog;
mod commands;
mod connection;
mod cursors;
mod encode;
mod handlers;
mod settings;
mod startup;
mod statement;

use crate::core::Core;
use crate::error::ServeError;
use crate::tls::Tls;
use connection::Connections;
use datafusion_postgres::pgwire::error::{ErrorInfo, PgWireError};
use datafusion_postgres::pgwire::tokio::{TlsAcceptor, process_socket};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// The version that clients are told: the one whose catalogue they find.
const VERSION: &str = concat!("15.0 (Tidelake ", env!("CARGO_PKG_VERSION"), ")");

/// A door that listens.
pub(crate) struct Door {
    pub core: Arc<Core>,
    pub listener: TcpListener,
    pub tls: Option<Arc<Tls>>,
    /// How many may be connected at once.
    pub connections: usize,
}

impl Door {
    /// Takes connections until the door is closed; those that are there stay until they end or everything does.
    pub(crate) async fn serve(self, closed: CancellationToken) {
        let acceptor = self.tls.as_ref().map(|tls| TlsAcceptor::from(tls.speaking("postgresql")));
        let (places, connections) = (Arc::new(Semaphore::new(self.connections)), Arc::new(Connections::default()));
        loop {
            let accepted = tokio::select! {
                () = closed.cancelled() => return,
                accepted = self.listener.accept() => accepted,
            };
            let (socket, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "postgres: a connection could not be taken");
                    // Out of files, most likely: others must end first.
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                    continue;
                }
            };
            let handlers = handlers::Handlers {
                core: Arc::clone(&self.core),
                connections: Arc::clone(&connections),
                certificate: self.tls.clone(),
                // A cancel request comes on a connection of its own: it is refused a place, not a hearing.
                place: Arc::clone(&places).try_acquire_owned().ok().map(Arc::new),
                limit: self.connections,
            };
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if let Err(error) = process_socket(socket, acceptor, handlers).await {
                    tracing::debug!(%error, %address, "postgres: a connection ended");
                }
            });
        }
    }
}

/// As PostgreSQL's clients expect it.
fn error(error: &ServeError) -> PgWireError {
    told("ERROR", error.sqlstate(), error)
}

/// Ends the connection.
fn fatal(error: &ServeError) -> PgWireError {
    told("FATAL", error.sqlstate(), error)
}

fn told(severity: &str, code: &str, message: impl ToString) -> PgWireError {
    PgWireError::UserError(Box::new(ErrorInfo::new(severity.to_owned(), code.to_owned(), message.to_string())))
}
