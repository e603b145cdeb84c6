//! What commands that only read the lake share.

use super::Failure;
use super::sql::SqlArgs;
use crate::config::Config;
use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use futures::TryStreamExt;
use std::io::Write;
use tidelake_sinks::format::{Format, FormatOptions};
use tidelake_sinks::lake::Lake;
use tidelake_sinks::query::{Engine, QueryOptions};

/// The lake of the configuration.
pub(crate) fn lake(config: &Config) -> Result<Lake, Failure> {
    Ok(Lake::at(&config.lake_location(), config.lake.storage.clone())?)
}

/// A query engine on the lake.
pub(crate) async fn engine(config: &Config) -> Result<Engine, Failure> {
    let lake = lake(config)?;
    let options = QueryOptions { spill_dir: Some(config.data_dir.join("spill")), ..QueryOptions::default() };
    Ok(Engine::open(lake.root(), lake.options(), options).await?)
}

/// A query's whole answer.
pub(crate) async fn collect(engine: &Engine, query: &str) -> Result<Vec<RecordBatch>, Failure> {
    Ok(engine.sql(query).await?.stream.try_collect().await?)
}

/// The integers of a query's first row.
pub(crate) async fn integers(engine: &Engine, query: &str) -> Result<Vec<i64>, Failure> {
    let batches = collect(engine, query).await?;
    let Some(row) = batches.iter().find(|b| b.num_rows() > 0) else { return Ok(Vec::new()) };
    let integer = |column: &ArrayRef| column.as_primitive_opt::<Int64Type>().map_or(0, |c| c.value(0));
    Ok(row.columns().iter().map(integer).collect())
}

/// Prints batches as a table for people.
pub(crate) fn print(batches: &[RecordBatch], out: impl Write + Send) -> Result<(), Failure> {
    let Some(first) = batches.first() else { return Ok(()) };
    let mut writer = Format::Table.writer(out, &first.schema(), &FormatOptions::default())?;
    batches.iter().try_for_each(|batch| writer.write(batch))?;
    writer.finish()?;
    Ok(())
}

/// `tidelake sql`
pub(crate) async fn sql(args: &SqlArgs, config: &Config) -> Result<(), Failure> {
    super::sql::run(args, engine(config).await?, &config.data_dir.join("sql_history")).await
}
