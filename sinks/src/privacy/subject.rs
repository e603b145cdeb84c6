//! Everything the lake knows somebody or something by.

use crate::query::{Engine, QueryError};
use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use std::collections::{BTreeMap, BTreeSet};

/// An account or videos, by every name the lake has for them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Subject {
    /// The platform.
    pub platform: String,
    /// Handles, lower case, without `@`.
    pub handles: BTreeSet<String>,
    /// Numeric ids of accounts.
    pub ids: BTreeSet<i64>,
    /// The platform's own ids of accounts.
    pub native_ids: BTreeSet<String>,
    /// Videos.
    pub videos: BTreeSet<i64>,
    /// The platform's own ids of videos.
    pub native_videos: BTreeSet<String>,
    /// How many handles of the account another one has had too: they are left out.
    pub shared_handles: usize,
}

/// Names are personal: only how many there are is shown.
impl std::fmt::Debug for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subject")
            .field("platform", &self.platform)
            .field("accounts", &(self.handles.len() + self.ids.len() + self.native_ids.len()))
            .field("videos", &self.videos.len())
            .finish_non_exhaustive()
    }
}

/// It cannot be said who is meant.
#[derive(Debug, thiserror::Error)]
pub enum SubjectError {
    /// The lake cannot be asked.
    #[error("{0}")]
    Query(#[from] QueryError),
    /// A handle that several accounts have had.
    #[error(
        "@{handle} is the handle of {} accounts in this lake: {}. Say which by its id: --creator ID",
        ids.len(),
        ids.join(", ")
    )]
    Ambiguous {
        /// The handle.
        handle: String,
        /// Their ids.
        ids: Vec<String>,
    },
}

/// The accounts that rows are of, and their names.
const ACCOUNTS: &str = "
  SELECT platform, ltrim(lower(author['handle']), '@') AS handle, author['id'] AS id, author['native_id'] AS native_id
  FROM video_observations
  UNION ALL
  SELECT platform, ltrim(lower(author['handle']), '@') AS handle, author['id'] AS id, author['native_id'] AS native_id
  FROM comments
  UNION ALL
  SELECT platform, ltrim(lower(handle), '@') AS handle, creator_id AS id, native_id FROM creator_observations";

impl Subject {
    /// Some videos, and nobody.
    pub fn videos(platform: &str, videos: impl IntoIterator<Item = i64>) -> Self {
        Self { platform: platform.to_owned(), videos: videos.into_iter().collect(), ..Self::default() }
    }

    /// An account by a handle (`@name`) or an id, with every name and video the lake knows of it.
    ///
    /// An account known by its id brings the handles that no other account has had.
    ///
    /// # Errors
    /// [`SubjectError`].
    pub async fn of_creator(engine: &Engine, platform: &str, given: &str) -> Result<Self, SubjectError> {
        let mut subject = Self { platform: platform.to_owned(), ..Self::default() };
        let handle = given.trim_start_matches('@').to_lowercase();
        match given.parse::<i64>() {
            Ok(id) if !given.starts_with('@') => drop(subject.ids.insert(id)),
            _ => subject.by_handle(engine, handle).await?,
        }
        subject.other_names(engine).await?;
        subject.their_videos(engine).await?;
        Ok(subject)
    }

    /// Adds another's names.
    pub fn extend(&mut self, other: Self) {
        self.handles.extend(other.handles);
        self.ids.extend(other.ids);
        self.native_ids.extend(other.native_ids);
        self.videos.extend(other.videos);
        self.native_videos.extend(other.native_videos);
        self.shared_handles += other.shared_handles;
    }

    /// Every name, as text.
    pub fn names(&self) -> Vec<String> {
        let numbers = self.ids.iter().chain(&self.videos).map(ToString::to_string);
        let texts = self.handles.iter().chain(&self.native_ids).chain(&self.native_videos).cloned();
        numbers.chain(texts).collect()
    }

    async fn by_handle(&mut self, engine: &Engine, handle: String) -> Result<(), SubjectError> {
        let name = quoted(&handle);
        let found = accounts(engine, &self.platform, &format!("handle = {name} OR lower(native_id) = {name}")).await?;
        let ids: BTreeSet<i64> = found.iter().filter_map(|(_, id, _)| *id).collect();
        if ids.len() > 1 {
            return Err(SubjectError::Ambiguous { handle, ids: ids.iter().map(ToString::to_string).collect() });
        }
        self.ids = ids;
        self.native_ids.extend(found.into_iter().filter_map(|(_, _, native)| native));
        self.handles.insert(handle);
        Ok(())
    }

    /// The names that go with the ids.
    async fn other_names(&mut self, engine: &Engine) -> Result<(), SubjectError> {
        let ids = is_in("id", self.ids.iter());
        let natives = is_in("native_id", self.native_ids.iter().map(|id| quoted(id)));
        let found = accounts(engine, &self.platform, &format!("{ids} OR {natives}")).await?;
        self.ids.extend(found.iter().filter_map(|(_, id, _)| *id));
        self.native_ids.extend(found.iter().filter_map(|(_, _, native)| native.clone()));
        let handles: BTreeSet<String> = found.into_iter().filter_map(|(handle, _, _)| handle).collect();
        let new: Vec<&String> = handles.difference(&self.handles).collect();
        let named = is_in("handle", new.iter().map(|handle| quoted(handle)));
        let mut owners: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
        for (handle, id, _) in accounts(engine, &self.platform, &named).await? {
            if let (Some(handle), Some(id)) = (handle, id) {
                owners.entry(handle).or_default().insert(id);
            }
        }
        for handle in new.into_iter().cloned().collect::<Vec<_>>() {
            if owners.get(&handle).is_some_and(|owners| !owners.is_subset(&self.ids)) {
                self.shared_handles += 1;
            } else {
                self.handles.insert(handle);
            }
        }
        Ok(())
    }

    async fn their_videos(&mut self, engine: &Engine) -> Result<(), SubjectError> {
        let query = format!(
            "SELECT DISTINCT video_id, native_id FROM video_observations WHERE platform = {} AND ({} OR {} OR {})",
            quoted(&self.platform),
            is_in("ltrim(lower(author['handle']), '@')", self.handles.iter().map(|handle| quoted(handle))),
            is_in("author['id']", self.ids.iter()),
            is_in("author['native_id']", self.native_ids.iter().map(|id| quoted(id))),
        );
        for batch in engine.collect(&query).await? {
            self.videos.extend(integers(&batch, "video_id").into_iter().flatten());
            self.native_videos.extend(texts(&batch, "native_id").into_iter().flatten());
        }
        Ok(())
    }
}

type Account = (Option<String>, Option<i64>, Option<String>);

async fn accounts(engine: &Engine, platform: &str, which: &str) -> Result<Vec<Account>, QueryError> {
    let platform = quoted(platform);
    let query =
        format!("SELECT DISTINCT handle, id, native_id FROM ({ACCOUNTS}) WHERE platform = {platform} AND ({which})");
    let mut found = Vec::new();
    for batch in engine.collect(&query).await? {
        let (handles, natives) = (texts(&batch, "handle"), texts(&batch, "native_id"));
        let named = handles.into_iter().zip(integers(&batch, "id")).zip(natives);
        found.extend(named.map(|((handle, id), native)| (handle, id, native)));
    }
    Ok(found)
}

/// A text as SQL writes it.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Whether something is one of these; of nothing when there are none.
fn is_in(what: &str, values: impl Iterator<Item = impl ToString>) -> String {
    let values: Vec<String> = values.map(|value| value.to_string()).collect();
    if values.is_empty() { "false".to_owned() } else { format!("{what} IN ({})", values.join(", ")) }
}

fn texts(batch: &RecordBatch, column: &str) -> Vec<Option<String>> {
    let column = batch.column_by_name(column).and_then(|column| cast(column, &DataType::Utf8).ok());
    column.map_or_else(Vec::new, |column| column.as_string::<i32>().iter().map(|t| t.map(str::to_owned)).collect())
}

fn integers(batch: &RecordBatch, column: &str) -> Vec<Option<i64>> {
    let column = batch.column_by_name(column).and_then(|column| cast(column, &DataType::Int64).ok());
    column.map_or_else(Vec::new, |column| column.as_primitive::<Int64Type>().iter().collect())
}
