//! What the path of a TikTok address says.
//!
//! The forms are those of yt-dlp, gallery-dl, TikTok's embed documentation, personal archives and share links; a
//! recorded table stands in the project's reference.

use super::error::quoted;
use super::{Account, Link, LinkError, ListKind, Media, ShortHost, TopicKind};

/// An address on one of TikTok's hosts.
pub(super) struct Address<'a> {
    /// As it was given.
    pub(super) seen: &'a str,
    /// The host, when it is one of short links.
    pub(super) short: Option<ShortHost>,
    /// The segments that are not empty, percent-decoded.
    pub(super) segments: &'a [&'a str],
    /// The first value of a parameter.
    pub(super) parameter: &'a dyn Fn(&str) -> Option<String>,
}

const FEEDS: [&str; 7] = ["foryou", "following", "explore", "trending", "live", "friends", "feed"];

const PAGES: [&str; 9] = ["login", "signup", "legal", "about", "404", "notfound", "upload", "messages", "setting"];

const TABS: [&str; 5] = ["video", "user", "live", "photo", "top"];

/// Tabs of a profile: the profile is what they are about.
const PROFILE_TABS: [&str; 9] =
    ["posts", "liked", "likes", "reposts", "favorites", "saved", "stories", "playlists", "shop"];

const ITEM_ID: &str = "the digits of its id";

/// Reads the path.
pub(super) fn read(address: &Address<'_>) -> Result<Link, LinkError> {
    if let (Some(host), [code]) = (address.short, address.segments)
        && !code.starts_with('@')
    {
        return address.short_link(host, code);
    }
    let segments = without_prefixes(address.segments);
    match segments {
        [] if address.short.is_some() => Err(address.incomplete("short", "a code")),
        [] => Ok(Link::Home),
        [first, rest @ ..] if first.starts_with('@') => address.of_account(&first[1..], rest),
        ["embed" | "player" | "share", ..] => address.shared(segments),
        _ => address.page(segments),
    }
}

/// Languages (`/de-DE/…`) and the markers of old mobile pages say nothing about what is linked.
fn without_prefixes<'a>(mut segments: &'a [&'a str]) -> &'a [&'a str] {
    while let [first, rest @ ..] = segments
        && (*first == "i18n" || *first == "h5" || is_language(first))
    {
        segments = rest;
    }
    segments
}

/// `de`, `pt-BR`, `zh-Hant-TW`, `fil-PH`
fn is_language(segment: &str) -> bool {
    let mut parts = segment.split('-');
    let language = parts.next().unwrap_or_default();
    let regions: Vec<&str> = parts.collect();
    let letters = |part: &str| part.bytes().all(|b| b.is_ascii_alphabetic());
    let length = if regions.is_empty() { 2..=2 } else { 2..=3 };
    length.contains(&language.len())
        && letters(language)
        && regions.len() <= 2
        && regions.iter().all(|part| [2, 4].contains(&part.len()) && letters(part))
}

impl Address<'_> {
    /// `/@handle/…`
    fn of_account(&self, name: &str, rest: &[&str]) -> Result<Link, LinkError> {
        let account = Account::read(name)?;
        let named = || account.clone().ok_or_else(|| self.incomplete("profile", "a handle after the @"));
        match rest {
            [] => Ok(Link::User { account: named()?, embedded: false }),
            ["video", rest @ ..] => self.post(Media::Video, rest.first(), account),
            ["photo", rest @ ..] => self.post(Media::Photo, rest.first(), account),
            ["story", rest @ ..] => self.post(Media::Story, rest.first(), account),
            ["live", ..] => Ok(Link::LiveOf(named()?)),
            ["playlist", slug] => self.list(ListKind::Playlist, slug, account),
            ["collection", slug] => self.list(ListKind::Collection, slug, account),
            [tab, ..] if PROFILE_TABS.contains(tab) => Ok(Link::User { account: named()?, embedded: false }),
            _ => Err(self.unknown()),
        }
    }

    /// Embeds, players, and what the apps share.
    fn shared(&self, segments: &[&str]) -> Result<Link, LinkError> {
        match segments {
            ["embed", "live", name] if name.starts_with('@') => Ok(Link::LiveOf(self.account(&name[1..])?)),
            ["embed", name] if name.starts_with('@') => {
                Ok(Link::User { account: self.account(&name[1..])?, embedded: true })
            }
            ["embed" | "player", version, id] if is_version(version) => self.post(Media::Video, Some(id), None),
            ["embed", id] => self.post(Media::Video, Some(id), None),
            ["share", "video" | "item", rest @ ..] => self.post(Media::Video, rest.first(), None),
            ["share", "photo", rest @ ..] => self.post(Media::Photo, rest.first(), None),
            ["share", "live", id, ..] => Ok(Link::LiveRoom(self.id(id, "live room")?)),
            ["share", "user" | "usr", id, ..] => {
                Ok(Link::User { account: Account::Id(self.id(id, "profile")?), embedded: false })
            }
            ["share", "tag" | "challenge", id, ..] => Ok(Link::TagId(self.id(id, "hashtag")?)),
            ["share", "music", id, ..] => self.slugged(id, "sound", |id, slug| Link::Sound { id, slug }),
            ["share", "stickers", "detail", id, ..] => self.slugged(id, "effect", |id, slug| Link::Effect { id, slug }),
            _ => Err(self.unknown()),
        }
    }

    fn page(&self, segments: &[&str]) -> Result<Link, LinkError> {
        match segments {
            ["t", code] => self.short_link(ShortHost::T, code),
            ["v" | "video", rest @ ..] => self.post(Media::Video, rest.first(), None),
            ["photo", rest @ ..] => self.post(Media::Photo, rest.first(), None),
            ["music", slug] => self.slugged(slug, "sound", |id, slug| Link::Sound { id, slug }),
            ["sticker", slug] => self.slugged(slug, "effect", |id, slug| Link::Effect { id, slug }),
            ["place", slug] => self.slugged(slug, "place", |id, slug| Link::Place { id, slug }),
            ["tag", name] => self.tag(name),
            ["discover", slug] => self.topic(TopicKind::Discover, slug),
            ["channel", slug] => self.topic(TopicKind::Channel, slug),
            ["search", rest @ ..] => Ok(self.search(rest)),
            [first, ..] => self.other(first),
            [] => Ok(Link::Home),
        }
    }

    fn other(&self, first: &str) -> Result<Link, LinkError> {
        let feed = FEEDS.into_iter().find(|feed| *feed == first).map(Link::Feed);
        let page = || PAGES.into_iter().find(|page| *page == first).map(Link::Page);
        feed.or_else(page).ok_or_else(|| self.unknown())
    }

    fn post(&self, media: Media, id: Option<&&str>, author: Option<Account>) -> Result<Link, LinkError> {
        let id = self.id(id.copied().unwrap_or_default(), "video")?;
        let comment = (self.parameter)("share_comment_id").and_then(|id| id.parse().ok()).filter(|id| *id > 0);
        Ok(Link::Post { media, id, author, comment })
    }

    fn account(&self, name: &str) -> Result<Account, LinkError> {
        Account::read(name)?.ok_or_else(|| self.incomplete("profile", "a handle after the @"))
    }

    fn list(&self, kind: ListKind, slug: &str, owner: Option<Account>) -> Result<Link, LinkError> {
        self.slugged(slug, "list", |id, slug| Link::List { kind, id, owner, slug })
    }

    /// `some-title-123`, or only the id.
    fn slugged(
        &self,
        segment: &str,
        what: &'static str,
        link: impl FnOnce(i64, Option<String>) -> Link,
    ) -> Result<Link, LinkError> {
        let (slug, id) = segment.rsplit_once('-').map_or((None, segment), |(slug, id)| (Some(slug), id));
        Ok(link(self.id(id, what)?, slug.and_then(name)))
    }

    fn tag(&self, text: &str) -> Result<Link, LinkError> {
        let text = text.trim_start_matches(|c: char| c == '#' || c.is_whitespace() || c.is_control());
        name(text).map(Link::Tag).ok_or_else(|| self.incomplete("hashtag", "a name"))
    }

    fn topic(&self, kind: TopicKind, slug: &str) -> Result<Link, LinkError> {
        let slug = name(slug).ok_or_else(|| self.incomplete("topic", "a name"))?;
        Ok(Link::Topic { kind, slug })
    }

    fn search(&self, rest: &[&str]) -> Link {
        let tab = TABS.into_iter().find(|tab| rest.first() == Some(tab));
        Link::Search { tab, query: (self.parameter)("q").as_deref().and_then(name) }
    }

    fn short_link(&self, host: ShortHost, code: &str) -> Result<Link, LinkError> {
        if !code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
            return Err(self.incomplete("short", "a code of letters and digits"));
        }
        Ok(Link::Short { host, code: code.to_owned() })
    }

    /// The digits of an id, perhaps as the name of a page (`48.html`).
    fn id(&self, segment: &str, what: &'static str) -> Result<i64, LinkError> {
        let digits = segment.strip_suffix(".html").unwrap_or(segment).trim_end_matches('.').trim();
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(self.incomplete(what, ITEM_ID));
        }
        match digits.parse() {
            Ok(0) => Err(LinkError::ZeroId { seen: quoted(self.seen) }),
            Ok(id) => Ok(id),
            Err(_) => Err(LinkError::IdOutOfRange { seen: quoted(self.seen) }),
        }
    }

    fn incomplete(&self, what: &'static str, expected: &'static str) -> LinkError {
        LinkError::Incomplete { seen: quoted(self.seen), what, expected }
    }

    fn unknown(&self) -> LinkError {
        LinkError::UnknownForm { seen: quoted(self.seen) }
    }
}

/// `v1`, `v2`, …
fn is_version(segment: &str) -> bool {
    segment.strip_prefix('v').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// A name without control characters and white space around it; `None` when nothing is left. A lone `.` or `..` would
/// vanish from an address.
fn name(text: &str) -> Option<String> {
    let clean: String = text.chars().filter(|c| !c.is_control()).collect();
    let clean = clean.trim();
    (!["", ".", ".."].contains(&clean)).then(|| clean.to_owned())
}

/// Percent-decoded, as UTF-8.
pub(super) fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escaped = (byte == b'%').then(|| hex(bytes.get(at + 1..at + 3)?)).flatten();
        out.push(escaped.unwrap_or(byte));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn hex(pair: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
    Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?)
}
