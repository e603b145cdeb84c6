//! Tables of the newest observation per video and per creator, so that asking for the latest does not scan history.
//!
//! `videos_current` and `creators_current` have every column of the observations, of the newest one per key, and
//! `first_observed_at` and `observations` over all of them. `videos_at_ages` has the columns about counts, of the newest one
//! per video and [age](AGES). A Delta `txn` says up to which version of the observations a
//! table has seen them. Queries add what has landed since ([`gain`]), so a table may lag and the answer is exact all the
//! same; it only takes longer. [`refresh`] catches up, in one commit that replaces files and moves the `txn`: of two who
//! do it at once one gives way, and a killed one has done nothing.
//!
//! Rows are laid down by the date of their newest observation. Videos that are still polled are thus together in the
//! youngest files, and a refresh leaves the files of those that rest alone.

pub(crate) mod gain;
mod merge;

use super::evolve::{evolve_to, schema};
use super::replace::{Move, Replaced, Replacement, active, name_of, replace_and_move};
use super::{Lake, LakeError, WriterOptions, commit};
use deltalake::kernel::transaction::CommitBuilder;
use deltalake::kernel::{Action, DataType, MetadataExt, PrimitiveType, Remove, StructField, StructType, Transaction};
use deltalake::protocol::DeltaOperation;
use deltalake::{DeltaTable, DeltaTableBuilder, DeltaTableError};
use gain::{Gained, Seen, Since};
use std::path::PathBuf;

/// A table of newest observations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Current {
    /// `videos_current`: by platform and video.
    Videos,
    /// `creators_current`: by platform and handle, without regard to case.
    Creators,
    /// `videos_at_ages`: by platform, video and age, of the observations made at one of the [`AGES`].
    Ages,
}

/// Ages at which a video's counts are kept, in hours. An observation is of an age when it was made in the second half of the
/// hours up to it, so that it is of one at most.
pub const AGES: [i32; 3] = [24, 72, 168];
/// The column that says which of them an observation is of.
pub const AGE_COLUMN: &str = "hours";
/// What is kept of an observation at an age: its counts, where they are from, and whose they are.
const COLUMNS_AT_AGES: [&str; 15] = [
    "event_id",
    "platform",
    "video_id",
    "observed_at",
    "created_at",
    "created_at_derived",
    "author",
    "stats",
    "counts_rounded",
    "provenance",
    "unavailable",
    "observed_date",
    "kafka_partition",
    "kafka_offset",
    "landed_at",
];

impl Current {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Videos, Self::Creators, Self::Ages];

    /// The table's name.
    pub fn table(self) -> &'static str {
        match self {
            Self::Videos => "videos_current",
            Self::Creators => "creators_current",
            Self::Ages => "videos_at_ages",
        }
    }

    /// The observations it is made of.
    pub fn source(self) -> &'static str {
        match self {
            Self::Videos | Self::Ages => "video_observations",
            Self::Creators => "creator_observations",
        }
    }

    /// What names a row, in SQL, over either table under an alias.
    pub(crate) fn key(self, alias: &str) -> Vec<String> {
        match self {
            Self::Videos => vec![format!("{alias}.platform"), format!("{alias}.video_id")],
            Self::Creators => vec![format!("{alias}.platform"), format!("lower({alias}.handle)")],
            Self::Ages => ["platform", "video_id", AGE_COLUMN].map(|column| format!("{alias}.{column}")).into(),
        }
    }

    /// The same row, under two aliases of either table.
    pub(crate) fn same(self, a: &str, b: &str) -> String {
        let pairs = self.key(a).into_iter().zip(self.key(b));
        pairs.map(|(a, b)| format!("{a} = {b}")).collect::<Vec<_>>().join(" AND ")
    }

    /// The observations that count, as a query over them under their name.
    pub(crate) fn counted(self, name: &str) -> String {
        match self {
            Self::Videos | Self::Creators => format!("SELECT * FROM {name}"),
            Self::Ages => at_ages(name),
        }
    }

    /// Whether a column of the observations is kept.
    pub(crate) fn keeps(self, column: &str) -> bool {
        self != Self::Ages || COLUMNS_AT_AGES.contains(&column)
    }

    /// The order in which rows are laid down within a date.
    fn order(self, alias: &str) -> String {
        let columns = match self {
            // Queries are for one age each: they skip the pages of the others.
            Self::Ages => vec![format!("{alias}.{AGE_COLUMN}"), format!("{alias}.video_id")],
            Self::Videos | Self::Creators => self.key(alias).into_iter().rev().collect(),
        };
        columns.join(", ")
    }

    /// Statistics that queries prune files by.
    fn stats_columns(self) -> &'static str {
        match self {
            Self::Videos => "observed_at,first_observed_at,observed_date,video_id,created_at,region",
            Self::Creators => "observed_at,first_observed_at,observed_date,creator_id,handle",
            Self::Ages => "observed_at,observed_date,video_id,created_at,hours",
        }
    }
}

/// Observations of videos that were made at one of the [`AGES`], with that age.
pub(crate) fn at_ages(observations: &str) -> String {
    let cases = AGES.map(|hours| format!("WHEN age > 0.5 * {hours} AND age <= {hours} THEN CAST({hours} AS INT)"));
    format!(
        "SELECT * FROM (
           SELECT *, CASE {} END AS {AGE_COLUMN} FROM (
             SELECT *, (date_part('epoch', observed_at) - date_part('epoch', created_at)) / 3600.0 AS age
             FROM {observations}))
         WHERE {AGE_COLUMN} IS NOT NULL",
        cases.join(" ")
    )
}

/// How a table is kept up.
#[derive(Clone, Debug)]
pub struct RefreshOptions {
    /// What has landed is merged when it has this many rows per row of the table (0 = always). Until then queries add it.
    pub share: f64,
    /// … or when this many commits have not been seen.
    pub commits: u64,
    /// Memory for sorting, grouping and joining, in bytes; beyond it, files are used.
    pub memory_bytes: usize,
    /// Where those files are; `None` = the system's temporary directory.
    pub spill_dir: Option<PathBuf>,
    /// How the table's files are written.
    pub writer: WriterOptions,
}

impl Default for RefreshOptions {
    fn default() -> Self {
        // Small files: a refresh writes those anew that hold one of its videos.
        let writer = WriterOptions { target_file_bytes: 32 << 20, ..WriterOptions::default() };
        Self { share: 0.02, commits: 200, memory_bytes: 512 << 20, spill_dir: None, writer }
    }
}

/// What a refresh did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Nothing has landed since.
    UpToDate,
    /// Too little has landed to be worth it.
    Deferred,
    /// What has landed was merged.
    Merged,
    /// The table was made anew from the whole history.
    Rebuilt,
    /// Somebody else refreshed or rearranged the table meanwhile; nothing was changed.
    GaveWay,
}

/// A table after a refresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refreshed {
    /// The table.
    pub table: &'static str,
    /// What was done.
    pub act: Act,
    /// Observations that had landed since it was last brought up to date, as the files' statistics say.
    pub gained: u64,
    /// Rows that were written.
    pub written: u64,
    /// The version of the observations that the table has seen.
    pub version: i64,
}

/// The commit that a table has seen which is to be filled anew: no commit is this.
const NOTHING: i64 = -1;
/// Rows of a merge at most: it holds their keys in memory. Beyond, a rebuild, which does not, is as fast.
const MERGE_ROWS: u64 = 2_000_000;

/// Brings every table up to date, as [`refresh`].
///
/// # Errors
/// [`LakeError`], at the first table that cannot be.
pub async fn refresh_all(lake: &Lake, options: &RefreshOptions) -> Result<Vec<Refreshed>, LakeError> {
    let mut refreshed = Vec::new();
    for which in Current::ALL {
        refreshed.extend(refresh(lake, which, options).await?);
    }
    Ok(refreshed)
}

/// Brings a table up to date, making it if there is none; `None` when there are no observations yet.
///
/// # Errors
/// [`LakeError`]; the table is as it was then, or brought up to date, which the next look shows.
pub async fn refresh(lake: &Lake, which: Current, options: &RefreshOptions) -> Result<Option<Refreshed>, LakeError> {
    // In this order: the observations are never older than what the table has seen of them.
    let known = lake.open(which.table()).await?;
    let Some(source) = lake.open(which.source()).await? else { return Ok(None) };
    let current = open(lake, which, known, &source).await?;
    let seen = Seen::by(&current, which).await?;
    let now = Seen::of(&source, which.source()).await?;
    let told = |act, gained, written, version| Some(Refreshed { table: which.table(), act, gained, written, version });
    let gained = match gain::since(&source, which.source(), seen).await? {
        Since::Gained(gained) => {
            let behind = now.version.saturating_sub(seen.map_or(0, |seen| seen.version));
            let many = u64::try_from(behind).unwrap_or(0) >= options.commits.max(1);
            let version = seen.map_or(0, |seen| seen.version);
            if gained.files.is_empty() && !many {
                return Ok(told(Act::UpToDate, 0, 0, version));
            }
            if (gained.rows as f64) < options.share * rows(&current, which)? as f64 && !many {
                return Ok(told(Act::Deferred, gained.rows, 0, version));
            }
            (gained.rows <= MERGE_ROWS).then_some(gained)
        }
        Since::Changed { why } => {
            tracing::info!(table = which.table(), why, "made anew from the whole history");
            None
        }
    };
    let (act, landed) = match &gained {
        Some(gained) => (Act::Merged, gained.rows),
        None => (Act::Rebuilt, rows(&source, which)?),
    };
    let work = Work { which, source, current, seen, now };
    Ok(match work.run(gained, options).await? {
        Some(written) => told(act, landed, written, now.version),
        None => told(Act::GaveWay, landed, 0, seen.map_or(0, |seen| seen.version)),
    })
}

/// One refresh: both tables, and from where to where.
struct Work {
    which: Current,
    source: DeltaTable,
    current: DeltaTable,
    seen: Option<Seen>,
    now: Seen,
}

impl Work {
    /// Writes files and commits them: how many rows they have, or `None` when somebody else was faster.
    async fn run(mut self, gained: Option<Gained>, options: &RefreshOptions) -> Result<Option<u64>, LakeError> {
        let name = self.which.table();
        let merging = merge::Merge::new(self.which, &self.source, &self.current, options)?;
        let merged = merging.run(gained.as_ref()).await?;
        let all = gained.is_none();
        let old = self.files(|path| all || merged.replaced.contains(name_of(path)))?;
        let Some(old) = active(&self.current, name, &old, true)? else { return Ok(None) };
        let operation = DeltaOperation::Update { predicate: None };
        let replacement = Replacement { old: &old, new: &merged.files, operation, metadata: Vec::new() };
        let moves = self.moves();
        Ok(match replace_and_move(&mut self.current, name, &replacement, &moves).await? {
            Replaced::Done => Some(merged.rows),
            Replaced::Gone { why } => {
                tracing::info!(table = name, why, "refresh gave way");
                None
            }
        })
    }

    fn files(&self, wanted: impl Fn(&str) -> bool) -> Result<Vec<Remove>, LakeError> {
        let name = self.which.table();
        let log = self.current.snapshot().and_then(|s| s.snapshot().try_log_data()).map_err(LakeError::delta(name))?;
        Ok(log.iter().filter(|file| wanted(&file.path())).map(|file| file.remove_action(true)).collect())
    }

    fn moves(&self) -> Vec<Move> {
        let [version, commit] = Seen::app_ids(self.which);
        let step = |app_id, from: Option<i64>, to| Move { app_id, from, to };
        vec![
            step(version, self.seen.map(|seen| seen.version), self.now.version),
            step(commit, self.seen.map(|seen| seen.commit), self.now.commit),
        ]
    }
}

/// Rows of a table, as its files' statistics say.
fn rows(table: &DeltaTable, which: Current) -> Result<u64, LakeError> {
    let log = table.snapshot().and_then(|s| s.snapshot().try_log_data()).map_err(LakeError::delta(which.table()))?;
    Ok(log.iter().filter_map(|file| file.num_records()).map(|rows| rows as u64).sum())
}

/// The table with every column of the observations; made if there is none.
async fn open(
    lake: &Lake,
    which: Current,
    known: Option<DeltaTable>,
    source: &DeltaTable,
) -> Result<DeltaTable, LakeError> {
    let name = which.table();
    let observed = schema(source, which.source())?;
    let mut fields: Vec<StructField> = observed.fields().filter(|field| which.keeps(field.name())).cloned().collect();
    if which == Current::Ages {
        fields.push(StructField::nullable(AGE_COLUMN, DataType::INTEGER));
    }
    fields.push(StructField::nullable("first_observed_at", DataType::Primitive(PrimitiveType::Timestamp)));
    fields.push(StructField::nullable("observations", DataType::LONG));
    let wanted = StructType::try_new(fields.clone()).map_err(|e| LakeError::delta(name)(e.into()))?;
    let delta = match known {
        Some(delta) => delta,
        None => match create(lake, which, fields).await {
            Ok(delta) => delta,
            // Somebody else made it in between.
            Err(error) => lake.open(name).await?.ok_or(error)?,
        },
    };
    let delta = evolve_to(delta, name, &wanted).await?;
    let has = schema(&delta, name)?;
    let same = |field: &StructField| has.field(field.name()).is_some_and(|has| has.data_type() == field.data_type());
    if wanted.fields().all(same) {
        Ok(delta)
    } else {
        emptied(delta, which, &wanted).await.map_err(LakeError::delta(name))
    }
}

/// The table without rows, in the observations' types, which were widened: it has seen nothing, and is to be filled anew.
async fn emptied(mut delta: DeltaTable, which: Current, wanted: &StructType) -> Result<DeltaTable, DeltaTableError> {
    let snapshot = delta.snapshot()?;
    let files = snapshot.snapshot().try_log_data()?;
    let removes = files.iter().map(|file| Action::Remove(file.remove_action(true)));
    let metadata = Action::Metadata(snapshot.metadata().clone().with_schema(wanted)?);
    let [_, commit] = Seen::app_ids(which);
    let properties = commit::quietly().with_max_retries(0);
    let committed = CommitBuilder::from(properties.with_application_transaction(Transaction::new(commit, NOTHING)))
        .with_actions(removes.chain([metadata]).collect())
        .build(Some(snapshot), delta.log_store(), DeltaOperation::Update { predicate: None })
        .await?;
    delta.state = Some(committed.snapshot());
    Ok(delta)
}

async fn create(lake: &Lake, which: Current, fields: Vec<StructField>) -> Result<DeltaTable, LakeError> {
    let table = which.table();
    let url = lake.table_url(table)?;
    if let Ok(dir) = url.to_file_path() {
        std::fs::create_dir_all(&dir)
            .map_err(|e| LakeError::Location { location: dir.display().to_string(), why: e.to_string() })?;
    }
    let builder = DeltaTableBuilder::from_url(url).map_err(LakeError::delta(table))?;
    let delta = builder.with_storage_options(lake.options().clone()).build().map_err(LakeError::delta(table))?;
    let stats = which.stats_columns().to_owned();
    delta
        .create()
        .with_columns(fields)
        .with_comment(format!("The newest of {} per key, kept up by tidelake", which.source()))
        .with_configuration_property(deltalake::TableProperty::DataSkippingStatsColumns, Some(stats))
        .await
        .map_err(LakeError::delta(table))
}

impl Seen {
    /// What a table has seen, as its `txn`s say; `None` for one that was only just made.
    pub(crate) async fn by(current: &DeltaTable, which: Current) -> Result<Option<Self>, LakeError> {
        let [version, hash] = Self::app_ids(which);
        let known = commit::positions(current, which.table(), [version.clone(), hash.clone()]).await?;
        let known = |id| known.get(id).copied().flatten();
        Ok(known(&version).zip(known(&hash)).map(|(version, commit)| Self { version, commit }))
    }

    fn app_ids(which: Current) -> [String; 2] {
        let id = format!("tl/current/{}", which.source());
        [id.clone(), format!("{id}/commit")]
    }
}
