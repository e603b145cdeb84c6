//! Where files go: a disk or a bucket. They appear when they are whole.

mod bucket;
mod disk;
mod staged;

pub(crate) use staged::staged;

use super::encode::Piece;
use super::{Export, ExportError, ExportedFile};
use crate::place::hex;
use aws_lc_rs::digest::{Context, SHA256};
use bucket::Bucket;
use disk::Disk;
use std::path::PathBuf;

/// What says that a directory of files is whole.
const SUCCESS: &str = "_SUCCESS";

/// Takes files, one after the other.
pub(super) enum Sink {
    Disk(Disk),
    Bucket(Bucket),
}

impl Sink {
    /// Makes ready; refuses to write over what is there unless told to.
    pub(super) async fn open(export: &Export) -> Result<Self, ExportError> {
        match local(&export.to) {
            Some(path) => Disk::open(path, export).map(Self::Disk),
            None => Bucket::open(export).await.map(Self::Bucket),
        }
    }

    pub(super) async fn take(&mut self, piece: Piece) -> Result<(), ExportError> {
        match (self, piece) {
            (Self::Disk(disk), Piece::Begin(name)) => disk.begin(&name),
            (Self::Disk(disk), Piece::Bytes(bytes)) => disk.write(&bytes),
            (Self::Disk(disk), Piece::End(rows)) => disk.end(rows).await,
            (Self::Bucket(bucket), Piece::Begin(name)) => bucket.begin(&name).await,
            (Self::Bucket(bucket), Piece::Bytes(bytes)) => bucket.write(bytes).await,
            (Self::Bucket(bucket), Piece::End(rows)) => bucket.end(rows).await,
        }
    }

    /// Puts everything in its place; where that is, and the files.
    pub(super) async fn publish(self) -> Result<(String, Vec<ExportedFile>), ExportError> {
        match self {
            Self::Disk(disk) => disk.publish().await,
            Self::Bucket(bucket) => bucket.publish().await,
        }
    }
}

/// The path that a destination names, if it is none of a bucket.
fn local(to: &str) -> Option<PathBuf> {
    match to.split_once("://") {
        None => Some(PathBuf::from(to)),
        Some(("file", _)) => url::Url::parse(to).ok()?.to_file_path().ok(),
        Some(_) => None,
    }
}

/// Counts a file's bytes and sums them up.
struct Tally {
    name: String,
    bytes: u64,
    sum: Context,
}

impl Tally {
    fn of(name: &str) -> Self {
        Self { name: name.to_owned(), bytes: 0, sum: Context::new(&SHA256) }
    }

    fn add(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.sum.update(bytes);
    }

    fn done(self, rows: u64) -> ExportedFile {
        ExportedFile { path: self.name, rows, bytes: self.bytes, sha256: hex(self.sum.finish().as_ref()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::ExportFormat;

    #[test]
    fn destinations_are_paths_or_buckets() {
        assert_eq!(local("a/b.csv"), Some("a/b.csv".into()));
        assert_eq!(local("file:///a/b.csv"), Some("/a/b.csv".into()));
        assert_eq!(local("s3://b/c.csv"), None);
        assert_eq!(ExportFormat::of_extension("s3://b/c.csv"), Some(ExportFormat::Csv));
    }
}
