//! What a task asks public pages for, as it stands in a configuration. The browser route takes the same tasks.

use super::target::{Kind, Target};
use crate::links::{Link, parse, parse_url};
use crate::reading::clean_handle;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// What to ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PageTask {
    /// Pages of videos.
    Videos(VideosTask),
    /// Pages of profiles.
    User(UserTask),
    /// Pages of hashtags.
    Tag(TagTask),
    /// Pages of sounds.
    Sound(SoundTask),
}

/// Pages of videos.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VideosTask {
    /// Links to videos and photo posts, or bare ids. Short links are not followed here.
    pub links: Vec<String>,
}

/// Pages of profiles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserTask {
    /// Handles, with or without `@`, or links to profiles.
    pub handles: Vec<String>,
}

/// Pages of hashtags.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TagTask {
    /// Names, with or without `#`, or links to hashtags.
    pub tags: Vec<String>,
}

/// Pages of sounds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SoundTask {
    /// Music ids as texts (19 digits do not survive every JSON), or links to sounds.
    pub ids: Vec<String>,
}

/// A task that cannot be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TaskError {
    /// Nothing to ask for.
    #[error("{0}: the list is empty; name at least one")]
    Empty(&'static str),
}

/// One entry of a task.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// As the task writes it.
    pub(crate) text: String,
    /// What to ask for, or why nothing is.
    pub(crate) target: Result<Target, String>,
    /// An earlier entry says the same.
    pub(crate) repeated: bool,
}

/// The entries of a task, read.
#[derive(Clone, Debug)]
pub(crate) struct Entries(pub(crate) Vec<Entry>);

impl Entries {
    /// Reads a task. An entry that is wrong does not stop the others: the ledger tells of it.
    pub(crate) fn read(task: &PageTask) -> Result<Self, TaskError> {
        let (texts, kind, name) = match task {
            PageTask::Videos(task) => (&task.links, Kind::Video, "links"),
            PageTask::User(task) => (&task.handles, Kind::User, "handles"),
            PageTask::Tag(task) => (&task.tags, Kind::Tag, "tags"),
            PageTask::Sound(task) => (&task.ids, Kind::Sound, "ids"),
        };
        if texts.is_empty() {
            return Err(TaskError::Empty(name));
        }
        let mut named = HashSet::new();
        let entry = |text: &String| {
            let target = target(text, kind);
            let repeated = target.as_ref().is_ok_and(|target| !named.insert(target.identity()));
            Entry { text: text.clone(), target, repeated }
        };
        Ok(Self(texts.iter().map(entry).collect()))
    }
}

impl Entry {
    /// What the entry is called in the ledger: its identity, or the text that is none.
    pub(crate) fn name(&self) -> String {
        match &self.target {
            Ok(target) => target.identity(),
            Err(_) => format!("{:?}", self.text.chars().take(60).collect::<String>()),
        }
    }
}

/// A link of this kind, or what such a link would be about.
fn target(text: &str, kind: Kind) -> Result<Target, String> {
    let text = text.trim();
    let plain = !text.contains(['/', ':', '?']);
    let bare = match kind {
        Kind::User if plain => user(text),
        Kind::Tag if plain => tag(text),
        Kind::Sound if plain => text.parse().ok().filter(|id| *id > 0).map(|id| Link::Sound { id, slug: None }),
        _ => None,
    };
    let link = match bare {
        Some(link) => link,
        None => parse(text).map_err(|error| error.brief().to_string())?,
    };
    Target::new(kind, &link)
}

fn user(text: &str) -> Option<Link> {
    let handle = clean_handle(text);
    parse_url(&format!("https://www.tiktok.com/@{handle}")).ok().filter(|_| !handle.is_empty())
}

fn tag(text: &str) -> Option<Link> {
    let name = text.trim_start_matches('#');
    let fits = !name.is_empty() && !name.contains(char::is_whitespace);
    fits.then(|| Link::Tag(name.to_owned()))
}
