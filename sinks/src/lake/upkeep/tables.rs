//! Which tables there are, and what shape they are in.

use super::version;
use crate::lake::location::{Lake, LakeError};
use crate::place::Place;
use deltalake::DeltaTable;
use object_store::ObjectStore;
use serde::Serialize;

/// A file of this share of the target size, or more, is of the target size.
const FULL: f64 = 0.75;

/// What shape a table is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Shape {
    /// The newest version.
    pub version: i64,
    /// Files of it.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes in files of the target size.
    pub bytes_in_full_files: u64,
}

impl Shape {
    /// The share of bytes that is in files of the target size; `None` for a table without bytes.
    pub fn full_share(&self) -> Option<f64> {
        (self.bytes > 0).then(|| self.bytes_in_full_files as f64 / self.bytes as f64)
    }
}

/// Is this the size a file should have?
pub(super) fn is_full(bytes: i64, target: u64) -> bool {
    bytes as f64 >= target as f64 * FULL
}

/// The shape of a table; `None` when there is none.
///
/// # Errors
/// [`LakeError`].
pub async fn shape(lake: &Lake, name: &str, target_file_bytes: u64) -> Result<Option<Shape>, LakeError> {
    let Some(table) = lake.open(name).await? else { return Ok(None) };
    of(&table, name, target_file_bytes).map(Some)
}

fn of(table: &DeltaTable, name: &str, target: u64) -> Result<Shape, LakeError> {
    let log = table.snapshot().and_then(|s| s.snapshot().try_log_data()).map_err(LakeError::delta(name))?;
    let mut shape = Shape { version: version(table), ..Shape::default() };
    for file in log.iter() {
        let bytes = u64::try_from(file.size()).unwrap_or(0);
        shape.files += 1;
        shape.bytes += bytes;
        if is_full(file.size(), target) {
            shape.bytes_in_full_files += bytes;
        }
    }
    Ok(shape)
}

/// The names of the lake's tables, sorted: every folder with a log, whoever made it.
///
/// # Errors
/// [`LakeError`] when the lake cannot be listed.
pub async fn tables(lake: &Lake) -> Result<Vec<String>, LakeError> {
    let root = lake.root().to_string();
    let refuse = |why: String| LakeError::Location { location: root.clone(), why };
    let place = Place::at(lake.root().as_str(), lake.options()).map_err(refuse)?;
    let listed = place.store.list_with_delimiter(Some(&place.root)).await.map_err(|e| refuse(e.to_string()))?;
    let folders = listed.common_prefixes.iter().filter_map(|folder| folder.filename().map(str::to_owned));
    let mut names = Vec::new();
    for name in folders.filter(|name| !name.starts_with(['_', '.'])) {
        if lake.open(&name).await?.is_some() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}
