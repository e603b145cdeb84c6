//! Gives columns of a table larger types: all of its files are written anew, and one commit puts them and the new types in
//! the place of the old.
//!
//! Delta has a feature for this (`typeWidening`) that rewrites nothing, but neither delta-rs nor most readers know it. A
//! reader of an older version goes on with the old files until they are vacuumed; a writer's commit is refused once, then
//! it looks at the table and reads again from its positions.

use super::compact::UpkeepOptions;
use super::{order, repack};
use crate::lake::commit::quietly;
use crate::lake::evolve::{narrow, widened};
use crate::lake::location::{Lake, LakeError, table_schema};
use crate::lake::orphans;
use crate::lake::replace::{frame, name_of};
use deltalake::DeltaTable;
use deltalake::kernel::engine::arrow_conversion::{TryIntoArrow, TryIntoKernel};
use deltalake::kernel::transaction::CommitBuilder;
use deltalake::kernel::{Action, Add, MetadataExt, Remove, StructType};
use deltalake::protocol::DeltaOperation;
use deltalake::writer::RecordBatchWriter;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use tidelake_schemas::topics::Landed;

/// How often what has landed meanwhile is rewritten, too, before the table is given up on for now.
const ATTEMPTS: u32 = 64;
/// Files whose rows are read by one query.
const GROUP_FILES: usize = 256;

/// What was widened, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Widened {
    /// The columns, nested names joined by dots.
    pub columns: Vec<String>,
    /// Files that were written anew.
    pub files: u64,
    /// Rows of them.
    pub rows: u64,
}

/// Files that are written anew, by the name of the old one's group, and the old ones they stand for.
#[derive(Default)]
struct Anew {
    old: BTreeMap<String, Remove>,
    new: Vec<Add>,
    rows: u64,
}

/// Gives the columns of a landed table the types of its messages, where those hold all that is there. Nothing is to be done
/// for most tables, and nothing is read then.
///
/// # Errors
/// [`LakeError`]; the table is as it was then. It is given up on when others change it all the time.
pub async fn widen(lake: &Lake, landed: &Landed, options: &UpkeepOptions, dry_run: bool) -> Result<Widened, LakeError> {
    let name = landed.table;
    let Some(mut table) = lake.open(name).await? else { return Ok(Widened::default()) };
    let wanted: StructType = table_schema(landed)?.as_ref().try_into_kernel().map_err(LakeError::arrow(name))?;
    let (mut anew, mut of) = (Anew::default(), None);
    for _ in 0..ATTEMPTS {
        let known = schema(&table, name)?;
        let columns: Vec<String> = narrow(&known, &wanted).into_iter().map(|column| column.name).collect();
        let files = files(&table, name)?;
        if columns.is_empty() || dry_run {
            let files = if columns.is_empty() { 0 } else { files.len() as u64 };
            return Ok(Widened { columns, files, rows: 0 });
        }
        let schema = widened(&known, &wanted);
        // Somebody else has added columns or replaced files: what was written is left to vacuum. Or vacuum has taken it.
        let stale = of.as_ref() != Some(&schema) || anew.old.keys().any(|file| !files.contains_key(file));
        if stale || orphans::lost(&table, name, &anew.new).await?.is_some() {
            (anew, of) = (Anew::default(), Some(schema.clone()));
        }
        let rest: Vec<Remove> =
            files.iter().filter(|(file, _)| !anew.old.contains_key(*file)).map(|(_, file)| file.clone()).collect();
        if rest.is_empty() && commit(&mut table, name, &schema, &anew).await? {
            let columns_listed = columns.join(", ");
            tracing::info!(table = name, columns = columns_listed, files = anew.old.len(), "widened");
            return Ok(Widened { columns, files: anew.old.len() as u64, rows: anew.rows });
        }
        for (date, files) in by_date(rest) {
            tracing::debug!(table = name, date, files = files.len(), "widening");
            for group in files.chunks(GROUP_FILES) {
                rewrite(lake, &table, name, &schema, group, options, &mut anew).await?;
            }
        }
        table.update_state().await.map_err(LakeError::delta(name))?;
    }
    let why = format!("others changed it {ATTEMPTS} times while its files were rewritten; try again when less lands");
    Err(LakeError::delta(name)(deltalake::DeltaTableError::generic(why)))
}

fn schema(table: &DeltaTable, name: &str) -> Result<StructType, LakeError> {
    let parsed = table.snapshot().and_then(|s| Ok(s.metadata().parse_schema()?));
    parsed.map_err(LakeError::delta(name))
}

fn files(table: &DeltaTable, name: &str) -> Result<BTreeMap<String, Remove>, LakeError> {
    let log = table.snapshot().and_then(|s| s.snapshot().try_log_data()).map_err(LakeError::delta(name))?;
    Ok(log.iter().map(|file| (name_of(&file.path()).to_owned(), file.remove_action(false))).collect())
}

fn by_date(files: Vec<Remove>) -> BTreeMap<String, Vec<Remove>> {
    let mut dates: BTreeMap<String, Vec<Remove>> = BTreeMap::new();
    for file in files {
        let values = file.partition_values.iter().flatten().map(|(_, value)| value.clone().unwrap_or_default());
        dates.entry(values.collect::<Vec<_>>().join("/")).or_default().push(file);
    }
    dates
}

async fn rewrite(
    lake: &Lake,
    table: &DeltaTable,
    name: &str,
    schema: &StructType,
    files: &[Remove],
    options: &UpkeepOptions,
    anew: &mut Anew,
) -> Result<(), LakeError> {
    let session = order::session(options).map_err(|e| LakeError::delta(name)(e.into()))?;
    let rows = frame(table, name, files, &session).await?.execute_stream().await;
    let rows = rows.map_err(|e| LakeError::delta(name)(e.into()))?;
    let columns = Arc::new(schema.try_into_arrow().map_err(LakeError::arrow(name))?);
    let partitions = Some(repack::partition_columns(table, name)?);
    let url = lake.table_url(name)?;
    let writer = RecordBatchWriter::try_new_checked(url, columns, partitions, Some(lake.options().clone())).await;
    let writer = writer.map_err(LakeError::delta(name))?;
    let (new, content) = repack::write(table, name, rows, writer, &options.files).await?;
    anew.old.extend(files.iter().map(|file| (name_of(&file.path).to_owned(), file.clone())));
    anew.new.extend(new);
    anew.rows += content.rows;
    Ok(())
}

/// One try on the version at hand; `false` when that is the newest no more.
async fn commit(table: &mut DeltaTable, name: &str, schema: &StructType, anew: &Anew) -> Result<bool, LakeError> {
    let snapshot = table.snapshot().map_err(LakeError::delta(name))?;
    let metadata = snapshot.metadata().clone().with_schema(schema);
    let metadata = metadata.map_err(|e| LakeError::delta(name)(e.into()))?;
    let removes = anew.old.values().cloned().map(Action::Remove);
    let adds = anew.new.iter().cloned().map(Action::Add);
    let operation = DeltaOperation::UpdateFieldMetadata { fields: schema.fields().cloned().collect() };
    let committed = CommitBuilder::from(quietly().with_max_retries(0))
        .with_actions(std::iter::once(Action::Metadata(metadata)).chain(removes).chain(adds).collect())
        .build(Some(snapshot), table.log_store(), operation)
        .await;
    match committed {
        Ok(finalized) => {
            table.state = Some(finalized.snapshot());
            Ok(true)
        }
        Err(error) => {
            tracing::debug!(table = name, %error, "widening: the table has changed; looking again");
            Ok(false)
        }
    }
}
