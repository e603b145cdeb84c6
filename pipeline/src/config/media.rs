//! `[media]`: which pictures and films of what is collected are kept, and how.

use super::Config;
use super::units::{bytes, duration};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;
use tidelake_connectors::Capabilities;
use tidelake_connectors::media::choose::Wanted;
use tidelake_connectors::media::terms::may_keep;
use tidelake_connectors::media::{self, FetchSettings};
use tidelake_connectors::web::WebConfig;
use tidelake_schemas::MediaKind;
use tidelake_schemas::media::ORIGINAL;
use tidelake_sinks::media::{Label, PictureFormat, PictureRecipe, Recipe};

/// `[media]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MediaConfig {
    /// Off unless it is opened.
    pub enabled: bool,
    /// A directory or URL; files go below `media/` in it. Default: the data directory.
    pub store: Option<String>,
    /// Storage options as object_store names them; default: the lake's.
    pub storage: Option<HashMap<String, String>>,
    /// What is kept.
    pub keep: BTreeSet<Keep>,
    /// Sizes of thumbnails by name: at most so many pixels wide.
    pub sizes: BTreeMap<String, u32>,
    /// The format of thumbnails.
    pub format: Format,
    /// Of JPEG and WebP, 1 to 100.
    pub quality: u8,
    /// Films: the shorter side in pixels, at best; 1080 is 1080p.
    pub video_quality: u32,
    /// Longer files are not kept.
    #[serde(deserialize_with = "bytes")]
    pub max_bytes: u64,
    /// Files fetched at the same time.
    pub parallel: usize,
    /// How often again after a network error.
    pub retries: u32,
    /// The first wait before that; doubles each time.
    #[serde(deserialize_with = "duration")]
    pub retry_delay: Duration,
    /// What is written on thumbnails whose captions name a product.
    pub overlay: Vec<Product>,
}

/// What may be kept of a video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Keep {
    Thumbnails,
    Videos,
    Slides,
}

/// A format of thumbnails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    #[default]
    Webp,
    Jpeg,
    Png,
}

/// `[[media.overlay]]`: a product, and the words by which a caption names it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Product {
    /// Any of these in the caption, without regard to case: `#glowserum`, `glow serum`.
    pub words: Vec<String>,
    /// As it is to be read.
    pub product: Option<String>,
    /// As it is to be read, e.g. `€ 24,90`.
    pub price: Option<String>,
}

impl Default for MediaConfig {
    fn default() -> Self {
        let sizes = [("small", 160), ("medium", 320), ("large", 720)];
        Self {
            enabled: false,
            store: None,
            storage: None,
            keep: BTreeSet::from([Keep::Thumbnails]),
            sizes: sizes.into_iter().map(|(name, width)| (name.to_owned(), width)).collect(),
            format: Format::default(),
            quality: 80,
            video_quality: 1080,
            max_bytes: 64 << 20,
            parallel: 3,
            retries: 3,
            retry_delay: Duration::from_secs(1),
            overlay: Vec::new(),
        }
    }
}

impl MediaConfig {
    /// The kinds that are kept.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = MediaKind> {
        self.keep.iter().map(|keep| match keep {
            Keep::Thumbnails => MediaKind::Thumbnail,
            Keep::Videos => MediaKind::Video,
            Keep::Slides => MediaKind::Slide,
        })
    }

    /// What is made of files of this kind.
    pub(crate) fn variants(&self, kind: MediaKind) -> Vec<String> {
        match kind {
            MediaKind::Thumbnail => self.sizes.keys().cloned().collect(),
            MediaKind::Video | MediaKind::Slide => vec![ORIGINAL.to_owned()],
        }
    }

    /// How a variant is made; `None` for one that is not configured (any more).
    pub(crate) fn recipe(&self, variant: &str, label: Option<Label>) -> Option<Recipe> {
        if variant == ORIGINAL {
            return Some(Recipe::AsItCame);
        }
        let format = match self.format {
            Format::Webp => PictureFormat::WebP,
            Format::Jpeg => PictureFormat::Jpeg,
            Format::Png => PictureFormat::Png,
        };
        let width = *self.sizes.get(variant)?;
        Some(Recipe::Picture(PictureRecipe { width, format, quality: self.quality, label }))
    }

    /// What is wanted of films.
    pub(crate) fn wanted(&self) -> Wanted {
        Wanted { quality: self.video_quality, max_bytes: self.max_bytes }
    }

    /// How files are fetched.
    pub(crate) fn fetch(&self, web: &WebConfig) -> FetchSettings {
        FetchSettings {
            contact: web.contact.clone(),
            web_per_minute: web.per_minute,
            parallel: self.parallel,
            max_bytes: usize::try_from(self.max_bytes).unwrap_or(usize::MAX),
            retries: self.retries,
            retry_delay: self.retry_delay,
        }
    }
}

impl Config {
    /// Where files are kept.
    pub(crate) fn media_location(&self) -> String {
        self.media.store.clone().unwrap_or_else(|| self.data_dir.display().to_string())
    }

    /// Storage options of that place.
    pub(crate) fn media_storage(&self) -> &HashMap<String, String> {
        self.media.storage.as_ref().unwrap_or(&self.lake.storage)
    }

    /// Was reading public pages over HTTP approved?
    pub(crate) fn web_acknowledged(&self) -> bool {
        self.web.as_ref().is_some_and(|web| web.acknowledgement.is_some())
    }

    /// What is kept of a connector's files, and what is not, in words.
    pub(crate) fn media_terms(&self, connector: &str, zone: &str) -> String {
        if !media::CONNECTORS.contains(&connector) {
            return format!("connector {connector} (zone {zone}) names no files");
        }
        let told = self.media.kinds().map(|kind| match may_keep(zone, kind, self.web_acknowledged()) {
            Ok(()) => format!("{kind}s are kept"),
            Err(why) => why,
        });
        told.collect::<Vec<_>>().join("; ")
    }

    /// Does a connector bring files of which some are kept?
    fn keeps_media_of(&self, source: &Capabilities) -> bool {
        let allowed = |kind| may_keep(source.zone, kind, self.web_acknowledged()).is_ok();
        media::CONNECTORS.contains(&source.connector) && self.media.kinds().any(allowed)
    }

    pub(super) fn check_media(&self, sources: &[Capabilities], wrong: &mut impl FnMut(&str, String)) {
        let media = &self.media;
        let mut range = |path: &str, value: u64, low: u64, high: u64| {
            if !(low..=high).contains(&value) {
                wrong(path, format!("{value} is not from {low} to {high}"));
            }
        };
        range("media.quality", media.quality.into(), 1, 100);
        range("media.video_quality", media.video_quality.into(), 144, 4320);
        range("media.parallel", media.parallel as u64, 1, 32);
        range("media.retries", media.retries.into(), 0, 10);
        range("media.max_bytes", media.max_bytes, 64 << 10, 2 << 30);
        for (name, width) in &media.sizes {
            range(&format!("media.sizes.{name}"), (*width).into(), 16, 4096);
        }
        let safe = |name: &String| {
            name != ORIGINAL && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        };
        if let Some(name) = media.sizes.keys().find(|name| name.is_empty() || !safe(name)) {
            wrong(
                &format!("media.sizes.{name:?}"),
                format!("is no name: use letters, digits, _ and -, and not {ORIGINAL}"),
            );
        }
        for (i, product) in media.overlay.iter().enumerate() {
            if product.words.iter().all(|word| word.trim().is_empty()) {
                wrong(&format!("media.overlay[{i}].words"), "no word is given by which captions name it".into());
            }
            if product.product.is_none() && product.price.is_none() {
                wrong(&format!("media.overlay[{i}]"), "neither product nor price: there is nothing to write".into());
            }
        }
        if media.enabled {
            self.check_media_enabled(sources, wrong);
        }
    }

    fn check_media_enabled(&self, sources: &[Capabilities], wrong: &mut impl FnMut(&str, String)) {
        let media = &self.media;
        if media.keep.is_empty() {
            wrong("media.keep", "nothing is kept; name thumbnails, videos or slides, or set enabled = false".into());
        }
        if media.keep.contains(&Keep::Thumbnails) && media.sizes.is_empty() {
            wrong("media.sizes", "no size is given; write medium = 320".into());
        }
        let plain = |location: String| location.trim_end_matches('/').to_owned();
        if plain(self.media_location()) == plain(self.lake_location()) {
            let why = "is the lake's own place, where maintenance removes what belongs to no table; give it another";
            wrong("media.store", why.into());
        }
        if !sources.is_empty() && !media.keep.is_empty() && !sources.iter().any(|source| self.keeps_media_of(source)) {
            let why: BTreeSet<String> = sources.iter().map(|s| self.media_terms(s.connector, s.zone)).collect();
            let why = why.into_iter().collect::<Vec<_>>().join("; ");
            wrong("media.enabled", format!("no task may bring what is to be kept: {why}"));
        }
    }
}
