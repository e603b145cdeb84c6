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
    /// The export itself, which the files are below of where it is a directory.
    base: Path,
    pub(super) paths: Vec<Path>,
}

/// What became of a file.
pub(super) enum Rewritten {
    /// It names nobody.
    Clean,
    /// It stands without the rows.
    Done { rows: usize, sha256: String },
    /// It is no more: it could not be rewritten, or all of it was theirs.
    Deleted { rows: usize },
}

/// What is left of a file's content.
enum Left {
    /// This, and so many rows less.
    Rows(Vec<u8>, usize),
    /// It is text that is no rows.
    Text,
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
                Ok(_) => return Ok(Self { place, base: path.clone(), paths: vec![path] }),
                Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(Unreached::failed(error)),
            }
        }
        let listed: Vec<_> = place.store.list(Some(&path)).try_collect().await.map_err(Unreached::failed)?;
        if listed.is_empty() {
            return Err(Unreached::Gone);
        }
        Ok(Self { place, base: path, paths: listed.into_iter().map(|object| object.location).collect() })
    }

    /// Takes rows out of a file.
    pub(super) async fn rewrite(&self, path: &Path, format: &str, erased: &Suppressions) -> Result<Rewritten, String> {
        let content = match self.place.store.get(path).await {
            Ok(found) => found.bytes().await.map_err(|e| e.to_string())?,
            Err(object_store::Error::NotFound { .. }) => return Ok(Rewritten::Clean),
            Err(error) => return Err(error.to_string()),
        };
        let packing = Packing::of_content(&content);
        let unpacked = packing.unpack(content).map_err(|error| error.to_string());
        let looked = |names: &dyn Fn(&str) -> bool| content_of(unpacked.as_ref()?, format_of(path, format), names);
        if self.is_part_of(path, erased) {
            let rows = match looked(&|_| true) {
                Ok(Left::Rows(_, rows)) => rows,
                _ => 0,
            };
            self.delete(path).await?;
            return Ok(Rewritten::Deleted { rows });
        }
        match looked(&|value| text::names(erased, value)) {
            Ok(Left::Rows(_, 0)) => Ok(Rewritten::Clean),
            Ok(Left::Rows(new, rows)) => {
                let new = packing.pack(new).map_err(|e| e.to_string())?;
                let sha256 = hex(digest(&SHA256, &new).as_ref());
                self.place.store.put(path, PutPayload::from(new)).await.map_err(|e| e.to_string())?;
                Ok(Rewritten::Done { rows, sha256 })
            }
            Ok(Left::Text) if !unpacked.as_ref().is_ok_and(|text| erased.named_in(&String::from_utf8_lossy(text))) => {
                Ok(Rewritten::Clean)
            }
            Ok(Left::Text) | Err(_) => {
                self.delete(path).await?;
                Ok(Rewritten::Deleted { rows: 0 })
            }
        }
    }

    /// Whether a file is a part of an export that is theirs: its rows have the column no more by which it was parted.
    fn is_part_of(&self, path: &Path, erased: &Suppressions) -> bool {
        let mut below = path.prefix_match(&self.base).into_iter().flatten();
        // Names have no characters that paths escape.
        below.any(|part| part.as_ref().split_once('=').is_some_and(|(_, value)| text::names(erased, value)))
    }

    /// Deletes a file, and the directory of a part that is empty then: its name says whose it was.
    pub(super) async fn delete(&self, path: &Path) -> Result<(), String> {
        match self.place.store.delete(path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(error.to_string()),
        }
        let root = url::Url::parse(&self.place.shown).ok().and_then(|url| url.to_file_path().ok());
        if let Some(dir) = root.and_then(|root| Some(root.join(path.as_ref()).parent()?.to_owned()))
            && path != &self.base
        {
            // It stays while there is something in it.
            _ = std::fs::remove_dir(dir);
        }
        Ok(())
    }
}

/// How a file is written: as its name says, if that says anything.
fn format_of<'p>(path: &'p Path, format: &'p str) -> &'p str {
    let (name, _) = Packing::of_name(path.filename().unwrap_or_default());
    let extension = name.rsplit_once('.').map(|(_, end)| end);
    extension.filter(|end| KNOWN.contains(end)).unwrap_or(format)
}

/// The kinds of files that are looked into; and `xlsx` and `pdf`, which are not.
const KNOWN: [&str; 12] =
    ["parquet", "csv", "json", "ndjson", "jsonl", "html", "htm", "md", "table", "gexf", "xlsx", "pdf"];

fn content_of(content: &Bytes, format: &str, names: &dyn Fn(&str) -> bool) -> Result<Left, String> {
    let rows = |(new, gone)| Left::Rows(new, gone);
    match format {
        "parquet" => parquet(content, names).map(rows),
        "csv" => text::csv(content, names).map(rows),
        // Other JSON than an array is no rows.
        "json" => Ok(text::json(content, names).map_or(Left::Text, rows)),
        "ndjson" | "jsonl" => text::lines(content, names).map(rows),
        "html" | "htm" | "md" | "table" | "gexf" => Ok(Left::Text),
        _ => Err("files of this kind are not looked into".to_owned()),
    }
}

/// A Parquet file without the rows; its key-value metadata stays.
fn parquet(content: &Bytes, names: &dyn Fn(&str) -> bool) -> Result<(Vec<u8>, usize), String> {
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
        let (batch, here) = without(&batch.map_err(|e| e.to_string())?, names).map_err(|e| e.to_string())?;
        gone += here;
        writer.write(&batch).map_err(|e| e.to_string())?;
    }
    writer.close().map_err(|e| e.to_string())?;
    Ok((new, gone))
}

/// A batch without the rows that name somebody, and how many those were.
fn without(batch: &RecordBatch, names: &dyn Fn(&str) -> bool) -> Result<(RecordBatch, usize), ArrowError> {
    let mut stays = vec![true; batch.num_rows()];
    for column in batch.columns() {
        mark(column, names, &mut stays)?;
    }
    let gone = stays.iter().filter(|stays| !**stays).count();
    Ok((filter_record_batch(batch, &BooleanArray::from(stays))?, gone))
}

fn mark(column: &ArrayRef, names: &dyn Fn(&str) -> bool, stays: &mut [bool]) -> Result<(), ArrowError> {
    match column.data_type() {
        DataType::Struct(_) => column.as_struct().columns().iter().try_for_each(|inner| mark(inner, names, stays)),
        kind if kind.is_integer() || kind.is_string() || matches!(kind, DataType::Dictionary(..)) => {
            let texts = cast(column, &DataType::Utf8)?;
            for (text, stays) in texts.as_string::<i32>().iter().zip(stays) {
                *stays = *stays && !text.is_some_and(names);
            }
            Ok(())
        }
        _ => Ok(()),
    }
}
