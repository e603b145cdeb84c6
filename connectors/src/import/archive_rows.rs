//! Rows of the allowed sections of a personal archive.

use super::archive::normal;
use super::fields::{count, time_of};
use super::links::{self, Target};
use super::scope::Scope;
use super::sink::Sink;
use super::{challenge, item, music};
use crate::reading::clean_handle;
use serde_json::{Value, json};
use tidelake_schemas::{EntityKind, Observation, Timestamp, VideoObservation, VideoStats};

/// The sections that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Watched,
    Liked,
    FavoriteVideos,
    Shared,
    Reposted,
    Posts,
    FavoriteHashtags,
    FavoriteSounds,
    /// A text file of an unknown language in which every record is a date and a link to a video.
    Linked,
}

impl Section {
    /// By its normalised name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "videobrowsinghistory" | "browsinghistory" | "watchhistory" | "watchedvideos" | "kijkgeschiedenis" => {
                Self::Watched
            }
            "likelist" | "likedvideos" | "likelijst" | "itemfavoritelist" => Self::Liked,
            "favoritevideos" | "favoritevideo" | "favorietevideos" | "favoritevideolist" => Self::FavoriteVideos,
            "sharehistory" | "sharedvideos" | "geschiedenisdelen" | "sharehistorylist" => Self::Shared,
            "reposts" | "repostlist" | "herplaatsingen" => Self::Reposted,
            "favoritehashtags" | "favoritehashtag" | "favorietehashtags" | "favoritehashtaglist" => {
                Self::FavoriteHashtags
            }
            "favoritesounds" | "favoritesound" | "favorietegeluiden" | "favoritesoundlist" => Self::FavoriteSounds,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Watched => "watched",
            Self::Liked => "liked",
            Self::FavoriteVideos => "favorite-videos",
            Self::Shared => "shared",
            Self::Reposted => "reposted",
            Self::Posts => "posts",
            Self::FavoriteHashtags => "favorite-hashtags",
            Self::FavoriteSounds => "favorite-sounds",
            Self::Linked => "linked",
        }
    }
}

/// Names the sections that were left out.
pub(super) fn note_left_out(names: Vec<String>, sink: &mut Sink) {
    let mut names: Vec<String> = names.into_iter().map(|name| name.chars().take(60).collect()).collect();
    names.sort();
    names.dedup();
    if !names.is_empty() {
        sink.note(format!("private sections left out: {}", names.join(", ")));
    }
}

/// A row with the link it is about.
struct Row<'a> {
    section: Section,
    row: &'a Value,
    link: String,
    date: Option<Timestamp>,
}

/// Reads a row: the video, hashtag or sound that its link points at.
pub(super) fn read(section: Section, row: &Value, scope: &Scope, sink: &mut Sink) {
    let link = field(row, &["link", "videolink", "url", "hashtaglink", "soundlink", "sharelink"]);
    let Some(link) = link.and_then(Value::as_str).map(str::trim).filter(|link| !link.is_empty()) else {
        return refuse_without_link(section, row, sink);
    };
    let date = field(row, &["date", "time", "timestamp", "datum", "createtime"]).and_then(time_of);
    let row = Row { section, row, link: link.to_owned(), date };
    match links::target(link) {
        Target::Video { id, handle } => read_video(&row, id, handle, scope, sink),
        Target::Hashtag { name, id } if section == Section::FavoriteHashtags => {
            read_hashtag(&row, name, id, scope, sink)
        }
        Target::Sound { id, title } if section == Section::FavoriteSounds => read_sound(&row, id, title, scope, sink),
        Target::BadId(..) if is_hidden(row.row) => count_hidden(sink),
        Target::BadId(reason, why) => refuse(&row, reason, why, sink),
        Target::Short => {
            sink.count(format!("short links of section {} left out: where they lead is unknown", section.name()))
        }
        _ if section == Section::Posts => refuse(&row, "missing_id", "its link does not name a video id", sink),
        _ => sink.count(format!("rows of section {} left out: their links point at no video", section.name())),
    }
}

/// The first field of a row whose normalised name is one of `names`.
fn field<'a>(row: &'a Value, names: &[&str]) -> Option<&'a Value> {
    let map = row.as_object()?;
    names.iter().find_map(|name| map.iter().find(|(key, value)| normal(key) == *name && !value.is_null())).map(|f| f.1)
}

fn read_video(row: &Row, id: i64, handle: Option<String>, scope: &Scope, sink: &mut Sink) {
    if is_hidden(row.row) {
        return count_hidden(sink);
    }
    let mut video = item::blank(id, scope);
    video.event_id = event_id(row, EntityKind::Video, &id.to_string(), scope);
    video.author.handle = handle.map(|handle| clean_handle(&handle));
    let video = if row.section == Section::Posts { own(row, video) } else { seen(row, video) };
    sink.push(Observation::Video(video));
}

fn count_hidden(sink: &mut Sink) {
    sink.count("own posts that are not public left out");
}

/// Who watched a video at an instant says that it existed then.
fn seen(row: &Row, mut video: VideoObservation) -> VideoObservation {
    video.observed_at = row.date.unwrap_or(video.observed_at);
    video
}

/// A post of the archive's owner: its date is when it was published, its likes are of the day of the export.
fn own(row: &Row, mut video: VideoObservation) -> VideoObservation {
    if row.date.is_some() {
        (video.created_at, video.created_at_derived) = (row.date, false);
    }
    let likes = field(row.row, &["likes", "likecount"]).map(|likes| json!({"likes": likes}));
    video.stats = VideoStats { likes: likes.and_then(|l| count(&l, &["likes"])), ..VideoStats::default() };
    let title = field(row.row, &["title"]).and_then(Value::as_str);
    video.caption = title.filter(|t| !t.is_empty() && *t != "N/A").map(str::to_owned);
    video
}

/// Posts for friends or for the owner alone are nobody else's business.
fn is_hidden(row: &Value) -> bool {
    let who = field(row, &["whocanview", "visibility"]).and_then(Value::as_str).map(normal).unwrap_or_default();
    ["onlyme", "onlyyou", "private", "friend", "follower", "self", "nobody"].iter().any(|mark| who.contains(mark))
}

fn read_hashtag(row: &Row, name: Option<String>, id: Option<i64>, scope: &Scope, sink: &mut Sink) {
    let named = field(row.row, &["hashtagname", "name", "hashtag"]).and_then(Value::as_str);
    let name = named.map(|n| n.trim_start_matches('#').to_owned()).or(name).unwrap_or_default();
    if name.is_empty() && id.is_none() {
        return refuse(row, "missing_id", "its link names no hashtag", sink);
    }
    let entity = id.map_or_else(|| name.to_lowercase(), |id| id.to_string());
    let mut hashtag = challenge::blank(&name, id, scope);
    hashtag.event_id = event_id(row, EntityKind::Hashtag, &entity, scope);
    hashtag.observed_at = row.date.unwrap_or(hashtag.observed_at);
    sink.push(Observation::Hashtag(hashtag));
}

fn read_sound(row: &Row, id: i64, title: Option<String>, scope: &Scope, sink: &mut Sink) {
    let mut sound = music::blank(id, scope);
    sound.event_id = event_id(row, EntityKind::Sound, &id.to_string(), scope);
    sound.observed_at = row.date.unwrap_or(sound.observed_at);
    sound.title = title;
    sink.push(Observation::Sound(sound));
}

/// Section, id and date: repeats are kept apart, identical rows are one.
fn event_id(row: &Row, kind: EntityKind, entity: &str, scope: &Scope) -> String {
    let date = row.date.map(|date| date.to_string()).unwrap_or_default();
    scope.plain_event_id(kind, &format!("{}:{entity}:{date}", row.section.name()))
}

/// Refuses a row; of the row only link and date go on.
fn refuse(row: &Row, reason: &str, why: &str, sink: &mut Sink) {
    let message = format!(
        "a row of section {} cannot be read: {why}; look at the payload of this dead letter",
        row.section.name()
    );
    let payload = json!({"section": row.section.name(), "link": row.link, "date": row.date.map(|d| d.to_string())});
    sink.reject(reason, message, None, &payload);
}

fn refuse_without_link(section: Section, row: &Value, sink: &mut Sink) {
    let (reason, why) =
        if row.is_object() { ("missing_id", "it has no link") } else { ("not_an_object", "it is no object") };
    let row = Row { section, row, link: String::new(), date: None };
    refuse(&row, reason, why, sink);
}
