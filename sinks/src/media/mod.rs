//! Pictures and films on their way into object storage.
//!
//! * [`make`]: what is stored of a file that came: a thumbnail in the wanted size and format, or the file as it is.
//! * [`MediaStore`]: content-addressed, so that equal files are stored once.
//!
//! Making is pure. What came is never trusted: pictures are decoded within limits, and cut files are told from whole ones.

mod erase;
mod film;
mod overlay;
mod picture;
mod store;
#[cfg(test)]
mod tests;

pub use erase::{Doomed, Removed};
pub use overlay::Label;
pub use picture::PictureFormat;
pub use store::{Kept, MediaStore, Note, StoreError};

use bytes::Bytes;
use tidelake_schemas::MediaKind;

/// What is made of a file.
#[derive(Clone, Debug, PartialEq)]
pub enum Recipe {
    /// Stored as it came, once it is known to be whole.
    AsItCame,
    /// A picture.
    Picture(PictureRecipe),
}

/// How a picture is made.
#[derive(Clone, Debug, PartialEq)]
pub struct PictureRecipe {
    /// At most so many pixels wide; smaller pictures are not enlarged.
    pub width: u32,
    /// In which format.
    pub format: PictureFormat,
    /// 1 to 100, for JPEG and WebP. PNG loses nothing.
    pub quality: u8,
    /// What is written on it.
    pub label: Option<Label>,
}

/// What was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    /// The file.
    pub bytes: Bytes,
    /// webp, jpeg, png, gif or mp4; the extension too.
    pub format: &'static str,
    /// Pixels.
    pub width: Option<u32>,
    /// Pixels.
    pub height: Option<u32>,
}

/// Why nothing can be made of a file: it is damaged, cut, too large, or of no known form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Corrupt(String);

impl Corrupt {
    /// A file at which the work ended unexpectedly.
    pub fn unreadable() -> Self {
        Self("a file that cannot be worked on".into())
    }
}

/// Makes what is to be stored.
///
/// # Errors
/// [`Corrupt`] says what is wrong with the file.
pub fn make(kind: MediaKind, file: &Bytes, recipe: &Recipe) -> Result<Made, Corrupt> {
    match (kind, recipe) {
        (_, Recipe::Picture(recipe)) => picture::make(file, recipe),
        (MediaKind::Video, Recipe::AsItCame) => film::check(file),
        (MediaKind::Thumbnail | MediaKind::Slide, Recipe::AsItCame) => picture::check(file),
    }
}
