//! The one spelling of each link, and what makes two links the same.

use super::{Account, Link, ListKind, Media, ShortHost, TopicKind};
use std::fmt;

const SITE: &str = "https://www.tiktok.com";

impl Link {
    /// The address in TikTok's own spelling: `https://www.tiktok.com/@handle/video/ID` and so on, without parameters
    /// except those that say what is meant (`share_comment_id`, `q`). Parsing it gives the same link.
    pub fn canonical(&self) -> String {
        match self {
            Self::Post { media, id, author, comment } => {
                let comment = comment.map(|id| format!("?share_comment_id={id}")).unwrap_or_default();
                format!("{SITE}/{}/{}/{id}{comment}", at(author.as_ref()), media.segment())
            }
            Self::User { account, embedded: false } => format!("{SITE}/{}", at(Some(account))),
            Self::User { account, embedded: true } => format!("{SITE}/embed/{}", at(Some(account))),
            Self::LiveOf(account) => format!("{SITE}/{}/live", at(Some(account))),
            Self::LiveRoom(id) => format!("{SITE}/share/live/{id}"),
            Self::Sound { id, slug } => format!("{SITE}/music/{}", slugged(slug.as_deref(), *id)),
            Self::Effect { id, slug } => format!("{SITE}/sticker/{}", slugged(slug.as_deref(), *id)),
            Self::Place { id, slug } => format!("{SITE}/place/{}", slugged(slug.as_deref(), *id)),
            Self::Tag(name) => format!("{SITE}/tag/{}", escaped(name)),
            Self::TagId(id) => format!("{SITE}/share/tag/{id}"),
            Self::List { kind, id, owner, slug } => {
                format!("{SITE}/{}/{}/{}", at(owner.as_ref()), kind.segment(), slugged(slug.as_deref(), *id))
            }
            Self::Topic { kind, slug } => format!("{SITE}/{}/{}", kind.segment(), escaped(slug)),
            Self::Search { tab, query } => {
                let tab = tab.map(|tab| format!("/{tab}")).unwrap_or_default();
                let query = query.as_ref().map(|query| format!("?q={}", escaped(query))).unwrap_or_default();
                format!("{SITE}/search{tab}{query}")
            }
            Self::Feed(name) | Self::Page(name) => format!("{SITE}/{name}"),
            Self::Home => format!("{SITE}/"),
            Self::Short { host: ShortHost::T, code } => format!("{SITE}/t/{code}/"),
            Self::Short { host, code } => format!("https://{}.tiktok.com/{code}/", host.name()),
        }
    }

    /// What the link is about, spelt the same for every form of it: for a post the id alone, for an account the handle
    /// in lower case. Parameters never change it, and neither do handles, slugs, hosts and languages around an id.
    pub fn identity(&self) -> String {
        match self {
            Self::Post { id, .. } => format!("video:{id}"),
            Self::User { account, .. } => format!("user:{}", account.identity()),
            Self::LiveOf(account) => format!("live:{}", account.identity()),
            Self::LiveRoom(id) => format!("live:room:{id}"),
            Self::Sound { id, .. } => format!("music:{id}"),
            Self::Effect { id, .. } => format!("sticker:{id}"),
            Self::Place { id, .. } => format!("place:{id}"),
            Self::Tag(name) => format!("tag:{}", name.to_lowercase()),
            Self::TagId(id) => format!("tag:id:{id}"),
            Self::List { kind, id, .. } => format!("{}:{id}", kind.segment()),
            Self::Topic { kind, slug } => format!("{}:{}", kind.segment(), slug.to_lowercase()),
            Self::Search { tab, query } => {
                format!("search:{}:{}", tab.unwrap_or_default(), query.as_deref().unwrap_or_default())
            }
            Self::Feed(name) => format!("feed:{name}"),
            Self::Home => "home".into(),
            Self::Page(name) => format!("page:{name}"),
            Self::Short { host, code } => format!("short:{}:{code}", host.name()),
        }
    }
}

/// The canonical address.
impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.canonical())
    }
}

impl Media {
    fn segment(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::Photo => "photo",
            Self::Story => "story",
        }
    }
}

impl ListKind {
    fn segment(self) -> &'static str {
        match self {
            Self::Playlist => "playlist",
            Self::Collection => "collection",
        }
    }
}

impl TopicKind {
    fn segment(self) -> &'static str {
        match self {
            Self::Discover => "discover",
            Self::Channel => "channel",
        }
    }
}

/// `@handle`; a bare `@` where the account is not known, which TikTok takes for posts.
fn at(account: Option<&Account>) -> String {
    format!("@{}", escaped(&account.map(Account::text).unwrap_or_default()))
}

fn slugged(slug: Option<&str>, id: i64) -> String {
    slug.map_or_else(|| id.to_string(), |slug| format!("{}-{id}", escaped(slug)))
}

/// Percent-encoded, so that neither the reader of addresses nor the reader of pasted text takes a character away. A dot
/// at the end is one that pasted text would lose.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, byte) in text.bytes().enumerate() {
        let plain = byte.is_ascii_alphanumeric() || b"-_".contains(&byte) || (byte == b'.' && at + 1 < text.len());
        if plain {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
