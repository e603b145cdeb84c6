//! What files say, byte by byte and value by value.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A file, or every file below a directory.
pub(crate) fn files(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(path) else { return Vec::from_iter(path.is_file().then(|| path.to_owned())) };
    entries.flat_map(|entry| files(&entry.expect("an entry").path())).collect()
}

/// Every value of a column, nested ones too, as text.
fn texts(column: &ArrayRef, found: &mut BTreeSet<String>) {
    match column.data_type() {
        DataType::Struct(_) => column.as_struct().columns().iter().for_each(|inner| texts(inner, found)),
        DataType::List(_) => texts(column.as_list::<i32>().values(), found),
        DataType::Map(..) => texts(&(std::sync::Arc::new(column.as_map().entries().clone()) as ArrayRef), found),
        kind if kind.is_binary() => {
            let bytes = cast(column, &DataType::Binary).expect("casts");
            let bytes = bytes.as_binary::<i32>();
            found.extend(bytes.iter().flatten().map(|b| String::from_utf8_lossy(b).into_owned()));
        }
        _ => {
            if let Ok(text) = cast(column, &DataType::Utf8) {
                found.extend(text.as_string::<i32>().iter().flatten().map(str::to_owned));
            }
        }
    }
}

pub(crate) fn all_texts(batches: &[RecordBatch]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    batches.iter().flat_map(RecordBatch::columns).for_each(|column| texts(column, &mut found));
    found
}

/// What a file of the lake says: its bytes, and of Parquet every value.
pub(crate) fn said_by(path: &Path) -> BTreeSet<String> {
    let bytes = std::fs::read(path).expect("reads");
    let mut said = BTreeSet::from([String::from_utf8_lossy(&bytes).to_lowercase()]);
    if path.extension().is_some_and(|e| e == "parquet") {
        let file = std::fs::File::open(path).expect("opens");
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet").build().expect("reads");
        let batches: Vec<RecordBatch> = reader.map(|batch| batch.expect("a batch")).collect();
        said.extend(all_texts(&batches).into_iter().map(|text| text.to_lowercase()));
    }
    said
}

/// Neither a file's name nor what it says holds any of these.
pub(crate) fn assert_gone(path: &Path, needles: &[&str]) {
    let needles: Vec<String> = needles.iter().map(|needle| needle.to_lowercase()).collect();
    for file in files(path) {
        let said = said_by(&file).into_iter().chain([file.display().to_string().to_lowercase()]);
        for text in said {
            for needle in &needles {
                // Others mention her: their words are theirs.
                let without = text.replace(&format!("@{needle}"), "");
                assert!(!without.contains(needle.as_str()), "{} still holds {needle}: {text:.200}", file.display());
            }
        }
    }
}
