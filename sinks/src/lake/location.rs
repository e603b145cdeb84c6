//! Where the lake is, and how its tables are opened and created.

use super::evolve::evolve;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::{StructField, StructType};
use deltalake::{DeltaTable, DeltaTableBuilder, DeltaTableError};
use std::collections::HashMap;
use std::sync::{Arc, Once};
use tidelake_schemas::arrow_schema::arrow_schema;
use tidelake_schemas::topics::Landed;
use url::Url;

/// The partition column: the UTC day of `observed_at`.
pub(crate) const PARTITION_COLUMN: &str = "observed_date";
/// How often a table is opened at most, while files of its log vanish under the look.
const LOOKS: usize = 5;

/// What can go wrong with a table.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The location cannot be used.
    #[error("lake location {location:?}: {why}. Give a directory or a URL such as s3://bucket/prefix")]
    Location {
        /// As given.
        location: String,
        /// Why not.
        why: String,
    },
    /// Delta says no.
    #[error("table {table}: {source}")]
    Delta {
        /// The table.
        table: String,
        /// What happened.
        source: Box<DeltaTableError>,
    },
    /// The Avro schema has no Arrow form.
    #[error("table {table}: {source}")]
    Arrow {
        /// The table.
        table: String,
        /// What happened.
        source: arrow::error::ArrowError,
    },
    /// A column holds less than the messages have.
    #[error(
        "table {table}: column {column} is {has}, but messages have {wants}, which it cannot hold. Run: tidelake maintain \
         evolve --table {table}"
    )]
    Narrow {
        /// The table.
        table: String,
        /// The column, nested names joined by dots.
        column: String,
        /// Its type.
        has: String,
        /// What it should be.
        wants: String,
    },
    /// Files that were written anew do not hold what the old ones did.
    #[error(
        "table {table}: files written anew hold {new} where the old ones hold {old}; nothing was changed. Please report \
         this, with the table's version {version}"
    )]
    Unlike {
        /// The table.
        table: String,
        /// What the old files hold.
        old: String,
        /// What the new ones hold.
        new: String,
        /// The version that was read.
        version: u64,
    },
    /// Files would be deleted that somebody may still need.
    #[error(
        "table {table}: a grace of {grace:?} is shorter than {least:?}, and could delete files that a writer has not yet \
         committed or a reader still reads. Give a longer one, or allow it by name: --allow-short-grace, or \
         allow_short_grace = true in [maintain]"
    )]
    ShortGrace {
        /// The table.
        table: String,
        /// As asked for.
        grace: std::time::Duration,
        /// The shortest that needs no permission.
        least: std::time::Duration,
    },
    /// A table cannot be ordered by this.
    #[error("table {table} cannot be ordered by {columns}: {why}")]
    Order {
        /// The table.
        table: String,
        /// The columns.
        columns: String,
        /// Why not.
        why: String,
    },
    /// A table property would break exactly-once.
    #[error(
        "table {table} sets delta.setTransactionRetentionDuration, which forgets how far the log was read and would land \
         records twice. Remove the property, then start again"
    )]
    TransactionsExpire {
        /// The table.
        table: String,
    },
}

impl LakeError {
    pub(crate) fn delta(table: &str) -> impl FnOnce(DeltaTableError) -> Self {
        let table = table.to_owned();
        move |source| Self::Delta { table, source: Box::new(source) }
    }

    pub(crate) fn arrow(table: &str) -> impl FnOnce(arrow::error::ArrowError) -> Self {
        let table = table.to_owned();
        move |source| Self::Arrow { table, source }
    }
}

/// A lake: a directory or a bucket prefix with one Delta table per folder.
#[derive(Clone, Debug)]
pub struct Lake {
    root: Url,
    options: HashMap<String, String>,
}

/// Makes the stores of each cloud known. They take credentials from the environment, too.
pub(crate) fn register_stores() {
    static HANDLERS: Once = Once::new();
    HANDLERS.call_once(|| {
        deltalake::aws::register_handlers(None);
        deltalake::gcp::register_handlers(None);
        deltalake::azure::register_handlers(None);
    });
}

impl Lake {
    /// A lake at a directory (made if absent) or at a URL (`s3://`, `gs://`, `az://`, `file://`).
    ///
    /// # Errors
    /// [`LakeError::Location`].
    pub fn at(location: &str, options: HashMap<String, String>) -> Result<Self, LakeError> {
        register_stores();
        let refuse = |why: String| LakeError::Location { location: location.to_owned(), why };
        let mut root = deltalake::ensure_table_uri(location).map_err(|e| refuse(e.to_string()))?;
        if !root.path().ends_with('/') {
            root.set_path(&format!("{}/", root.path()));
        }
        Ok(Self { root, options })
    }

    /// The root, ending in `/`.
    pub fn root(&self) -> &Url {
        &self.root
    }

    /// Storage options (credentials and the like): never log them.
    pub fn options(&self) -> &HashMap<String, String> {
        &self.options
    }

    /// The table's URL.
    ///
    /// # Errors
    /// [`LakeError::Location`] when the name does not make a URL.
    pub fn table_url(&self, table: &str) -> Result<Url, LakeError> {
        let refuse = |e: url::ParseError| LakeError::Location { location: table.to_owned(), why: e.to_string() };
        self.root.join(&format!("{table}/")).map_err(refuse)
    }

    /// Opens a table; `None` when there is none yet.
    ///
    /// # Errors
    /// [`LakeError`].
    pub async fn open(&self, table: &str) -> Result<Option<DeltaTable>, LakeError> {
        let url = self.table_url(table)?;
        if let Ok(dir) = url.to_file_path()
            && !dir.join("_delta_log").is_dir()
        {
            return Ok(None);
        }
        let builder = DeltaTableBuilder::from_url(url).map_err(LakeError::delta(table))?;
        let mut delta = builder.with_storage_options(self.options.clone()).build().map_err(LakeError::delta(table))?;
        if !delta.verify_deltatable_existence().await.map_err(LakeError::delta(table))? {
            return Ok(None);
        }
        for _ in 1..LOOKS {
            match delta.load().await {
                // Upkeep or an erasure took a checkpoint or an entry away that had just been listed: others say the same.
                Err(error) if error.to_string().contains("not found") => tracing::debug!(table, %error, "looks again"),
                loaded => return loaded.map(|()| Some(delta)).map_err(LakeError::delta(table)),
            }
        }
        delta.load().await.map_err(LakeError::delta(table))?;
        Ok(Some(delta))
    }

    /// Opens a landed topic's table, making it first if there is none.
    ///
    /// # Errors
    /// [`LakeError`].
    pub async fn open_or_create(&self, landed: &Landed) -> Result<DeltaTable, LakeError> {
        let table = landed.table;
        if let Some(delta) = self.open(table).await? {
            return evolve(check_properties(delta, table)?, landed).await;
        }
        match self.create(landed).await {
            Ok(delta) => Ok(delta),
            // Another writer made it in between.
            Err(error) => match self.open(table).await? {
                Some(delta) => evolve(check_properties(delta, table)?, landed).await,
                None => Err(error),
            },
        }
    }

    async fn create(&self, landed: &Landed) -> Result<DeltaTable, LakeError> {
        let table = landed.table;
        let url = self.table_url(table)?;
        if let Ok(dir) = url.to_file_path() {
            std::fs::create_dir_all(&dir)
                .map_err(|e| LakeError::Location { location: dir.display().to_string(), why: e.to_string() })?;
        }
        let schema = table_schema(landed)?;
        let kernel: StructType = schema.as_ref().try_into_kernel().map_err(LakeError::arrow(table))?;
        let fields: Vec<StructField> = kernel.fields().cloned().collect();
        let builder = DeltaTableBuilder::from_url(url).map_err(LakeError::delta(table))?;
        let delta = builder.with_storage_options(self.options.clone()).build().map_err(LakeError::delta(table))?;
        delta
            .create()
            .with_columns(fields)
            .with_partition_columns([PARTITION_COLUMN])
            .with_comment(format!("Topic {}, landed by tidelake", landed.topic))
            .with_configuration_property(
                deltalake::TableProperty::DataSkippingStatsColumns,
                Some(stats_columns(landed)),
            )
            .await
            .map_err(LakeError::delta(table))
    }
}

/// Statistics on the columns people filter by; long texts would only swell the log.
fn stats_columns(landed: &Landed) -> String {
    let entity: &[&str] = match landed.table {
        "video_observations" => &["video_id", "created_at", "region"],
        "creator_observations" => &["creator_id", "handle"],
        "comments" => &["comment_id", "video_id"],
        "hashtag_observations" => &["hashtag_id", "name"],
        "sound_observations" => &["sound_id"],
        "media" => &["video_id", "status"],
        _ => &[],
    };
    let mut columns = vec!["observed_at", "event_id", "kafka_partition", "kafka_offset", "landed_at"];
    columns.extend(entity);
    columns.join(",")
}

pub(super) fn check_properties(delta: DeltaTable, table: &str) -> Result<DeltaTable, LakeError> {
    let snapshot = delta.snapshot().map_err(LakeError::delta(table))?;
    if snapshot.metadata().configuration().contains_key("delta.setTransactionRetentionDuration") {
        return Err(LakeError::TransactionsExpire { table: table.to_owned() });
    }
    Ok(delta)
}

/// A table's columns: the message's fields, then where it stood in the log, when it landed and its partition.
///
/// # Errors
/// [`LakeError::Arrow`].
pub(crate) fn table_schema(landed: &Landed) -> Result<SchemaRef, LakeError> {
    let record = arrow_schema(landed.schema).map_err(LakeError::arrow(landed.table))?;
    let mut fields: Vec<Arc<Field>> = record.fields().iter().cloned().collect();
    fields.extend(landing_fields());
    Ok(Arc::new(Schema::new(fields)))
}

/// The columns the writer adds.
pub(crate) fn landing_fields() -> [Arc<Field>; 4] {
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    [
        Arc::new(Field::new("kafka_partition", DataType::Int32, false)),
        Arc::new(Field::new("kafka_offset", DataType::Int64, false)),
        Arc::new(Field::new("landed_at", instant, false)),
        Arc::new(Field::new(PARTITION_COLUMN, DataType::Date32, false)),
    ]
}
