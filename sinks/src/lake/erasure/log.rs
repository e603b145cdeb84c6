//! The objects of a table's folder: data files, log entries, checkpoints.

use crate::lake::location::LakeError;
use crate::lake::log::FOLDER;
use crate::lake::log::{Kind, parse};
pub(super) use crate::lake::log::{failed, store};
use deltalake::DeltaTable;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};

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

/// Lists a table's folder.
pub(super) async fn objects(table: &DeltaTable, name: &str) -> Result<Objects, LakeError> {
    let listed: Vec<ObjectMeta> = store(table).list(None).try_collect().await.map_err(failed(name))?;
    let mut objects = Objects::default();
    for object in listed {
        let path = object.location.as_ref();
        match parse(path) {
            Some((version, Kind::Commit)) => objects.entries.push((version.unsigned_abs(), object.location)),
            Some((version, Kind::Checkpoint)) => objects.checkpoints.push((version.unsigned_abs(), object.location)),
            None if path.ends_with(".parquet") && !path.starts_with(FOLDER) => objects.files.push(object),
            None => {}
        }
    }
    objects.entries.sort();
    objects.checkpoints.sort();
    Ok(objects)
}
