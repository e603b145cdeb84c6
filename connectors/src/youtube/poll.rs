//! One page of a task.

use super::client::{Method, YoutubeClient};
use super::names::Channel;
use super::records::{self, Owner};
use super::task::{Job, SearchTask};
use super::{CONNECTOR, ZONE, fault};
use crate::source::{CycleContext, Fault, Page, StopReason, read_state};
use crate::turn::{End, Turn, kept};
use chrono::Days;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashSet;
use tidelake_schemas::Observation;

/// The most that a page of videos has, and that may be asked for at once.
const PAGE: usize = 50;

/// What is asked of videos. More parts cost nothing more, and are not needed.
const PARTS: &str = "snippet,contentDetails,statistics";

/// A poll under way.
pub(super) struct Poll<'a> {
    pub(super) client: &'a YoutubeClient,
    pub(super) turn: Turn<'a>,
}

/// Where a walk through channels stands.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Walk {
    /// Which channel.
    at: usize,
    /// Whose uploads are walked through; none before the channel was asked for.
    #[serde(default)]
    found: Option<Found>,
    /// Where its next page is; none at the first.
    #[serde(default)]
    token: Option<String>,
    /// Videos of this channel so far.
    #[serde(default)]
    got: u64,
    /// The ids of the page before: an upload meanwhile moves them to this one.
    #[serde(default)]
    before: Vec<String>,
    /// The ids of the channels before: a task may name one twice, by id and by handle.
    #[serde(default)]
    walked: Vec<String>,
}

/// A channel that was found.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Found {
    id: String,
    handle: Option<String>,
    /// The list of its uploads; `None` when it has none.
    uploads: Option<String>,
}

/// Where a list of ids stands.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Place {
    from: usize,
}

/// Where a search stands.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Search {
    #[serde(default)]
    token: Option<String>,
    /// What it has found: results move between pages.
    #[serde(default)]
    found: Vec<String>,
}

impl<'a> Poll<'a> {
    pub(super) fn new(client: &'a YoutubeClient, context: &'a CycleContext) -> Self {
        Self { client, turn: Turn::new(CONNECTOR, ZONE, context) }
    }

    pub(super) async fn run(self, job: &Job, state: Option<&Value>) -> Result<Page, Fault> {
        const POLL: &str = "youtube poll";
        match job {
            Job::Channels { channels, limit } => {
                self.channels(channels, *limit, read_state(POLL, state)?.unwrap_or_default()).await
            }
            Job::Videos { ids } => self.videos(ids, read_state(POLL, state)?.unwrap_or_default()).await,
            Job::Search(task) => self.search(task, read_state(POLL, state)?.unwrap_or_default()).await,
            Job::Comments { ids, limit } => {
                self.comments(ids, *limit, read_state(POLL, state)?.unwrap_or_default()).await
            }
        }
    }

    async fn channels(mut self, channels: &[Channel], limit: Option<u64>, mut walk: Walk) -> Result<Page, Fault> {
        let Some(channel) = channels.get(walk.at) else { return Ok(self.done(Method::Channels, "no channel is left")) };
        let named = match channel {
            Channel::Id(id) => id.clone(),
            Channel::Handle(handle) => format!("@{handle}"),
        };
        let asked = format!("channel {named}, {} videos before", walk.got);
        if walk.found.is_none() {
            walk.found = self.channel(channel, &walk.walked).await?;
        }
        let following = || {
            let walked = walk.walked.iter().cloned().chain(walk.found.as_ref().map(|found| found.id.clone()));
            let next = Walk { at: walk.at + 1, walked: walked.collect(), ..Walk::default() };
            (next.at < channels.len()).then(|| kept(&next))
        };
        let Some((found, uploads)) = walk.found.as_ref().and_then(|found| Some((found, found.uploads.as_deref()?)))
        else {
            return Ok(self.close(Method::Channels, asked, 1, following(), StopReason::Exhausted));
        };
        let left = limit.map_or(u64::MAX, |limit| limit.saturating_sub(walk.got));
        let count = usize::try_from(left).unwrap_or(PAGE).clamp(1, PAGE);
        let (listed, token) = self.uploads(uploads, walk.token.as_deref(), count).await?;
        if token.is_some() && token == walk.token {
            return Err(self.turn.fault(fault::stuck(Method::PlaylistItems)));
        }
        let owner = Owner { id: &found.id, handle: found.handle.as_deref() };
        let new: Vec<String> = listed.iter().filter(|id| !walk.before.contains(id)).cloned().collect();
        self.keep_videos(&new, Some(owner)).await?;
        let got = walk.got.saturating_add(u64::try_from(new.len()).unwrap_or(u64::MAX));
        let full = limit.is_some_and(|limit| got >= limit);
        let (stop, next) = match (&token, full) {
            (None, _) => (StopReason::Exhausted, following()),
            (Some(_), true) => (StopReason::Limit, following()),
            (Some(_), false) => {
                (StopReason::Continue, Some(kept(&Walk { token: token.clone(), got, before: listed, ..walk })))
            }
        };
        Ok(self.close(Method::PlaylistItems, asked, count, next, stop))
    }

    /// Asks for a channel; `None` when there is no such one, or it was walked through before.
    async fn channel(&mut self, channel: &Channel, walked: &[String]) -> Result<Option<Found>, Fault> {
        let filter = match channel {
            Channel::Id(id) => ("id", id.clone()),
            Channel::Handle(handle) => ("forHandle", handle.clone()),
        };
        let parameters = [("part", PARTS.to_owned()), filter];
        let answer = self.client.ask(Method::Channels, &parameters, &mut self.turn).await?;
        let context = self.turn.reading(Method::Channels.route(), answer.at);
        let Some(item) = answer.items.first() else {
            self.turn.keep(Ok(Observation::Creator(records::no_channel(channel, &context))));
            self.turn.note(format!("there is no channel {channel:?}"));
            return Ok(None);
        };
        if item.get("id").and_then(Value::as_str).is_some_and(|id| walked.iter().any(|known| known == id)) {
            self.turn.note("the task names this channel twice");
            return Ok(None);
        }
        self.turn.keep(records::channel(item, &context).map(Observation::Creator));
        let uploads = item.pointer("/contentDetails/relatedPlaylists/uploads").and_then(Value::as_str);
        let id = item.get("id").and_then(Value::as_str).map(str::to_owned);
        let uploads = uploads.filter(|list| !list.is_empty()).map(str::to_owned);
        Ok(id.map(|id| Found { id, handle: records::handle_of(item), uploads }))
    }

    /// A page of a list of uploads: ids, and where the next page is.
    async fn uploads(
        &mut self,
        list: &str,
        token: Option<&str>,
        count: usize,
    ) -> Result<(Vec<String>, Option<String>), Fault> {
        let mut parameters = vec![
            ("part", "contentDetails".to_owned()),
            ("playlistId", list.to_owned()),
            ("maxResults", count.to_string()),
        ];
        parameters.extend(token.map(|token| ("pageToken", token.to_owned())));
        match self.client.ask(Method::PlaylistItems, &parameters, &mut self.turn).await {
            Ok(answer) => {
                let id = |item: &Value| Some(item.pointer("/contentDetails/videoId")?.as_str()?.to_owned());
                let mut ids: Vec<String> = answer.items.iter().filter_map(id).collect();
                once(&mut ids);
                Ok((ids, answer.next))
            }
            // A channel without uploads has a list that is not there.
            Err(refused) if refused.reason.as_deref() == Some("playlistNotFound") => {
                self.turn.spent(refused.requests);
                self.turn.note("the channel has no public uploads");
                Ok((Vec::new(), None))
            }
            Err(refused) => Err(refused.into()),
        }
    }

    async fn videos(mut self, ids: &[String], place: Place) -> Result<Page, Fault> {
        // A task may have been shortened since the position was stored.
        let from = place.from.min(ids.len());
        let to = (from + PAGE).min(ids.len());
        let some = ids.get(from..to).unwrap_or_default();
        let asked = format!("videos {}-{to} of {}: {}", from + 1, ids.len(), some.join(" "));
        self.keep_videos(some, None).await?;
        let next = (to < ids.len()).then(|| kept(&Place { from: to }));
        let stop = if next.is_some() { StopReason::Continue } else { StopReason::Exhausted };
        Ok(self.close(Method::Videos, asked, some.len(), next, stop))
    }

    async fn search(mut self, task: &SearchTask, search: Search) -> Result<Page, Fault> {
        let got = u64::try_from(search.found.len()).unwrap_or(u64::MAX);
        let left = task.limit.map_or(u64::MAX, |limit| limit.saturating_sub(got));
        let count = usize::try_from(left).unwrap_or(PAGE).clamp(1, PAGE);
        let parameters = searched(task, count, search.token.clone());
        let answer = self.client.ask(Method::Search, &parameters, &mut self.turn).await?;
        if answer.next.is_some() && answer.next == search.token {
            return Err(self.turn.fault(fault::stuck(Method::Search)));
        }
        let id = |item: &Value| Some(item.pointer("/id/videoId")?.as_str()?.to_owned());
        let mut new: Vec<String> = answer.items.iter().filter_map(id).collect();
        new.retain(|id| !search.found.contains(id));
        once(&mut new);
        self.keep_videos(&new, None).await?;
        let asked = format!("search {:?}, {got} found before", task.query);
        let found: Vec<String> = search.found.into_iter().chain(new).collect();
        let full = task.limit.is_some_and(|limit| u64::try_from(found.len()).is_ok_and(|got| got >= limit));
        let (stop, next) = match (&answer.next, full) {
            (None, _) => (StopReason::Exhausted, None),
            (Some(_), true) => (StopReason::Limit, None),
            (Some(_), false) => (StopReason::Continue, Some(kept(&Search { token: answer.next, found }))),
        };
        Ok(self.close(Method::Search, asked, count, next, stop))
    }

    /// Asks for at most fifty videos and keeps them; those that are not given are gone.
    async fn keep_videos(&mut self, ids: &[String], owner: Option<Owner<'_>>) -> Result<(), Fault> {
        if ids.is_empty() {
            return Ok(());
        }
        let parameters = [("part", PARTS.to_owned()), ("id", ids.join(",")), ("maxResults", PAGE.to_string())];
        let answer = self.client.ask(Method::Videos, &parameters, &mut self.turn).await?;
        let context = self.turn.reading(Method::Videos.route(), answer.at);
        let mut missing: HashSet<&str> = ids.iter().map(String::as_str).collect();
        for item in &answer.items {
            missing.remove(item.get("id").and_then(Value::as_str).unwrap_or_default());
            self.turn.keep(records::video(item, owner, &context).map(Observation::Video));
        }
        let gone: Vec<&str> = ids.iter().map(String::as_str).filter(|id| missing.contains(id)).collect();
        for id in &gone {
            let video = records::gone(id, owner, &context);
            video.into_iter().for_each(|video| self.turn.keep(Ok(Observation::Video(video))));
        }
        if !gone.is_empty() {
            let (n, of) = (gone.len(), ids.len());
            self.turn.note(format!("{n} of {of} not given (deleted or private): {}", gone.join(" ")));
        }
        Ok(())
    }

    pub(super) fn close(
        self,
        method: Method,
        asked: String,
        requested: usize,
        next: Option<Value>,
        stop: StopReason,
    ) -> Page {
        self.turn.close(End { route: method.route(), asked, requested: Some(requested), next, stop })
    }

    /// Nothing is left: a task was shortened since the position was stored.
    pub(super) fn done(self, method: Method, why: &str) -> Page {
        let (asked, stop) = (why.to_owned(), StopReason::Exhausted);
        self.turn.close(End { route: method.route(), asked, requested: None, next: None, stop })
    }
}

/// The parameters of a search.
fn searched(task: &SearchTask, count: usize, token: Option<String>) -> Vec<(&'static str, String)> {
    let after = task.from.map(|day| format!("{day}T00:00:00Z"));
    let before = task.to.and_then(|day| day.checked_add_days(Days::new(1))).map(|day| format!("{day}T00:00:00Z"));
    let mut parameters = vec![
        ("part", "id".to_owned()),
        ("type", "video".to_owned()),
        ("q", task.query.clone()),
        ("order", task.order.name().to_owned()),
        ("maxResults", count.to_string()),
    ];
    let optional = [
        ("regionCode", task.region.as_ref().map(|code| code.to_uppercase())),
        ("relevanceLanguage", task.language.as_ref().map(|code| code.to_lowercase())),
        ("publishedAfter", after),
        ("publishedBefore", before),
        ("pageToken", token),
    ];
    parameters.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value?))));
    parameters
}

/// Each once, in order.
fn once(ids: &mut Vec<String>) {
    let mut known = HashSet::new();
    ids.retain(|id| known.insert(id.clone()));
}
