//! What a TikTok link points at: the project's one parser of links, and the resolving of short ones.
//!
//! [`parse`] reads what a person pasted, [`parse_url`] one address and nothing else; both work on text alone and ask
//! nobody. [`resolve`] asks where a short link leads, with one HEAD request a hop.
//!
//! Two links with the same [`Link::identity`] point at the same thing, however they are spelt.

mod account;
mod address;
mod canonical;
mod error;
mod path;
pub mod resolve;
mod text;

#[cfg(test)]
mod tests;

pub use account::Account;
pub use address::parse_url;
pub use error::{LinkError, Platform, SUPPORTED};
pub use text::parse;

use tidelake_schemas::Timestamp;
use tidelake_schemas::ids::time_of_id;

/// What a link points at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Link {
    /// A video, photo or story post.
    Post {
        /// What the link calls it. All three share one space of ids, and TikTok takes one form for the other.
        media: Media,
        /// The item's id.
        id: i64,
        /// Whose post it is, where the link says so. Handles change; the id does not.
        author: Option<Account>,
        /// The comment that `share_comment_id` points at.
        comment: Option<i64>,
    },
    /// A profile, or its card for embedding.
    User {
        /// Whose.
        account: Account,
        /// Whether it is the card (`/embed/@handle`).
        embedded: bool,
    },
    /// The live page of an account.
    LiveOf(Account),
    /// A live room by its id.
    LiveRoom(i64),
    /// A sound, by the field's name a music page.
    Sound {
        /// The music id.
        id: i64,
        /// The title as the address writes it, e.g. `original-sound`.
        slug: Option<String>,
    },
    /// An effect (`/sticker/…`).
    Effect {
        /// The effect's id.
        id: i64,
        /// The title as the address writes it.
        slug: Option<String>,
    },
    /// A place.
    Place {
        /// The place's id.
        id: i64,
        /// The name as the address writes it.
        slug: Option<String>,
    },
    /// A hashtag by its name, without `#`.
    Tag(String),
    /// A hashtag by its id (`/share/tag/ID`).
    TagId(i64),
    /// A playlist or collection.
    List {
        /// Which of them.
        kind: ListKind,
        /// Its id.
        id: i64,
        /// Whose it is.
        owner: Option<Account>,
        /// Its title as the address writes it.
        slug: Option<String>,
    },
    /// A page of videos about a topic.
    Topic {
        /// Which kind of page.
        kind: TopicKind,
        /// The topic as the address writes it.
        slug: String,
    },
    /// A search.
    Search {
        /// The tab, e.g. `video`.
        tab: Option<&'static str>,
        /// What is searched for.
        query: Option<String>,
    },
    /// A feed that differs from visitor to visitor, e.g. `foryou`.
    Feed(&'static str),
    /// The home page; where dead short links lead.
    Home,
    /// A page that holds no content: login, legal texts.
    Page(&'static str),
    /// A short link: where it leads is not to be told without asking ([`resolve`]).
    Short {
        /// Where it is kept.
        host: ShortHost,
        /// Its code; upper and lower case differ.
        code: String,
    },
}

/// What a post is called by its link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Media {
    /// `/video/ID`
    Video,
    /// `/photo/ID`: a slideshow.
    Photo,
    /// `/story/ID` (form unconfirmed).
    Story,
}

/// Lists that an account makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListKind {
    /// Of own videos.
    Playlist,
    /// Of anybody's videos.
    Collection,
}

/// Pages about a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TopicKind {
    /// `/discover/…`
    Discover,
    /// `/channel/…`
    Channel,
}

/// Where a short link is kept. Whether the three share their codes is not known, so they are held apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ShortHost {
    /// `vm.tiktok.com/CODE/`
    Vm,
    /// `vt.tiktok.com/CODE/`
    Vt,
    /// `www.tiktok.com/t/CODE/`
    T,
}

impl ShortHost {
    /// `vm`, `vt` or `t`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vm => "vm",
            Self::Vt => "vt",
            Self::T => "t",
        }
    }
}

impl Link {
    /// The kind in one word, as outputs name it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Post { media: Media::Video, .. } => "video",
            Self::Post { media: Media::Photo, .. } => "photo",
            Self::Post { media: Media::Story, .. } => "story",
            Self::User { embedded: false, .. } => "user",
            Self::User { embedded: true, .. } => "embed_user",
            Self::LiveOf(_) | Self::LiveRoom(_) => "live",
            Self::Sound { .. } => "music",
            Self::Effect { .. } => "sticker",
            Self::Place { .. } => "place",
            Self::Tag(_) | Self::TagId(_) => "tag",
            Self::List { kind: ListKind::Playlist, .. } => "playlist",
            Self::List { kind: ListKind::Collection, .. } => "collection",
            Self::Topic { kind: TopicKind::Discover, .. } => "discover",
            Self::Topic { kind: TopicKind::Channel, .. } => "channel",
            Self::Search { .. } => "search",
            Self::Feed(_) => "feed",
            Self::Home => "home",
            Self::Page(_) => "page",
            Self::Short { .. } => "short",
        }
    }

    /// The numeric id of what the link points at, where it names one.
    pub fn id(&self) -> Option<i64> {
        match self {
            Self::Post { id, .. }
            | Self::Sound { id, .. }
            | Self::Effect { id, .. }
            | Self::Place { id, .. }
            | Self::List { id, .. } => Some(*id),
            Self::LiveRoom(id) | Self::TagId(id) => Some(*id),
            Self::User { account: Account::Id(id), .. } | Self::LiveOf(Account::Id(id)) => Some(*id),
            _ => None,
        }
    }

    /// The id of the post, where it is one.
    pub fn video_id(&self) -> Option<i64> {
        if let Self::Post { id, .. } = self { Some(*id) } else { None }
    }

    /// The account that the link names.
    pub fn account(&self) -> Option<&Account> {
        match self {
            Self::Post { author: account, .. } | Self::List { owner: account, .. } => account.as_ref(),
            Self::User { account, .. } | Self::LiveOf(account) => Some(account),
            _ => None,
        }
    }

    /// The handle that the link names, without `@`. `None` where a numeric id, a secUid or nothing stands in its place.
    pub fn handle(&self) -> Option<&str> {
        self.account()?.handle()
    }

    /// The instant before which the thing was not made, read from its id (upper 32 bits are Unix seconds).
    ///
    /// A lower bound, not the time of publication: drafts and scheduled posts appear later, measured up to 12.4 days.
    /// Only for posts and accounts, where it was measured; short ids of old musical.ly accounts tell no time.
    pub fn not_older_than(&self) -> Option<Timestamp> {
        match self {
            Self::Post { .. } | Self::User { .. } => time_of_id(self.id()?),
            _ => None,
        }
    }
}
