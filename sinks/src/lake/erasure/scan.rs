//! Which files of a table hold rows that go.

use crate::lake::location::LakeError;
use crate::lake::replace::name_of;
use crate::privacy::{Suppressions, rows};
use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::prelude::{Expr, SessionContext, cast as cast_to, ident};
use deltalake::DeltaTable;
use futures::StreamExt;
use std::collections::{BTreeMap, BTreeSet};

/// The column that says which file a row is of.
const FILE: &str = "file of the row";

/// What a file holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Rows that go.
    pub(super) rows: usize,
    /// Other rows, whose texts name somebody.
    pub(super) named: usize,
}

/// The files that hold rows that go, or name somebody, by name. Of `only` these files, if it is given.
///
/// Hashes have no order, so statistics cannot rule a file out; but only the columns that tell whose a row is are read.
pub(super) async fn files_with(
    table: &DeltaTable,
    name: &str,
    erased: &Suppressions,
    only: Option<&BTreeSet<String>>,
) -> Result<BTreeMap<String, Found>, LakeError> {
    let mut found: BTreeMap<String, Found> = BTreeMap::new();
    if erased.is_empty() {
        return Ok(found);
    }
    let session = SessionContext::new();
    let stream = async {
        table.update_datafusion_session(&session.state())?;
        let snapshot = table.snapshot()?.snapshot().clone();
        let mut provider = table.table_provider().with_eager_snapshot(snapshot).with_file_column(FILE);
        if let Some(only) = only {
            let log = table.snapshot()?.snapshot().try_log_data()?;
            let paths =
                log.iter().map(|file| file.remove_action(false).path).filter(|path| only.contains(name_of(path)));
            provider = provider.with_file_paths(paths.collect::<Vec<_>>());
        }
        let rows = session.read_table(provider.await?)?;
        let judged = rows::judged_columns(name, rows.schema().as_arrow());
        let columns: Vec<Expr> = judged.iter().filter(|column| *column != FILE).map(ident).collect();
        let columns = columns.into_iter().chain([cast_to(ident(FILE), DataType::Utf8).alias(FILE)]);
        Ok(rows.select(columns.collect::<Vec<_>>())?.execute_stream().await?)
    };
    let mut stream = stream.await.map_err(LakeError::delta(name))?;
    while let Some(batch) = stream.next().await {
        let batch = batch.map_err(|e| LakeError::delta(name)(e.into()))?;
        let Some(judged) = rows::judge(erased, name, &batch).map_err(LakeError::arrow(name))? else { continue };
        let files = batch.column_by_name(FILE).map(|files| cast(files, &DataType::Utf8)).transpose();
        let Some(files) = files.map_err(LakeError::arrow(name))? else { continue };
        for (row, file) in files.as_string::<i32>().iter().enumerate() {
            let (goes, named) = (judged.goes.value(row), judged.named.value(row));
            if let Some(file) = file.filter(|_| goes || named) {
                let here = found.entry(name_of(file).to_owned()).or_default();
                here.rows += usize::from(goes);
                here.named += usize::from(named && !goes);
            }
        }
    }
    Ok(found)
}
