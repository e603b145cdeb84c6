//! Getting a file: its addresses one after the other, and once a fresh one when they have ended.

use crate::clock::{self, now};
use crate::config::Config;
use crate::sources::Clients;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use tidelake_connectors::client::fault::Group;
use tidelake_connectors::client::profile::NotAllowed;
use tidelake_connectors::client::{Class, ClientFault, Grant, Profile, Route};
use tidelake_connectors::media::{Format, MediaClient, choose};
use tidelake_connectors::{display, oembed, web};
use tidelake_schemas::{MediaKind, MediaOrder, MediaStatus, Timestamp};
use tidelake_sinks::media::Corrupt;

/// A route that opens again within this time is waited for; files of one that rests longer are given up for this cycle.
const PATIENCE_S: i64 = 300;

/// Fetches files by the routes that named them.
pub(crate) struct Fetchers {
    clients: Arc<Clients>,
    routes: BTreeMap<&'static str, Result<MediaClient, String>>,
    wanted: choose::Wanted,
}

/// What became of an order.
pub(crate) enum Got<T> {
    /// A file, accepted, and where it was.
    File(T, String),
    /// None, and why.
    None(MediaStatus, String),
    /// Not now: the route rests for a while.
    Later(Timestamp, String),
}

impl Fetchers {
    pub(crate) fn of(config: &Config, clients: Arc<Clients>) -> Self {
        let granted = |usual: Profile, route| config.profile.unwrap_or(usual).grant(route, None);
        let web = config.web.clone().unwrap_or_default();
        let acknowledged = web.acknowledgement.as_ref();
        let grants = [
            (display::CONNECTOR, granted(Profile::Creator, Route::DisplayApi)),
            (oembed::CONNECTOR, granted(Profile::LinkOnly, Route::Oembed)),
            (web::CONNECTOR, config.profile.unwrap_or(Profile::LinkOnly).grant(Route::Web, acknowledged)),
        ];
        let settings = config.media.fetch(&web);
        let client =
            |grant: Grant| MediaClient::new(grant, &settings, clock::for_connectors()).map_err(|e| e.to_string());
        let route = |(name, grant): (_, Result<Grant, NotAllowed>)| {
            (name, grant.map_err(|refused| refused.to_string()).and_then(client))
        };
        Self { clients, routes: grants.into_iter().map(route).collect(), wanted: config.media.wanted() }
    }

    /// Gets the file of an order: the first that is accepted.
    pub(crate) async fn get<T, F>(&self, order: &MediaOrder, kind: MediaKind, accept: impl Fn(Bytes) -> F) -> Got<T>
    where
        F: Future<Output = Result<T, Corrupt>>,
    {
        let client = match self.routes.get(order.provenance.connector.as_str()) {
            Some(Ok(client)) => client,
            Some(Err(why)) => return Got::None(MediaStatus::Refused, why.clone()),
            None => {
                return Got::None(
                    MediaStatus::Refused,
                    format!("no files are fetched for connector {}", order.provenance.connector),
                );
            }
        };
        let named: Vec<Format> =
            order.addresses.iter().map(|a| Format { expires_at: a.expires_at, ..Format::at(&a.url) }).collect();
        let ended = match first(client, &named, false, &accept).await {
            Got::None(MediaStatus::Expired, why) => why,
            got => return got,
        };
        match self.renew(order, kind).await {
            Ok(fresh) if !fresh.is_empty() => first(client, &fresh, true, &accept).await,
            Ok(_) => Got::None(MediaStatus::Expired, format!("{ended}; the source gives no fresh one")),
            Err(why) => Got::None(MediaStatus::Expired, format!("{ended}; a fresh one could not be asked for: {why}")),
        }
    }

    /// Fresh addresses of an order's file.
    async fn renew(&self, order: &MediaOrder, kind: MediaKind) -> Result<Vec<Format>, String> {
        let Some(from) = &order.renew_from else { return Ok(Vec::new()) };
        let said = |fault: tidelake_connectors::Fault| fault.to_string();
        match order.provenance.connector.as_str() {
            display::CONNECTOR => {
                let account = from.parse().map_err(|e| format!("{e}"))?;
                let client = self.clients.display.as_ref().map_err(Clone::clone)?;
                let covers = client.covers(&account, &[order.video_id]).await.map_err(said)?;
                Ok(covers.into_iter().filter(|(id, _)| *id == order.video_id).map(|(_, cover)| cover).collect())
            }
            oembed::CONNECTOR => {
                let client = self.clients.oembed.as_ref().map_err(Clone::clone)?;
                Ok(client.thumbnail(from).await.map_err(said)?.into_iter().collect())
            }
            web::CONNECTOR => {
                let client = self.clients.web.as_ref().map_err(Clone::clone)?;
                let named = client.media(from).await.map_err(said)?;
                let same = named.into_iter().find(|m| m.kind == kind && m.position == order.position);
                let formats = same.map_or_else(Vec::new, |media| media.formats);
                Ok(choose::ranked(kind, &formats, &self.wanted).into_iter().cloned().collect())
            }
            _ => Ok(Vec::new()),
        }
    }
}

/// The first file that is there and accepted. What is said of the last one stands for all.
async fn first<T, F>(client: &MediaClient, formats: &[Format], renewed: bool, accept: &impl Fn(Bytes) -> F) -> Got<T>
where
    F: Future<Output = Result<T, Corrupt>>,
{
    let mut last = Got::None(MediaStatus::Expired, "no address was named".into());
    for format in formats {
        last = match client.fetch(format, renewed).await {
            Ok(file) => match accept(file).await {
                Ok(accepted) => return Got::File(accepted, tidelake_schemas::media::unsigned(&format.url).to_owned()),
                Err(corrupt) => Got::None(MediaStatus::SkippedCorrupt, corrupt.to_string()),
            },
            Err(fault) => {
                let another_may_do = matches!(fault.class.group(), Group::Entity | Group::Trouble | Group::Format);
                let told = told(fault);
                if !another_may_do {
                    return told;
                }
                told
            }
        };
    }
    last
}

/// What a fault means for a file.
fn told<T>(fault: ClientFault) -> Got<T> {
    let (class, details) = (fault.class, fault.context.details.as_str());
    let because = format!("{}: {details}", fault.context.message);
    let soon = fault.retry_at.filter(|at| at.secs() <= now().secs() + PATIENCE_S);
    match (class, class.group()) {
        // Nothing was sent.
        (Class::Resting, _) | (_, Group::Limit | Group::Circuit) => match soon {
            Some(until) => Got::Later(until, because),
            None => Got::None(MediaStatus::Failed, because),
        },
        (Class::NotFound, _) => Got::None(MediaStatus::Expired, format!("its address has ended ({details})")),
        (_, Group::Trouble) => Got::None(MediaStatus::Failed, because),
        _ => Got::None(MediaStatus::Refused, because),
    }
}
