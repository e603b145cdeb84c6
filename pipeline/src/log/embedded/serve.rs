//! Listens, and gives each connection the Kafka services.

use super::fetch::FetchService;
use super::store::Store;
use crate::clock;
use rama::{Context, Layer, Service};
use std::io::ErrorKind;
use std::time::Duration;
use tansu_broker::Error;
use tansu_broker::coordinator::group::administrator::Controller;
use tansu_broker::service::{coordinator, storage};
use tansu_sans_io::{ApiKey, FetchRequest};
use tansu_service::{
    BytesFrameLayer, BytesFrameService, FrameRequestLayer, FrameRouteBuilder, FrameRouteService, TcpBytesLayer,
    TcpBytesService, TcpContext, TcpContextLayer, TcpContextService,
};
use tansu_storage::Storage;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

/// How often what was appended is made sure to be on disk.
const SYNC: Duration = Duration::from_secs(1);
/// How often old records are removed and compacted topics compacted.
const MAINTENANCE: Duration = Duration::from_mins(10);
/// After a connection could not be accepted (too many open files, say).
const PAUSE: Duration = Duration::from_millis(100);

type Builder = FrameRouteBuilder<(), Error>;
type AddRoute = fn(Builder, Store) -> Result<Builder, Error>;

/// What serves a connection. Cheap to clone.
pub(super) type Services = TcpContextService<TcpBytesService<BytesFrameService<FrameRouteService<(), Error>>, ()>>;

/// Tansu's services on our store, but fetch, which is ours. Transactions, access control and telemetry are not there:
/// clients are told so when they ask which requests are understood.
pub(super) fn services(cluster: &str, store: &Store) -> Result<Services, Error> {
    let tansu: [AddRoute; 17] = [
        storage::consumer_group_describe,
        storage::create_topics,
        storage::delete_groups,
        storage::delete_records,
        storage::delete_topics,
        storage::describe_cluster,
        storage::describe_configs,
        storage::describe_groups,
        storage::describe_topic_partitions,
        storage::find_coordinator,
        storage::incremental_alter_configs,
        storage::init_producer_id,
        storage::list_groups,
        storage::list_offsets,
        storage::list_partition_reassignments,
        storage::metadata,
        storage::produce,
    ];
    let builder = tansu.iter().try_fold(FrameRouteService::builder(), |b, service| service(b, store.clone()))?;
    let builder = coordinator::services(builder, Controller::with_storage(store.clone())?)?;
    let fetch = FrameRequestLayer::<FetchRequest>::new().into_layer(FetchService { store: store.clone() });
    let routes = builder.with_route(FetchRequest::KEY, fetch.boxed())?.build()?;
    let context = TcpContextLayer::new(TcpContext::default().cluster_id(Some(cluster.into())));
    Ok((context, TcpBytesLayer::default(), BytesFrameLayer::default()).into_layer(routes))
}

/// Accepts connections until dropped, and looks after the store meanwhile.
pub(super) async fn serve(listener: TcpListener, services: Services, store: Store) {
    let mut tasks = JoinSet::new();
    tasks.spawn(sync(store.clone()));
    tasks.spawn(maintain(store));
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => _ = tasks.spawn(connection(services.clone(), stream)),
                Err(error) => {
                    tracing::warn!(%error, "the embedded broker could not accept a connection");
                    tokio::time::sleep(PAUSE).await;
                }
            },
            // Ended connections are let go of.
            Some(_) = tasks.join_next() => {}
        }
    }
}

async fn connection(services: Services, stream: TcpStream) {
    let outcome = match stream.set_nodelay(true) {
        Ok(()) => services.serve(Context::default(), stream).await,
        Err(error) => Err(error.into()),
    };
    match outcome {
        Err(Error::Io(error)) if is_hang_up(error.kind()) => {}
        Err(error) => tracing::warn!(%error, "the embedded broker closed a connection"),
        Ok(()) => {}
    }
}

fn is_hang_up(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe | ErrorKind::ConnectionReset)
}

async fn sync(store: Store) {
    let mut ticks = interval(SYNC);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // The store has said what went wrong.
        _ = store.sync().await;
    }
}

async fn maintain(store: Store) {
    let mut ticks = interval(MAINTENANCE);
    loop {
        ticks.tick().await;
        if let Err(error) = store.maintain(clock::wall().to_chrono().into()).await {
            tracing::warn!(%error, "the embedded broker could not remove old records; it tries again later");
        }
    }
}
