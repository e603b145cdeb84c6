//! What is ordered of the files that a page names: which kinds, which format first, in which sizes.

use crate::config::Config;
use tidelake_connectors::Page;
use tidelake_connectors::media::MediaRef;
use tidelake_connectors::media::choose::{Wanted, ranked};
use tidelake_connectors::media::terms::may_keep;
use tidelake_schemas::media::ORIGINAL;
use tidelake_schemas::{MediaAddress, MediaKind, MediaOrder, Observation, VideoObservation, ids};
use tidelake_sinks::media::Label;

/// Addresses of one file that are tried.
const ADDRESSES: usize = 4;

/// The configuration, as far as orders depend on it.
pub(crate) struct Plan {
    variants: Vec<(MediaKind, Vec<String>)>,
    wanted: Wanted,
    /// Reading public pages was approved.
    acknowledged: bool,
    /// Words in lower case, and what is written when one of them is in the caption.
    products: Vec<(Vec<String>, Label)>,
}

impl Plan {
    /// `None` when no media is kept.
    pub(crate) fn of(config: &Config) -> Option<Self> {
        let media = Some(&config.media).filter(|media| media.enabled)?;
        let products = media.overlay.iter().map(|known| {
            let words = known.words.iter().map(|word| word.trim().to_lowercase()).filter(|word| !word.is_empty());
            (words.collect(), Label { product: known.product.clone(), price: known.price.clone() })
        });
        Some(Self {
            variants: media.kinds().map(|kind| (kind, media.variants(kind))).collect(),
            wanted: media.wanted(),
            acknowledged: config.web_acknowledged(),
            products: products.collect(),
        })
    }

    /// The orders of a page, those of one file one after the other.
    pub(crate) fn orders(&self, page: &Page) -> Vec<MediaOrder> {
        let video = |id: i64| {
            page.observations.iter().find_map(|record| match record {
                Observation::Video(video) if video.video_id == id => Some(video),
                _ => None,
            })
        };
        let named = page.media.iter().filter_map(|media| Some((media, video(media.video_id)?)));
        named.flat_map(|(media, video)| self.of_file(media, video)).collect()
    }

    fn of_file(&self, media: &MediaRef, video: &VideoObservation) -> Vec<MediaOrder> {
        let Some((kind, variants)) = self.variants.iter().find(|(kind, _)| *kind == media.kind) else {
            return Vec::new();
        };
        let formats = ranked(*kind, &media.formats, &self.wanted);
        let refused = may_keep(&video.provenance.zone, *kind, self.acknowledged).err();
        let refused = refused.or_else(|| {
            let why = format!("no form of it can be played and is at most {} bytes long", self.wanted.max_bytes);
            formats.is_empty().then_some(why)
        });
        let label = self.label(video.caption.as_deref().unwrap_or_default());
        let whole = [ORIGINAL.to_owned()];
        // A refusal is told once, not once a size.
        let variants = if refused.is_some() { &whole[..] } else { variants.as_slice() };
        let order = |variant: &String| MediaOrder {
            event_id: self.event_id(media, video, variant),
            platform: video.platform.clone(),
            video_id: video.video_id,
            observed_at: video.observed_at,
            provenance: video.provenance.clone(),
            kind: kind.name().to_owned(),
            position: media.position,
            variant: variant.clone(),
            addresses: formats.iter().take(ADDRESSES).map(|format| address(format)).collect(),
            renew_from: media.renew_from.clone(),
            refused: refused.clone(),
            product: label.and_then(|label| label.product.clone()),
            price: label.and_then(|label| label.price.clone()),
        };
        variants.iter().map(order).collect()
    }

    fn event_id(&self, media: &MediaRef, video: &VideoObservation, variant: &str) -> String {
        let (task, cycle) = (&video.provenance.task, video.provenance.cycle);
        ids::media_id(task, cycle, media.video_id, media.kind, media.position, variant)
    }

    /// The first product that a caption names.
    fn label(&self, caption: &str) -> Option<&Label> {
        let caption = caption.to_lowercase();
        let named = |words: &[String]| words.iter().any(|word| caption.contains(word.as_str()));
        self.products.iter().find(|(words, _)| named(words)).map(|(_, label)| label)
    }
}

fn address(format: &tidelake_connectors::media::Format) -> MediaAddress {
    MediaAddress { url: format.url.clone(), expires_at: format.expires_at }
}
