//! Single values as text, for the formats that are made of lines.

use super::FormatError;
use super::json::{NAIVE_INSTANT, nested_options};
use super::numbers::is_nested;
use arrow::array::{Array, ArrayRef};
use arrow::datatypes::FieldRef;
use arrow::json::EncoderOptions;
use arrow::json::writer::{NullableEncoder, make_encoder};
use arrow::util::display::{ArrayFormatter, DurationFormat, FormatOptions as Display};

const DISPLAY: Display<'static> = Display::new()
    .with_timestamp_format(Some(NAIVE_INSTANT))
    .with_duration_format(DurationFormat::Pretty)
    .with_display_error(false);

/// The settings nested values are written by; kept by whoever makes [`Cells`].
pub(super) struct Settings(EncoderOptions);

impl Default for Settings {
    fn default() -> Self {
        Self(nested_options())
    }
}

/// One column's values as text.
pub(super) enum Cells<'a> {
    /// Plain values.
    Plain { array: &'a ArrayRef, text: ArrayFormatter<'a> },
    /// Nested values: JSON.
    Nested { array: &'a ArrayRef, json: NullableEncoder<'a> },
}

impl<'a> Cells<'a> {
    /// The values of a column.
    pub(super) fn of(field: &'a FieldRef, array: &'a ArrayRef, settings: &'a Settings) -> Result<Self, FormatError> {
        Ok(if is_nested(array.data_type()) {
            Self::Nested { array, json: make_encoder(field, array, &settings.0)? }
        } else {
            Self::Plain { array, text: ArrayFormatter::try_new(array, &DISPLAY)? }
        })
    }

    /// The value in a row; `None` when it is null.
    pub(super) fn get(&mut self, row: usize) -> Result<Option<String>, FormatError> {
        Ok(match self {
            Self::Plain { array, text } if array.is_valid(row) => Some(text.value(row).try_to_string()?),
            Self::Nested { array, json } if array.is_valid(row) => {
                let mut out = Vec::new();
                json.encode(row, &mut out);
                Some(String::from_utf8_lossy(&out).into_owned())
            }
            _ => None,
        })
    }
}
