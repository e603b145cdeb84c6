//! One file: is it kept already, get it, make what is wanted of it, store that.

use super::fetch::{Fetchers, Got};
use super::progress::Tally;
use crate::config::MediaConfig;
use crate::log::suppressions::Suppressed;
use crate::roles::RoleError;
use crate::roles::worker::Ended;
use bytes::Bytes;
use std::sync::Arc;
use tidelake_schemas::media::unsigned;
use tidelake_schemas::{MediaEntry, MediaKind, MediaOrder, MediaStatus};
use tidelake_sinks::media::{Corrupt, Label, Made, MediaStore, Note, Recipe, StoreError, make};
use uuid::Uuid;

/// What jobs share.
pub(super) struct Workshop {
    pub(super) config: MediaConfig,
    pub(super) fetchers: Fetchers,
    pub(super) store: MediaStore,
    pub(super) suppressed: Suppressed,
    pub(super) tally: Tally,
}

/// What became of an order.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The row; `None` when an earlier cycle has left one that still holds.
    pub(super) entry: Option<MediaEntry>,
    /// What is noted once the row is acknowledged, and under which name.
    pub(super) note: Option<(String, Note)>,
}

/// An order that something is still to be made for.
struct Open {
    /// Place in the group.
    place: usize,
    /// Its name among the notes.
    name: String,
    recipe: Recipe,
}

/// The place of each kind in the store's notes: what is made of the same picture by another recipe has another name.
fn name(order: &MediaOrder, recipe: Option<&Recipe>) -> String {
    // A cover may be exchanged for another, which then has another address; a film or a slide never is.
    let address = order.addresses.first().filter(|_| order.kind == MediaKind::Thumbnail.name());
    let path = address.map(|address| unsigned(&address.url)).and_then(|url| url.splitn(4, '/').nth(3));
    let what = format!("{recipe:?} {:?} {:?}", path, order.refused);
    let print = Uuid::new_v5(&Uuid::NAMESPACE_OID, what.as_bytes()).simple().to_string();
    let MediaOrder { platform, video_id, kind, position, variant, .. } = order;
    format!("{platform}/{video_id}/{kind}-{position}.{variant}.{}", &print[..12])
}

impl Workshop {
    /// Does the orders of one file.
    pub(super) async fn fetch(&self, group: &[MediaOrder]) -> Result<Ended<Outcome>, RoleError> {
        let mut outcomes: Vec<Option<Outcome>> = Vec::with_capacity(group.len());
        let mut open = Vec::new();
        for (place, order) in group.iter().enumerate() {
            let label = Label { product: order.product.clone(), price: order.price.clone() };
            let label = Some(label).filter(|label| *label != Label::default());
            let recipe = self.config.recipe(&order.variant, label);
            let name = name(order, recipe.as_ref());
            // A note of this very event says nothing about its row: the order may have been published before by an owner
            // of the lane who had lost it, whose row land drops. A row that is told twice is dropped by land, too.
            let earlier = self.store.recall(&name).await?.filter(|note| note.event_id != order.event_id);
            outcomes.push(match (earlier, &order.refused, recipe) {
                (Some(note), ..) => Some(self.known(order, &note)),
                (None, Some(why), _) => Some(self.none(order, Some(name), MediaStatus::Refused, why)),
                (None, None, None) => {
                    Some(self.none(order, None, MediaStatus::Failed, "its size is not configured any more"))
                }
                (None, None, Some(recipe)) => {
                    open.push(Open { place, name, recipe });
                    None
                }
            });
        }
        if let Some(first) = open.first() {
            match self.get(&group[first.place], &open).await? {
                Got::Later(until, why) => return Ok(Ended::Later(until, why)),
                Got::None(status, why) => {
                    for Open { place, name, .. } in open {
                        let name = Some(name).filter(|_| status.is_settled());
                        outcomes[place] = Some(self.none(&group[place], name, status, &why));
                    }
                }
                Got::File(made, source) => {
                    for (Open { place, name, .. }, made) in open.into_iter().zip(made) {
                        outcomes[place] = Some(self.keep(&group[place], name, made, &source).await?);
                    }
                }
            }
        }
        Ok(Ended::Done(outcomes.into_iter().flatten().collect()))
    }

    /// Gets the file and makes everything of it that is wanted.
    async fn get(&self, order: &MediaOrder, open: &[Open]) -> Result<Got<Vec<Made>>, RoleError> {
        let Some(kind) = MediaKind::named(&order.kind) else {
            return Ok(Got::None(MediaStatus::Failed, format!("{:?} is no kind that is known", order.kind)));
        };
        let recipes: Arc<Vec<Recipe>> = Arc::new(open.iter().map(|open| open.recipe.clone()).collect());
        let accept = |file: Bytes| {
            self.tally.fetched(file.len());
            let recipes = recipes.clone();
            // Pictures take a processor for a while.
            let work =
                tokio::task::spawn_blocking(move || recipes.iter().map(|recipe| make(kind, &file, recipe)).collect());
            async move { work.await.unwrap_or_else(|_| Err(Corrupt::unreadable())) }
        };
        Ok(self.fetchers.get(order, kind, accept).await)
    }

    async fn keep(&self, order: &MediaOrder, name: String, made: Made, source: &str) -> Result<Outcome, StoreError> {
        let note = note(order, MediaStatus::Stored);
        let kept = self.store.keep(&made.bytes, made.format, &note).await?;
        let status = if kept.duplicate_of.is_some() { MediaStatus::Duplicate } else { MediaStatus::Stored };
        self.tally.ended(status);
        let pixels = |side: Option<u32>| side.and_then(|side| i32::try_from(side).ok());
        let entry = MediaEntry {
            reason: kept.duplicate_of.map(|event| format!("the same bytes as of event {event}")),
            source_url: Some(source.to_owned()),
            format: Some(made.format.to_owned()),
            width: pixels(made.width),
            height: pixels(made.height),
            bytes: i64::try_from(made.bytes.len()).ok(),
            sha256: Some(kept.sha256),
            path: Some(kept.path.clone()),
            ..MediaEntry::of(order, status)
        };
        let note = Note { status: status.name().into(), path: Some(kept.path), ..note };
        Ok(Outcome { entry: Some(entry), note: Some((name, note)) })
    }

    /// Nothing is stored, and why. With a name, the next cycle does not ask again.
    fn none(&self, order: &MediaOrder, name: Option<String>, status: MediaStatus, why: &str) -> Outcome {
        self.tally.ended(status);
        tracing::debug!(video = order.video_id, kind = order.kind, status = status.name(), why, "media");
        let source_url = order.addresses.first().map(|address| unsigned(&address.url).to_owned());
        let entry = MediaEntry { reason: Some(why.to_owned()), source_url, ..MediaEntry::of(order, status) };
        Outcome { entry: Some(entry), note: name.map(|name| (name, note(order, status))) }
    }

    /// An earlier event has settled it.
    fn known(&self, order: &MediaOrder, note: &Note) -> Outcome {
        tracing::trace!(video = order.video_id, event = note.event_id, "media: kept already");
        self.tally.known();
        Outcome { entry: None, note: None }
    }
}

fn note(order: &MediaOrder, status: MediaStatus) -> Note {
    Note {
        event_id: order.event_id.clone(),
        platform: order.platform.clone(),
        video_id: order.video_id.to_string(),
        kind: order.kind.clone(),
        variant: order.variant.clone(),
        status: status.name().to_owned(),
        path: None,
        provenance: order.provenance.clone(),
    }
}
