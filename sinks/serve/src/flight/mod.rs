//! Arrow Flight SQL: ADBC and JDBC clients. Rows go out as the record batches they are.

mod metadata;
mod service;
mod sessions;

use crate::core::Core;
use crate::places::Places;
use crate::tls::Tls;
use arrow_flight::flight_service_server::FlightServiceServer;
use futures::StreamExt;
use service::Service;
use sessions::Sessions;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Identity, Server, ServerTlsConfig};

/// A door that listens.
pub(crate) struct Door {
    pub core: Arc<Core>,
    pub listener: TcpListener,
    pub tls: Option<Arc<Tls>>,
    /// How many may be connected at once, and how many sessions there may be.
    pub connections: usize,
}

/// How often a connection is asked whether its client is still there.
const STILL_THERE: Duration = Duration::from_secs(60);

impl Door {
    /// Answers until the door is closed; answers that are underway go on until they end or everything does.
    pub(crate) async fn serve(self, closed: CancellationToken) {
        let service = Service::new(Sessions::new(self.core, self.connections));
        let mut server = Server::builder().http2_keepalive_interval(Some(STILL_THERE));
        if let Some(tls) = &self.tls {
            let identity = Identity::from_pem(&tls.certificate, &tls.key);
            match server.tls_config(ServerTlsConfig::new().identity(identity)) {
                Ok(with_tls) => server = with_tls,
                Err(error) => {
                    // Never without encryption where it was asked for.
                    tracing::error!(%error, "flight: the door stays closed");
                    return;
                }
            }
        }
        let places = Places::new("flight", self.connections);
        let incoming = TcpIncoming::from(self.listener).with_nodelay(Some(true));
        let incoming = incoming.filter_map(move |socket| {
            let placed = socket.map(|socket| places.take(socket)).transpose();
            std::future::ready(placed)
        });
        let served = server
            .add_service(FlightServiceServer::new(service))
            .serve_with_incoming_shutdown(incoming, closed.cancelled_owned());
        if let Err(error) = served.await {
            tracing::error!(%error, "flight: the door has closed");
        }
    }
}
