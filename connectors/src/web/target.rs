//! One page: its address, what must be on it, and which of its records is the one asked for.

use crate::client::Expect;
use crate::links::{Account, Link, Media};
use crate::reading::{PLATFORM, ReadContext};
use serde::{Deserialize, Serialize};
use tidelake_schemas::ids::time_of_id;
use tidelake_schemas::observation::AuthorRef;
use tidelake_schemas::{CreatorObservation, EntityKind, Observation, VideoObservation};
use url::Url;

/// What a page is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Video,
    User,
    Tag,
    Sound,
}

impl Kind {
    /// As operations and ledgers name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::User => "user",
            Self::Tag => "tag",
            Self::Sound => "sound",
        }
    }

    /// Where the record stands in documents of each era (tiktok-surfaces §6.1), the newest first.
    fn places(self) -> &'static [&'static str] {
        match self {
            Self::Video => &[
                "/__DEFAULT_SCOPE__/webapp.video-detail/itemInfo/itemStruct",
                "/ItemModule",
                "/props/pageProps/itemInfo/itemStruct",
                "/props/pageProps/videoData/itemInfos",
                "/source/data",
            ],
            Self::User => &[
                "/__DEFAULT_SCOPE__/webapp.user-detail/userInfo/user",
                "/UserModule/users",
                "/props/pageProps/userInfo/user",
                "/props/pageProps/userData",
                "/source/data",
            ],
            Self::Tag => &[
                "/__DEFAULT_SCOPE__/webapp.challenge-detail/challengeInfo/challenge",
                "/props/pageProps/challengeInfo/challenge",
                "/props/pageProps/challengeData",
            ],
            Self::Sound => &[
                "/__DEFAULT_SCOPE__/webapp.music-detail/musicInfo/music",
                "/props/pageProps/musicInfo/music",
                "/props/pageProps/musicData",
            ],
        }
    }

    /// The path of the list that the page's own script calls (§6.5); the page of a video has none that is about it.
    pub(crate) fn list(self) -> Option<&'static str> {
        match self {
            Self::Video => None,
            Self::User => Some("/api/post/item_list"),
            Self::Tag => Some("/api/challenge/item_list"),
            Self::Sound => Some("/api/music/item_list"),
        }
    }
}

/// A page to ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    kind: Kind,
    link: Link,
}

impl Target {
    /// A page of this kind; the error says why the link has none.
    pub(super) fn new(kind: Kind, link: &Link) -> Result<Self, String> {
        let link = match (kind, link) {
            // `/photo/ID` pages often carry no item; `/video/ID` does for the same id (§6.2). Handles around an id change
            // nothing, and neither do secUids, which the site does not take in their place.
            (Kind::Video, Link::Post { id, author, .. }) => {
                let author = author.clone().filter(|author| author.handle().is_some());
                Link::Post { media: Media::Video, id: *id, author, comment: None }
            }
            (Kind::User, Link::User { account: account @ Account::Handle(_), .. }) => {
                Link::User { account: account.clone(), embedded: false }
            }
            (Kind::Tag, Link::Tag(name)) => Link::Tag(name.clone()),
            // Any slug will do, but some must be there.
            (Kind::Sound, Link::Sound { id, slug }) => {
                Link::Sound { id: *id, slug: Some(slug.clone().unwrap_or_else(|| "sound".into())) }
            }
            (_, Link::Short { .. }) => {
                return Err(
                    "a short link: resolve it first (`tidelake resolve`), or give it to connector oembed".into()
                );
            }
            _ => return Err(format!("a {} link where a {} is wanted", link.kind(), kind.name())),
        };
        Ok(Self { kind, link })
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// The same for every spelling.
    pub(crate) fn identity(&self) -> String {
        self.link.identity()
    }

    /// The address on TikTok's own site.
    pub(super) fn canonical(&self) -> String {
        self.link.canonical()
    }

    /// The address on this site.
    pub(crate) fn address(&self, base: &Url) -> Url {
        let path = Url::parse(&self.canonical()).map(|url| url.path().to_owned()).unwrap_or_default();
        let mut url = base.clone();
        url.set_path(&path);
        url
    }

    /// What must be on the page.
    pub(crate) fn expect(&self) -> Expect {
        Expect::item(self.kind.places())
    }

    /// Whether this record is the one that the page is about.
    pub(crate) fn names(&self, record: &Observation) -> bool {
        match (&self.link, record) {
            (Link::Post { id, .. }, Observation::Video(video)) => video.video_id == *id,
            (Link::User { account: Account::Handle(handle), .. }, Observation::Creator(creator)) => {
                creator.handle.to_lowercase() == handle.to_lowercase()
            }
            (Link::Tag(name), Observation::Hashtag(tag)) => tag.name.to_lowercase() == name.to_lowercase(),
            (Link::Sound { id, .. }, Observation::Sound(sound)) => sound.sound_id == *id,
            _ => false,
        }
    }

    /// The record of something that is there and not shown: videos and accounts have a field for that.
    pub(crate) fn unavailable(&self, why: &str, context: &ReadContext<'_>) -> Option<Observation> {
        match &self.link {
            Link::Post { id, author, .. } => {
                let created_at = time_of_id(*id);
                let handle = author.as_ref().and_then(Account::handle).map(str::to_owned);
                Some(Observation::Video(VideoObservation {
                    event_id: context.event_id(EntityKind::Video, &id.to_string()),
                    platform: PLATFORM.into(),
                    video_id: *id,
                    observed_at: context.observed_at,
                    provenance: context.provenance(),
                    created_at,
                    created_at_derived: created_at.is_some(),
                    author: AuthorRef { handle, ..AuthorRef::default() },
                    unavailable: Some(why.to_owned()),
                    ..VideoObservation::default()
                }))
            }
            Link::User { account: Account::Handle(handle), .. } => Some(Observation::Creator(CreatorObservation {
                event_id: context.event_id(EntityKind::Creator, &handle.to_lowercase()),
                platform: PLATFORM.into(),
                handle: handle.clone(),
                observed_at: context.observed_at,
                provenance: context.provenance(),
                unavailable: Some(why.to_owned()),
                ..CreatorObservation::default()
            })),
            _ => None,
        }
    }
}
