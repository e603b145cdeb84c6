//! The Delta table `catalog`: one row per entry.
//!
//! Every change is one commit that puts a whole new set of rows in the place of the old one, so that a reader sees a
//! catalogue as it was before or after, never between. Two that change it at once are told apart by a `txn` action: the
//! later one reads again what the earlier one wrote.

use super::{CatalogError, rows};
use crate::lake::{Lake, LakeError};
use crate::query::{Answer, QueryError};
use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use datafusion::prelude::SessionContext;
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::transaction::CommitProperties;
use deltalake::kernel::{StructField, StructType, Transaction};
use deltalake::protocol::SaveMode;
use deltalake::{DeltaTable, DeltaTableBuilder};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use tidelake_schemas::{Attribute, CatalogEntry};

/// The table's name.
pub const TABLE: &str = "catalog";
/// The `txn` id of changes.
const APP_ID: &str = "tidelake-catalog";
/// How often a change is tried when others are faster.
const ATTEMPTS: u32 = 5;

/// The columns.
pub(crate) fn schema() -> SchemaRef {
    let text = |name: &str, nullable: bool| Field::new(name, DataType::Utf8, nullable);
    let list =
        |name: &str, of: DataType| Field::new(name, DataType::List(Arc::new(Field::new("element", of, true))), true);
    let attribute = DataType::Struct(Fields::from(vec![text("name", true), text("value", true)]));
    Arc::new(Schema::new(vec![
        text("id", false),
        text("name", false),
        list("aliases", DataType::Utf8),
        text("brand", true),
        text("category", true),
        // As `Amount` holds it.
        Field::new("price", DataType::Decimal128(24, 6), true),
        text("currency", true),
        text("url", true),
        list("attributes", attribute),
    ]))
}

/// The catalogue of a lake.
pub struct CatalogTable {
    lake: Lake,
    table: Option<DeltaTable>,
}

impl CatalogTable {
    /// The catalogue of this lake, if there is one; see [`Self::refresh`].
    pub fn of(lake: Lake) -> Self {
        Self { lake, table: None }
    }

    /// Looks for the newest version. Its number; `None` when nothing was ever imported.
    ///
    /// # Errors
    /// [`CatalogError::Lake`].
    pub async fn refresh(&mut self) -> Result<Option<u64>, CatalogError> {
        match &mut self.table {
            Some(table) => table.update_state().await.map_err(LakeError::delta(TABLE))?,
            None => self.table = self.lake.open(TABLE).await?,
        }
        Ok(self.table.as_ref().and_then(DeltaTable::version))
    }

    /// The entries of the version last seen, by id. Rows that others wrote and that are none are left out, with a warning.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn entries(&self) -> Result<BTreeMap<String, CatalogEntry>, CatalogError> {
        let Some(table) = &self.table else { return Ok(BTreeMap::new()) };
        let session = SessionContext::new();
        table.update_datafusion_session(&session.state()).map_err(LakeError::delta(TABLE))?;
        let snapshot = table.snapshot().map_err(LakeError::delta(TABLE))?.snapshot().clone();
        let provider = table.table_provider().with_eager_snapshot(snapshot).await.map_err(QueryError::running)?;
        let frame = session.read_table(provider).map_err(QueryError::running)?;
        let stream = frame.execute_stream().await.map_err(QueryError::running)?;
        let read = rows::of_answer(Answer { schema: stream.schema(), stream }).await?;
        if let Some(first) = read.refused.first() {
            tracing::warn!(rows = read.refused.len(), %first, "rows of the catalogue's table are no products and count for nothing");
        }
        Ok(read.entries)
    }

    /// Changes the entries in one commit; makes the table when there is none. `change` is asked again when another
    /// change came in between. What it made of the newest entries is what the table holds then.
    ///
    /// # Errors
    /// [`CatalogError`]; the table is as it was then, or as another change left it.
    pub async fn change(
        &mut self,
        mut change: impl FnMut(&mut BTreeMap<String, CatalogEntry>) + Send,
    ) -> Result<BTreeMap<String, CatalogEntry>, CatalogError> {
        for attempt in 1.. {
            self.refresh().await?;
            if self.table.is_none() {
                self.table = Some(create(&self.lake).await?);
            }
            let mut entries = self.entries().await?;
            change(&mut entries);
            match self.put(&entries).await {
                Ok(()) => return Ok(entries),
                Err(error) if attempt == ATTEMPTS => return Err(error),
                Err(error) => tracing::debug!(%error, attempt, "the catalogue was not written; reading it again"),
            }
        }
        Err(CatalogError::Rows("no attempt was made".to_owned()))
    }

    async fn put(&mut self, entries: &BTreeMap<String, CatalogEntry>) -> Result<(), CatalogError> {
        let Some(table) = self.table.clone() else { return Ok(()) };
        let next = table.version().map_or(0, |version| version + 1);
        let transaction = Transaction::new(APP_ID, i64::try_from(next).unwrap_or(i64::MAX));
        let written = table
            .write([batch(entries)?])
            .with_save_mode(SaveMode::Overwrite)
            .with_commit_properties(CommitProperties::default().with_application_transaction(transaction))
            .await;
        self.table = Some(written.map_err(LakeError::delta(TABLE))?);
        Ok(())
    }
}

async fn create(lake: &Lake) -> Result<DeltaTable, CatalogError> {
    let url = lake.table_url(TABLE)?;
    if let Ok(dir) = url.to_file_path() {
        std::fs::create_dir_all(&dir).map_err(|e| CatalogError::file(&dir)(e.to_string()))?;
    }
    let schema: StructType = schema().as_ref().try_into_kernel().map_err(LakeError::arrow(TABLE))?;
    let columns: Vec<StructField> = schema.fields().cloned().collect();
    let builder = DeltaTableBuilder::from_url(url).map_err(LakeError::delta(TABLE))?;
    let builder = builder.with_storage_options(lake.options().clone()).build().map_err(LakeError::delta(TABLE))?;
    let created = builder.create().with_columns(columns).with_comment("The user's products").await;
    match created {
        Ok(table) => Ok(table),
        // Another process made it in between.
        Err(error) => lake.open(TABLE).await?.ok_or_else(|| LakeError::delta(TABLE)(error).into()),
    }
}

/// An entry as the table holds it: decimals go through their digits.
#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    name: &'a str,
    aliases: &'a [String],
    brand: Option<&'a str>,
    category: Option<&'a str>,
    price: Option<String>,
    currency: Option<&'a str>,
    url: Option<&'a str>,
    attributes: &'a [Attribute],
}

impl<'a> From<&'a CatalogEntry> for Row<'a> {
    fn from(entry: &'a CatalogEntry) -> Self {
        Self {
            id: &entry.id,
            name: &entry.name,
            aliases: &entry.aliases,
            brand: entry.brand.as_deref(),
            category: entry.category.as_deref(),
            price: entry.price.map(|price| price.to_string()),
            currency: entry.currency.as_deref(),
            url: entry.url.as_deref(),
            attributes: &entry.attributes,
        }
    }
}

fn batch(entries: &BTreeMap<String, CatalogEntry>) -> Result<RecordBatch, CatalogError> {
    let refuse = |e: arrow::error::ArrowError| CatalogError::Rows(e.to_string());
    let rows: Vec<Row<'_>> = entries.values().map(Row::from).collect();
    let builder = arrow::json::ReaderBuilder::new(schema()).with_batch_size(rows.len().max(1));
    let mut decoder = builder.build_decoder().map_err(refuse)?;
    decoder.serialize(&rows).map_err(refuse)?;
    Ok(decoder.flush().map_err(refuse)?.unwrap_or_else(|| RecordBatch::new_empty(schema())))
}
