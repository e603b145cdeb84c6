//! The lake's Delta tables, as DataFusion sees them and as people list them.

use super::files::ParquetFiles;
use super::{Backend, QueryError};
use crate::catalog;
use crate::lake::{Lake, LakeError, table_schema};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::TableProvider;
use datafusion::common::ScalarValue;
use datafusion::datasource::empty::EmptyTable;
use datafusion::prelude::{Expr, SessionContext, ident, lit};
use deltalake::DeltaTable;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use tidelake_schemas::topics::LANDED;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TableKind {
    /// A Delta table.
    Table,
    /// A query with a name.
    View,
}

impl std::fmt::Display for TableKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Table => "table",
            Self::View => "view",
        })
    }
}

/// A table or view, for listings. Everything but name and kind is `None` for a view and for a table that nothing has
/// landed in yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableInfo {
    /// The name.
    pub name: String,
    /// Table or view.
    pub kind: TableKind,
    /// Rows; `None` also when a file has no statistics.
    pub rows: Option<u64>,
    /// Files.
    pub files: Option<u64>,
    /// Bytes of the files.
    pub bytes: Option<u64>,
    /// The table's version.
    pub version: Option<u64>,
    /// Where it is.
    pub location: Option<String>,
    /// What one row is.
    pub about: String,
}

/// What a score of virality is; nothing writes any yet.
const SCORES: &str = "virality_scores";

/// Every table: those that topics land in, the user's catalogue, and scores.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    LANDED.iter().map(|landed| landed.table).chain([catalog::TABLE, SCORES])
}

pub(super) fn schema(name: &str) -> Result<SchemaRef, LakeError> {
    match LANDED.iter().find(|landed| landed.table == name) {
        Some(landed) => table_schema(landed),
        None if name == SCORES => Ok(scores()),
        None => Ok(catalog::schema()),
    }
}

/// How probable it was at one age of a video, by what was known then, that it would be seen unusually often.
fn scores() -> SchemaRef {
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let field = |name: &str, kind| Field::new(name, kind, false);
    Arc::new(Schema::new(vec![
        field("platform", DataType::Utf8),
        field("video_id", DataType::Int64),
        field("scored_at", instant),
        field("age_h", DataType::Float64),
        field("probability", DataType::Float64),
        field("model_version", DataType::Utf8),
    ]))
}

/// The provider of a table: the snapshot that was loaded, or no rows.
pub(super) async fn provider(
    name: &'static str,
    table: Option<&DeltaTable>,
    session: &SessionContext,
    backend: Option<&dyn Backend>,
) -> Result<Arc<dyn TableProvider>, QueryError> {
    if let Some(backend) = backend {
        let provider = backend.provider(table, schema(name)?).map_err(QueryError::running)?;
        return completed(provider, name, session);
    }
    let Some(table) = table else {
        return Ok(Arc::new(EmptyTable::new(schema(name)?)));
    };
    completed(of_snapshot(name, table, session).await?, name, session)
}

/// The provider of the snapshot that was loaded, with the columns it has.
pub(super) async fn of_snapshot(
    name: &'static str,
    table: &DeltaTable,
    session: &SessionContext,
) -> Result<Arc<dyn TableProvider>, QueryError> {
    table.update_datafusion_session(&session.state()).map_err(LakeError::delta(name))?;
    if let Some(files) = ParquetFiles::of(table).map_err(QueryError::running)? {
        return Ok(Arc::new(files));
    }
    let snapshot = table.snapshot().map_err(LakeError::delta(name))?.snapshot().clone();
    // As the session is set: by itself it evaluates filters within Parquet, which fails on elements of lists of structures
    // (`findings['categories'][1]['name']`), since the file's nested fields may be null and the table's may not.
    let provider = table.table_provider().with_eager_snapshot(snapshot).with_session(Arc::new(session.state()));
    provider.await.map_err(QueryError::running)
}

/// The provider, with null in the columns that an older table lacks. The next writer adds them to the table itself.
pub(super) fn completed(
    provider: Arc<dyn TableProvider>,
    name: &str,
    session: &SessionContext,
) -> Result<Arc<dyn TableProvider>, QueryError> {
    completed_to(provider, &schema(name)?, session)
}

/// As [`completed`], to the columns of any schema.
pub(super) fn completed_to(
    provider: Arc<dyn TableProvider>,
    wanted: &SchemaRef,
    session: &SessionContext,
) -> Result<Arc<dyn TableProvider>, QueryError> {
    let known = provider.schema();
    let absent: Vec<_> = wanted.fields().iter().filter(|field| known.field_with_name(field.name()).is_err()).collect();
    if absent.is_empty() {
        return Ok(provider);
    }
    let mut columns: Vec<Expr> = known.fields().iter().map(|field| ident(field.name())).collect();
    for field in absent {
        let null = ScalarValue::try_from(field.data_type()).map_err(QueryError::running)?;
        columns.push(lit(null).alias(field.name()));
    }
    let frame = session.read_table(provider).and_then(|frame| frame.select(columns)).map_err(QueryError::running)?;
    Ok(frame.into_view())
}

/// A table's newest version: what is known brought up to date, or opened if it has come into being.
pub(super) async fn newest(
    lake: &Lake,
    name: &'static str,
    known: Option<&DeltaTable>,
) -> Result<Option<DeltaTable>, QueryError> {
    let Some(known) = known else { return Ok(lake.open(name).await?) };
    let mut table = known.clone();
    table.update_state().await.map_err(LakeError::delta(name))?;
    Ok(Some(table))
}

/// Whether nothing has landed in between.
pub(super) fn same_versions(a: &BTreeMap<&'static str, DeltaTable>, b: &BTreeMap<&'static str, DeltaTable>) -> bool {
    let versions = |t: &BTreeMap<&'static str, DeltaTable>| {
        t.iter().map(|(name, table)| (*name, table.version())).collect::<Vec<_>>()
    };
    versions(a) == versions(b)
}

/// What a table's log says about it.
pub(super) fn info(lake: &Lake, name: &'static str, table: Option<&DeltaTable>) -> Result<TableInfo, QueryError> {
    let mut info = TableInfo {
        name: name.to_owned(),
        kind: TableKind::Table,
        rows: None,
        files: None,
        bytes: None,
        version: None,
        location: lake.table_url(name).ok().map(|url| url.to_string()),
        about: about(name).to_owned(),
    };
    let Some(table) = table else { return Ok(info) };
    info.version = table.version();
    let log = table.snapshot().and_then(|s| s.snapshot().try_log_data()).map_err(LakeError::delta(name))?;
    let (mut rows, mut files, mut bytes) = (Some(0_u64), 0_u64, 0_u64);
    for file in log.iter() {
        files += 1;
        bytes += u64::try_from(file.size()).unwrap_or(0);
        let deleted = file.deletion_vector_descriptor().map_or(0, |d| u64::try_from(d.cardinality).unwrap_or(0));
        let here = file.num_records().map(|n| (n as u64).saturating_sub(deleted));
        rows = rows.zip(here).map(|(a, b)| a + b);
    }
    Ok(TableInfo { rows, files: Some(files), bytes: Some(bytes), ..info })
}

fn about(table: &str) -> &'static str {
    match table {
        "video_observations" => "A video as seen at one instant by one route, with caption findings",
        "creator_observations" => "A creator as seen at one instant by one route",
        "comments" => "A comment as seen at one instant",
        "hashtag_observations" => "A hashtag as seen at one instant",
        "sound_observations" => "A sound as seen at one instant",
        "coverage" => "What a poll asked for, got, and why it stopped",
        "dead_letters" => "A message that could not be used, with reason and bytes",
        "drift_incidents" => "The beginning or end of a change in what a source gives, with a sample",
        catalog::TABLE => "A product of the user's own",
        "media" => "A thumbnail, video or slide that was to be stored, and what became of it",
        SCORES => "How probable unusual success of a video was at one age; empty: nothing scores yet",
        "annotations" => "What an external model said when it was asked about a caption",
        _ => "",
    }
}
