//! The objects of a table's folder: data files, log entries, checkpoints.

use crate::lake::location::LakeError;
use deltalake::DeltaTable;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};
use std::sync::Arc;

/// The folder of the log, below the table.
pub(super) const FOLDER: &str = "_delta_log";
/// Digits of a version in the names of the log's objects.
const DIGITS: usize = 20;

/// What lies in a table's folder.
#[derive(Debug, Default)]
pub(super) struct Objects {
    /// Parquet files, whether any version needs them or not.
    pub(super) files: Vec<ObjectMeta>,
    /// Log entries, by version, oldest first.
    pub(super) entries: Vec<(u64, Path)>,
    /// Files of checkpoints, by version.
    pub(super) checkpoints: Vec<(u64, Path)>,
}

/// The table's store; paths are relative to the table.
pub(super) fn store(table: &DeltaTable) -> Arc<dyn ObjectStore> {
    table.log_store().object_store(None)
}

pub(super) fn failed(name: &str) -> impl FnOnce(object_store::Error) -> LakeError {
    let delta = LakeError::delta(name);
    move |error| delta(error.into())
}

/// Lists a table's folder.
pub(super) async fn objects(table: &DeltaTable, name: &str) -> Result<Objects, LakeError> {
    let listed: Vec<ObjectMeta> = store(table).list(None).try_collect().await.map_err(failed(name))?;
    let mut objects = Objects::default();
    for object in listed {
        let path = object.location.as_ref();
        match path.strip_prefix(FOLDER).and_then(|rest| rest.strip_prefix('/')) {
            None if path.ends_with(".parquet") => objects.files.push(object),
            None => {}
            Some(entry) => match parse(entry) {
                Some((version, ".json")) => objects.entries.push((version, object.location)),
                Some((version, rest)) if rest.starts_with(".checkpoint.") => {
                    objects.checkpoints.push((version, object.location));
                }
                _ => {}
            },
        }
    }
    objects.entries.sort();
    objects.checkpoints.sort();
    Ok(objects)
}

/// The version in the name of a log's object, and the rest of the name.
fn parse(name: &str) -> Option<(u64, &str)> {
    let (version, rest) = name.split_at_checked(DIGITS)?;
    Some((version.parse().ok()?, rest))
}
