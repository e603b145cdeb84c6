//! Letting somebody in: SCRAM-SHA-256 where users are named; where none are, everybody on this machine.

use super::connection::{Connection, Connections};
use super::{VERSION, fatal, told};
use crate::core::{Core, Visitor};
use crate::error::ServeError;
use crate::tls::Tls;
use crate::users::Identity;
use async_trait::async_trait;
use datafusion_postgres::pgwire::api::auth::sasl::SASLAuthStartupHandler;
use datafusion_postgres::pgwire::api::auth::sasl::scram::{SCRAM_ITERATIONS, ScramAuth};
use datafusion_postgres::pgwire::api::auth::{
    AuthSource, DefaultServerParameterProvider, LoginInfo, Password, StartupHandler, finish_authentication,
    protocol_negotiation, save_startup_parameters_to_metadata,
};
use datafusion_postgres::pgwire::api::{
    ClientInfo, METADATA_USER, PgWireConnectionState, PidSecretKeyGenerator, RandomPidSecretKeyGenerator,
};
use datafusion_postgres::pgwire::error::{ErrorInfo, PgWireError, PgWireResult};
use datafusion_postgres::pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};
use futures::Sink;
use std::fmt::Debug;
use std::sync::{Arc, LazyLock};
use tokio::sync::OwnedSemaphorePermit;

/// Numbers connections; one count for all, so that no two have the same.
static KEYS: LazyLock<Arc<RandomPidSecretKeyGenerator>> = LazyLock::new(Arc::default);

/// The beginning of one connection.
pub(super) struct Startup {
    core: Arc<Core>,
    connections: Arc<Connections>,
    place: Option<Arc<OwnedSemaphorePermit>>,
    limit: usize,
    needs_tls: bool,
    parameters: Arc<DefaultServerParameterProvider>,
    sasl: Option<SASLAuthStartupHandler<DefaultServerParameterProvider>>,
}

impl Startup {
    pub(super) fn new(
        core: &Arc<Core>,
        connections: &Arc<Connections>,
        tls: Option<&Tls>,
        place: Option<&Arc<OwnedSemaphorePermit>>,
        limit: usize,
    ) -> Self {
        let parameters = Arc::new(parameters());
        let sasl = (!core.users().are_open()).then(|| {
            let mut scram = ScramAuth::new(Arc::new(Passwords(Arc::clone(core))));
            scram.set_iterations(SCRAM_ITERATIONS);
            // Binds the password's proof to the TLS connection. Not possible for every kind of certificate.
            if let Some(Err(error)) = tls.map(|tls| scram.configure_certificate(&tls.certificate)) {
                tracing::debug!(%error, "postgres: no channel binding");
            }
            SASLAuthStartupHandler::new(Arc::clone(&parameters))
                .with_scram(scram)
                .with_pid_secret_key_generator(KEYS.clone())
        });
        Self {
            core: Arc::clone(core),
            connections: Arc::clone(connections),
            place: place.cloned(),
            limit,
            needs_tls: tls.is_some(),
            parameters,
            sasl,
        }
    }

    /// Whether the client is through, once it has said enough.
    async fn step<C>(&self, client: &mut C, message: PgWireFrontendMessage) -> PgWireResult<()>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        if self.needs_tls && !client.is_secure() {
            let why = "this server takes encrypted connections only: connect with sslmode=require or better";
            return Err(told("FATAL", "28000", why));
        }
        let place = self.place.as_ref().ok_or_else(|| fatal(&ServeError::TooManyConnections(self.limit)))?;
        match (&self.sasl, message) {
            (Some(sasl), message) => sasl.on_startup(client, message).await?,
            (None, PgWireFrontendMessage::Startup(startup)) => {
                protocol_negotiation(client, &startup).await?;
                save_startup_parameters_to_metadata(client, &startup);
                let (pid, key) = KEYS.generate(client);
                client.set_pid_and_secret_key(pid, key);
                finish_authentication(client, self.parameters.as_ref()).await?;
            }
            (None, _) => {}
        }
        if !matches!(client.state(), PgWireConnectionState::ReadyForQuery) {
            return Ok(());
        }
        let identity = self.identity(client).map_err(|error| fatal(&error))?;
        let visitor = Visitor { identity, door: "postgres", address: Some(client.socket_addr()) };
        let connected = self.core.connect(visitor).map_err(|error| fatal(&error))?;
        let connection = Connection::new(connected, &self.connections, client.pid_and_secret_key(), Arc::clone(place))
            .map_err(|error| fatal(&error))?;
        client.session_extensions().insert(connection);
        Ok(())
    }

    fn identity(&self, client: &impl ClientInfo) -> Result<Identity, ServeError> {
        match self.core.users().anybody() {
            Some(anybody) => Ok(anybody),
            None => self.core.users().checked(client.metadata().get(METADATA_USER).map_or("", String::as_str)),
        }
    }
}

#[async_trait]
impl StartupHandler for Startup {
    async fn on_startup<C>(&self, client: &mut C, message: PgWireFrontendMessage) -> PgWireResult<()>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        // Whatever goes wrong before somebody is in ends the connection: pgwire would take queries after a lesser error.
        self.step(client, message).await.map_err(|error| {
            let mut info = ErrorInfo::from(error);
            "FATAL".clone_into(&mut info.severity);
            tracing::info!(
                target: "tidelake::audit", door = "postgres", address = %client.socket_addr(), outcome = "refused",
                user = client.metadata().get(METADATA_USER), code = info.code, "connection"
            );
            PgWireError::UserError(Box::new(info))
        })
    }
}

fn parameters() -> DefaultServerParameterProvider {
    let mut parameters = DefaultServerParameterProvider::default();
    VERSION.clone_into(&mut parameters.server_version);
    "UTC".clone_into(&mut parameters.time_zone);
    parameters.is_superuser = false;
    parameters.default_transaction_read_only = true;
    parameters
}

/// What SCRAM is given to check a proof with.
struct Passwords(Arc<Core>);

impl Debug for Passwords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passwords")
    }
}

#[async_trait]
impl AuthSource for Passwords {
    async fn get_password(&self, login: &LoginInfo) -> PgWireResult<Password> {
        let verifier = self.0.users().verifier(login.user().unwrap_or_default());
        Ok(Password::new(Some(verifier.salt), verifier.salted))
    }
}
