//! Writes the files of a refresh.
//!
//! First the keys alone: per key that gained an observation, how many there are, when the first was and where the newest
//! stands in the topic – a grouping of narrow columns that spills to disk. Then the wide rows: of the table's own files
//! those that hold such a key, written anew without what is newest no more; of the observations the newest ones, found by
//! their place, one date after the other. So memory holds a day's newest rows by their keys, however long the history is.

use super::gain::{self, Gained};
use super::{Current, RefreshOptions};
use crate::lake::location::{LakeError, PARTITION_COLUMN};
use crate::lake::replace::name_of;
use crate::lake::rewrite::with_columns;
use crate::lake::writer::properties;
use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use arrow::error::ArrowError;
use datafusion::dataframe::{DataFrame, DataFrameWriteOptions};
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use deltalake::kernel::Add;
use deltalake::writer::{DeltaWriter, RecordBatchWriter};
use deltalake::{DeltaTable, DeltaTableError};
use futures::StreamExt;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::Arc;
use tidelake_schemas::topics::LANDED;

/// The column that names a row's file.
const FILE: &str = "file of the row";
/// Rows that are held at once, and of a run that was spilled: those are wide.
const BATCH_ROWS: usize = 1024;

/// Both tables, to be merged.
pub(super) struct Merge<'a> {
    which: Current,
    source: &'a DeltaTable,
    current: &'a DeltaTable,
    options: &'a RefreshOptions,
    session: SessionContext,
    /// Holds the keys; removed with this.
    scratch: tempfile::TempDir,
}

/// What is to be committed.
pub(super) struct Merged {
    /// Names of the table's files that are replaced.
    pub(super) replaced: BTreeSet<String>,
    /// The files in their place.
    pub(super) files: Vec<Add>,
    /// Rows of these.
    pub(super) rows: u64,
}

/// Where a row stands in the topic, as one number.
fn place(alias: &str) -> String {
    format!("CAST({alias}.kafka_partition AS BIGINT) * 281474976710656 + {alias}.kafka_offset")
}

impl<'a> Merge<'a> {
    pub(super) fn new(
        which: Current,
        source: &'a DeltaTable,
        current: &'a DeltaTable,
        options: &'a RefreshOptions,
    ) -> Result<Self, LakeError> {
        let made = || {
            let mode = match &options.spill_dir {
                Some(dir) => DiskManagerMode::Directories(vec![dir.clone()]),
                None => DiskManagerMode::OsTmpDirectory,
            };
            let runtime = RuntimeEnvBuilder::new()
                .with_memory_pool(Arc::new(FairSpillPool::new(options.memory_bytes)))
                .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(mode))
                .build_arc()?;
            let config = SessionConfig::new()
                .with_batch_size(BATCH_ROWS)
                // As in crate::query: what delta-rs needs.
                .set_bool("datafusion.execution.parquet.schema_force_view_types", true)
                .set_usize("datafusion.optimizer.hash_join_inlist_pushdown_max_size", 0)
                .set_usize("datafusion.optimizer.hash_join_inlist_pushdown_max_distinct_values", 0);
            let scratch = match &options.spill_dir {
                Some(dir) => {
                    std::fs::create_dir_all(dir)?;
                    tempfile::tempdir_in(dir)?
                }
                None => tempfile::tempdir()?,
            };
            Ok::<_, DeltaTableError>((SessionContext::new_with_config_rt(config, runtime), scratch))
        };
        let (session, scratch) = made().map_err(LakeError::delta(which.table()))?;
        Ok(Self { which, source, current, options, session, scratch })
    }

    /// Merges what was gained; everything anew when that is `None`.
    pub(super) async fn run(&self, gained: Option<&Gained>) -> Result<Merged, LakeError> {
        self.merge(gained).await.map_err(LakeError::delta(self.which.table()))
    }

    async fn merge(&self, gained: Option<&Gained>) -> Result<Merged, DeltaTableError> {
        let rows = match gained {
            Some(gained) if gained.files.is_empty() => {
                return Ok(Merged { replaced: BTreeSet::new(), files: Vec::new(), rows: 0 });
            }
            Some(gained) => gained.rows(self.source, &self.session).await?,
            None => gain::rows(self.source, &self.session, None, None).await?,
        };
        self.register("observed", rows)?;
        self.register("gained", self.session.sql(&self.which.counted("observed")).await?)?;
        let touched = if gained.is_some() { self.touched().await? } else { Vec::new() };
        if !touched.is_empty() {
            let rows = gain::rows(self.current, &self.session, Some(&touched), None).await?;
            self.register("touched", rows)?;
        }
        self.keys(!touched.is_empty()).await?;

        let landed = LANDED.into_iter().find(|landed| landed.table == self.which.source());
        let landed = landed.ok_or_else(|| DeltaTableError::Generic("nothing lands there".to_owned()))?;
        let mut writer = RecordBatchWriter::for_table(self.current)?
            .with_writer_properties(properties(landed.table, &self.options.writer))
            .with_target_file_size(self.options.writer.target_file_bytes);
        let schema = writer.arrow_schema();
        let mut written = 0;
        if !touched.is_empty() {
            written += write(&mut writer, self.kept(&schema).await?, &schema).await?;
        }
        for day in self.days().await? {
            written += write(&mut writer, self.newest(&schema, &day).await?, &schema).await?;
        }
        self.check(written, !touched.is_empty()).await?;
        let replaced = touched.iter().map(|path| name_of(path).to_owned()).collect();
        Ok(Merged { replaced, files: writer.flush().await?, rows: written })
    }

    fn register(&self, name: &str, rows: DataFrame) -> Result<(), DeltaTableError> {
        self.session.register_table(name, rows.into_view())?;
        Ok(())
    }

    /// The table's files that hold a key which gained a row, and the small ones, to become larger.
    async fn touched(&self) -> Result<Vec<String>, DeltaTableError> {
        let log = self.current.snapshot()?.snapshot().try_log_data()?;
        let files: Vec<(String, u64)> =
            log.iter().map(|file| (file.path().into_owned(), u64::try_from(file.size()).unwrap_or(0))).collect();
        if files.is_empty() {
            return Ok(Vec::new());
        }
        self.register("current", gain::rows(self.current, &self.session, None, Some(FILE)).await?)?;
        let query = format!(
            "SELECT DISTINCT CAST(\"{FILE}\" AS VARCHAR) FROM current c WHERE EXISTS (SELECT 1 FROM gained g WHERE {})",
            self.which.same("g", "c")
        );
        let holding: BTreeSet<String> = self.texts(&query).await?.iter().map(|path| name_of(path).to_owned()).collect();
        let small = self.options.writer.target_file_bytes / 4;
        let touched = files.into_iter().filter(|(path, size)| *size < small || holding.contains(name_of(path)));
        Ok(touched.map(|(path, _)| path).collect())
    }

    /// Makes `keys`: one row per key that gained a row, on disk, by the date of its newest row.
    async fn keys(&self, touched: bool) -> Result<(), DeltaTableError> {
        let narrow = |table: &str, count: &str, first: &str| {
            let key = self.which.key("t").into_iter().zip(1..).map(|(column, i)| format!("{column} AS k{i}"));
            format!(
                "SELECT {}, {count} AS n, {first} AS first_at, t.observed_at,
                        t.provenance['fetched_at'] AS fetched_at, t.event_id, {} AS place FROM {table} t",
                join(key),
                place("t")
            )
        };
        let mut rows = narrow("gained", "1", "t.observed_at");
        if touched {
            let own = narrow("touched", "t.observations", "t.first_observed_at");
            let same = self.which.same("g", "t");
            rows = format!("{rows} UNION ALL {own} WHERE EXISTS (SELECT 1 FROM gained g WHERE {same})");
        }
        let key = join((1..=self.which.key("").len()).map(|i| format!("k{i}")));
        let query = format!(
            "SELECT {key}, sum(n) AS n, min(first_at) AS first_at, CAST(max(observed_at) AS DATE) AS day,
                    first_value(place ORDER BY observed_at DESC, fetched_at DESC, event_id DESC) AS place
             FROM ({rows}) GROUP BY {key}"
        );
        self.write("grouped", &query).await?;
        // From files: a grouping hands on all its rows at once, which may be too many for a sort to begin with.
        self.write("keys", "SELECT * FROM grouped ORDER BY day").await
    }

    /// Makes a table of what a query answers, on disk.
    async fn write(&self, name: &str, query: &str) -> Result<(), DeltaTableError> {
        let dir = self.scratch.path().join(name);
        let dir = format!("{}/", dir.display());
        let rows = self.session.sql(query).await?;
        let schema = Arc::clone(rows.schema().inner());
        rows.write_parquet(&dir, DataFrameWriteOptions::new(), None).await?;
        // With its schema: there is no file when there is no row.
        self.session.register_parquet(name, &dir, ParquetReadOptions::default().schema(&schema)).await?;
        Ok(())
    }

    /// The dates of the newest rows.
    async fn days(&self) -> Result<Vec<String>, DeltaTableError> {
        self.texts("SELECT DISTINCT day FROM keys ORDER BY day").await
    }

    /// What stays in the table's files: rows of other keys, and those that are still the newest.
    async fn kept(&self, schema: &SchemaRef) -> Result<DataFrame, DeltaTableError> {
        let query = format!(
            "SELECT {}, coalesce(k.first_at, t.first_observed_at) AS first_observed_at,
                    coalesce(k.n, t.observations) AS observations
             FROM touched t LEFT JOIN keys k ON {}
             WHERE k.k1 IS NULL OR k.place = {}
             ORDER BY t.observed_date, {}",
            columns(schema, "t"),
            self.is_key("t", "k"),
            place("t"),
            self.which.order("t")
        );
        Ok(self.session.sql(&query).await?)
    }

    /// The newest observations of a date, as far as they came in.
    async fn newest(&self, schema: &SchemaRef, day: &str) -> Result<DataFrame, DeltaTableError> {
        // By key, too: after a restore, rows of two logs may stand in the same place.
        let query = format!(
            "SELECT {}, k.first_at AS first_observed_at, k.n AS observations
             FROM gained g JOIN keys k ON {} = k.place AND {}
             WHERE k.day = DATE '{day}' AND g.{PARTITION_COLUMN} = DATE '{day}'
             ORDER BY {}",
            columns(schema, "g"),
            place("g"),
            self.is_key("g", "k"),
            self.which.order("g")
        );
        Ok(self.session.sql(&query).await?)
    }

    /// That a row has a key.
    fn is_key(&self, row: &str, key: &str) -> String {
        let columns = self.which.key(row).into_iter().zip(1..);
        columns.map(|(column, i)| format!("{column} = {key}.k{i}")).collect::<Vec<_>>().join(" AND ")
    }

    /// Every key once: a row that stands in the table twice, or in no place of its own, would be there twice here, too.
    async fn check(&self, written: u64, touched: bool) -> Result<(), DeltaTableError> {
        let mut expected = self.count("SELECT count(*) FROM keys").await?;
        if touched {
            let same = self.which.same("g", "t");
            let others =
                format!("SELECT count(*) FROM touched t WHERE NOT EXISTS (SELECT 1 FROM gained g WHERE {same})");
            expected += self.count(&others).await?;
        }
        if written == expected {
            return Ok(());
        }
        Err(DeltaTableError::Generic(format!(
            "{written} newest rows were found for {expected} keys of {}: some of its rows stand twice in the same place of \
             the topic, or in the partition of another date. `tidelake audit` shows which",
            self.which.source()
        )))
    }

    async fn count(&self, query: &str) -> Result<u64, DeltaTableError> {
        let batches = self.session.sql(query).await?.collect().await?;
        let counts = batches.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().iter().flatten());
        Ok(counts.map(|count| u64::try_from(count).unwrap_or(0)).sum())
    }

    async fn texts(&self, query: &str) -> Result<Vec<String>, DeltaTableError> {
        let mut texts = Vec::new();
        for batch in self.session.sql(query).await?.collect().await? {
            let column = cast(batch.column(0), &DataType::Utf8)?;
            texts.extend(column.as_string::<i32>().iter().flatten().map(str::to_owned));
        }
        Ok(texts)
    }
}

/// The observations' columns under an alias.
fn columns(schema: &SchemaRef, alias: &str) -> String {
    let own = schema.fields().iter().map(|field| field.name().as_str());
    let own = own.filter(|name| !matches!(*name, "first_observed_at" | "observations"));
    join(own.map(|name| format!("{alias}.\"{}\"", name.replace('"', "\"\""))))
}

fn join(items: impl Iterator<Item = impl Display>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}

/// Writes the rows; how many they were.
async fn write(writer: &mut RecordBatchWriter, rows: DataFrame, schema: &SchemaRef) -> Result<u64, DeltaTableError> {
    let mut rows = rows.execute_stream().await?;
    let mut written = 0;
    while let Some(batch) = rows.next().await {
        let batch: RecordBatch = batch?;
        written += batch.num_rows() as u64;
        let none: [(&String, ArrayRef); 0] = [];
        let batch = with_columns(&batch, none.into_iter(), schema).map_err(|e: ArrowError| e)?;
        writer.write(batch).await?;
    }
    Ok(written)
}
