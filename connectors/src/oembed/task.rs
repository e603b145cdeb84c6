//! What a task asks the oEmbed route for, as it stands in a configuration.

use crate::links::{Link, LinkError, parse};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// What to ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum OembedTask {
    /// What links point at.
    Links(LinksTask),
}

/// What links point at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinksTask {
    /// Links of any form, also short ones, or bare video ids. One that is wrong does not stop the others: the ledger
    /// tells of it.
    pub links: Vec<String>,
}

/// A task that cannot be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TaskError {
    /// Nothing to ask for.
    #[error("links: the list is empty; name at least one link")]
    NoLinks,
}

/// One link of a task.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// As the task writes it.
    pub(super) text: String,
    pub(super) link: Result<Link, LinkError>,
    /// An earlier link of the task says the same.
    pub(super) repeated: bool,
}

/// The links of a task, read.
#[derive(Clone, Debug)]
pub(super) struct Entries {
    pub(super) list: Vec<Entry>,
    /// What they name without being asked for.
    named: HashSet<String>,
}

impl Entries {
    pub(super) fn read(task: &OembedTask) -> Result<Self, TaskError> {
        let OembedTask::Links(task) = task;
        if task.links.is_empty() {
            return Err(TaskError::NoLinks);
        }
        let mut named = HashSet::new();
        let entry = |text: &String| {
            let link = parse(text);
            let repeated = link.as_ref().is_ok_and(|link| !named.insert(link.identity()));
            Entry { text: text.clone(), link, repeated }
        };
        let list = task.links.iter().map(entry).collect();
        Ok(Self { list, named })
    }

    /// Whether some link of the task names this without being asked for.
    pub(super) fn name(&self, link: &Link) -> bool {
        self.named.contains(&link.identity())
    }
}
