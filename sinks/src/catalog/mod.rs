//! The user's catalogue of products: rows of files and answers as entries ([`rows`]), and the Delta table `catalog` that
//! keeps them ([`table`]).

mod rows;
mod table;

pub use rows::{Read, Refused, of_answer, of_file};
pub(crate) use table::schema;
pub use table::{CatalogTable, TABLE};

use crate::lake::LakeError;
use crate::query::QueryError;
use std::path::{Path, PathBuf};

/// What can go wrong with a catalogue. That a row cannot be used is none of it: see [`Read::refused`].
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The file cannot be read.
    #[error("{}: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// The lake failed.
    #[error("{0}")]
    Lake(#[from] LakeError),
    /// A query failed.
    #[error("{0}")]
    Query(#[from] QueryError),
    /// Rows could not be brought into another form.
    #[error("the catalogue's rows: {0}")]
    Rows(String),
}

impl CatalogError {
    fn file(path: &Path) -> impl Fn(String) -> Self {
        move |why| Self::File { path: path.to_owned(), why }
    }
}

#[cfg(test)]
mod tests;
