//! The files of an export, and how each is replaced.

use super::{Unreached, text};
use crate::packing::Packing;
use crate::place::{Place, hex};
use crate::privacy::Suppressions;
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use std::collections::HashMap;
use std::path::PathBuf;

/// The files of an export.
pub(super) struct Files {
    place: Place,
    pub(super) paths: Vec<Path>,
}

/// What became of a file.
pub(super) enum Rewritten {
    /// It names nobody.
    Clean,
    /// It stands without the rows.
    Done { rows: usize, sha256: String },
    /// It is of a kind that cannot be rewritten.
    Deleted,
}

/// A directory or file of this machine that is not there.
pub(super) fn is_absent(location: &str) -> bool {
    local(location).is_some_and(|path| !path.exists())
}

/// The path of a location that is on this machine.
fn local(location: &str) -> Option<PathBuf> {
    match url::Url::parse(location) {
        Ok(url) if url.scheme() == "file" => url.to_file_path().ok(),
        Ok(url) if url.scheme().len() > 1 => None,
        _ => Some(PathBuf::from(location)),
    }
}

impl Files {
    /// The file at a location, or those below it.
    pub(super) async fn of(location: &str, options: &HashMap<String, String>) -> Result<Self, Unreached> {
        if is_absent(location) {
            return Err(Unreached::Gone);
        }
        // A place is a directory or prefix: of a file, the one above it.
        let (above, name) = location.trim_end_matches('/').rsplit_once('/').unwrap_or((".", location));
        let above = if above.is_empty() { "/" } else { above };
        let place = Place::at(above, options).map_err(Unreached::Failed)?;
        let path = place.path(name);
        if local(location).is_none_or(|path| path.is_file()) {
            match place.store.head(&path).await {
                Ok(_) => return Ok(Self { place, paths: vec![path] }),
                Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(Unreached::failed(error)),
            }
        }
        let listed: Vec<_> = place.store.list(Some(&path)).try_collect().await.map_err(Unreached::failed)?;
        if listed.is_empty() {
            return Err(Unreached::Gone);
        }
        Ok(Self { place, paths: listed.into_iter().map(|object| object.location).collect() })
    }

    /// Takes rows out of a file.
    pub(super) async fn rewrite(&self, path: &Path, format: &str, erased: &Suppressions) -> Result<Rewritten, String> {
        let content = match self.place.store.get(path).await {
            Ok(found) => found.bytes().await.map_err(|e| e.to_string())?,
            Err(object_store::Error::NotFound { .. }) => return Ok(Rewritten::Clean),
            Err(error) => return Err(error.to_string()),
        };
        match rewritten(path, content, format, erased) {
            Ok((_, 0)) => Ok(Rewritten::Clean),
            Ok((new, rows)) => {
                let sha256 = hex(digest(&SHA256, &new).as_ref());
                self.place.store.put(path, PutPayload::from(new)).await.map_err(|e| e.to_string())?;
                Ok(Rewritten::Done { rows, sha256 })
            }
            Err(_) => {
                self.place.store.delete(path).await.map_err(|e| e.to_string())?;
                Ok(Rewritten::Deleted)
            }
        }
    }
}

/// A file without the rows, compressed as it was, and how many those were.
fn rewritten(path: &Path, content: Bytes, format: &str, erased: &Suppressions) -> Result<(Vec<u8>, usize), String> {
    let packing = Packing::of_content(&content);
    let content = packing.unpack(content).map_err(|e| e.to_string())?;
    let (name, _) = Packing::of_name(path.filename().unwrap_or_default());
    let extension = name.rsplit_once('.').map_or(format, |(_, end)| end);
    let (new, gone) = match extension {
        "parquet" => parquet(&content, erased),
        "csv" => text::csv(&content, erased),
        "json" => text::json(&content, erased),
        "ndjson" | "jsonl" => text::lines(&content, erased),
        _ => Err("of this kind files are not rewritten".to_owned()),
    }?;
    Ok((packing.pack(new).map_err(|e| e.to_string())?, gone))
}

/// A Parquet file without the rows; its key-value metadata stays.
fn parquet(content: &Bytes, erased: &Suppressions) -> Result<(Vec<u8>, usize), String> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(content.clone()).map_err(|e| e.to_string())?;
    let schema = builder.schema().clone();
    let columns = builder.metadata().row_groups().first().and_then(|group| group.columns().first().cloned());
    let compression = columns.map_or(Compression::SNAPPY, |column| column.compression());
    let kept = builder.metadata().file_metadata().key_value_metadata().cloned();
    // The writer adds the schema by itself.
    let kept = kept.map(|all| all.into_iter().filter(|pair| pair.key != "ARROW:schema").collect());
    let properties = WriterProperties::builder().set_compression(compression).set_key_value_metadata(kept).build();
    let mut new = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut new, schema, Some(properties)).map_err(|e| e.to_string())?;
    let mut gone = 0;
    for batch in builder.build().map_err(|e| e.to_string())? {
        let (batch, here) = without(&batch.map_err(|e| e.to_string())?, erased).map_err(|e| e.to_string())?;
        gone += here;
        writer.write(&batch).map_err(|e| e.to_string())?;
    }
    writer.close().map_err(|e| e.to_string())?;
    Ok((new, gone))
}

/// A batch without the rows that name somebody, and how many those were.
fn without(batch: &RecordBatch, erased: &Suppressions) -> Result<(RecordBatch, usize), ArrowError> {
    let mut stays = vec![true; batch.num_rows()];
    for column in batch.columns() {
        mark(column, erased, &mut stays)?;
    }
    let gone = stays.iter().filter(|stays| !**stays).count();
    Ok((filter_record_batch(batch, &BooleanArray::from(stays))?, gone))
}

fn mark(column: &ArrayRef, erased: &Suppressions, stays: &mut [bool]) -> Result<(), ArrowError> {
    match column.data_type() {
        DataType::Struct(_) => column.as_struct().columns().iter().try_for_each(|inner| mark(inner, erased, stays)),
        kind if kind.is_integer() || kind.is_string() || matches!(kind, DataType::Dictionary(..)) => {
            let texts = cast(column, &DataType::Utf8)?;
            for (text, stays) in texts.as_string::<i32>().iter().zip(stays) {
                *stays = *stays && !text.is_some_and(|text| text::names(erased, text));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}
