//! A client that is in: its session, its cursors, and the way to its queries for who wants to cancel them.

use super::catalog;
use super::statement::Statement;
use crate::core::Client;
use crate::error::ServeError;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use bytes::Bytes;
use datafusion_postgres::datafusion_pg_catalog::sql::PostgresCompatibilityParser;
use datafusion_postgres::pgwire::api::ClientInfo;
use datafusion_postgres::pgwire::api::cancel::CancelHandler;
use datafusion_postgres::pgwire::error::PgWireResult;
use datafusion_postgres::pgwire::messages::cancel::CancelRequest;
use datafusion_postgres::pgwire::messages::startup::SecretKey;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use tokio::sync::OwnedSemaphorePermit;

/// Rewrites what PostgreSQL's clients ask about the database into what DataFusion understands.
pub(super) static COMPATIBLE: LazyLock<PostgresCompatibilityParser> = LazyLock::new(PostgresCompatibilityParser::new);

type Key = (i32, Bytes);

/// Everybody who is in, by what a cancel request names.
#[derive(Debug, Default)]
pub(super) struct Connections(Mutex<HashMap<Key, Weak<Client>>>);

impl Connections {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Weak<Client>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl CancelHandler for Connections {
    async fn on_cancel_request(&self, request: CancelRequest) {
        let client = self.lock().get(&(request.pid, request.secret_key.to_bytes())).and_then(Weak::upgrade);
        if let Some(client) = client {
            client.cancel();
        }
    }
}

/// A client that is in.
pub(super) struct Connection {
    pub client: Arc<Client>,
    /// The columns of the cursors that are declared.
    pub cursors: Mutex<HashMap<String, SchemaRef>>,
    key: Key,
    all: Arc<Connections>,
    _place: Arc<OwnedSemaphorePermit>,
}

impl Connection {
    pub(super) fn new(
        client: Arc<Client>,
        all: &Arc<Connections>,
        (pid, secret): (i32, SecretKey),
        place: Arc<OwnedSemaphorePermit>,
    ) -> Result<Self, ServeError> {
        catalog::add(client.session(), &client.visitor().identity.user)?;
        let key = (pid, secret.to_bytes());
        all.lock().insert(key.clone(), Arc::downgrade(&client));
        Ok(Self { client, cursors: Mutex::default(), key, all: Arc::clone(all), _place: place })
    }

    /// Of a client that is in; nobody else has one.
    pub(super) fn of(client: &impl ClientInfo) -> PgWireResult<Arc<Self>> {
        client.session_extensions().get().ok_or_else(|| super::fatal(&ServeError::Credentials))
    }

    /// What a text asks for. A refusal is in the audit trail.
    pub(super) async fn understand(&self, sql: &str) -> PgWireResult<Statement> {
        Statement::of(self, sql).await.map_err(|error| {
            self.client.refused(sql, &error);
            super::error(&error)
        })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.client.cancel();
        self.all.lock().remove(&self.key);
    }
}
