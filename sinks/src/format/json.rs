//! JSON: one array, or one object per line.

use super::numbers::{is_exact, is_id};
use super::{BatchWriter, FormatError};
use arrow::array::{Array, ArrowPrimitiveType, AsArray, PrimitiveArray, RecordBatch};
use arrow::datatypes::{DataType, FieldRef, Int64Type, UInt64Type};
use arrow::error::ArrowError;
use arrow::json::writer::{JsonArray, JsonFormat, LineDelimited, NullableEncoder};
use arrow::json::{Encoder, EncoderFactory, EncoderOptions, WriterBuilder};
use arrow::util::display::{ArrayFormatter, FormatOptions as Display};
use std::io::Write;
use std::sync::Arc;

/// A timestamp without a zone is a wall clock's (`to_local`) and names none: everything in the lake has one.
pub(super) const NAIVE_INSTANT: &str = "%Y-%m-%dT%H:%M:%S%.f";

/// A writer of one JSON array.
pub(super) fn array<W: Write + Send>(out: W) -> JsonWriter<W, JsonArray> {
    JsonWriter { inner: builder().build(out), newline: true }
}

/// A writer of one JSON object per line.
pub(super) fn lines<W: Write + Send>(out: W) -> JsonWriter<W, LineDelimited> {
    JsonWriter { inner: builder().build(out), newline: false }
}

fn builder() -> WriterBuilder {
    WriterBuilder::new()
        .with_explicit_nulls(true)
        .with_timestamp_format(NAIVE_INSTANT.to_owned())
        .with_encoder_factory(Arc::new(SafeNumbers))
}

/// How nested values are written inside other formats.
pub(super) fn nested_options() -> EncoderOptions {
    EncoderOptions::default()
        .with_explicit_nulls(true)
        .with_timestamp_format(NAIVE_INSTANT.to_owned())
        .with_encoder_factory(Arc::new(SafeNumbers))
}

/// Writes JSON.
pub(super) struct JsonWriter<W: Write, F: JsonFormat> {
    inner: arrow::json::Writer<W, F>,
    newline: bool,
}

impl<W: Write + Send, F: JsonFormat + Send> BatchWriter for JsonWriter<W, F> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), FormatError> {
        Ok(self.inner.write(batch)?)
    }

    fn finish(mut self: Box<Self>) -> Result<(), FormatError> {
        self.inner.finish()?;
        let mut out = self.inner.into_inner();
        if self.newline {
            out.write_all(b"\n")?;
        }
        Ok(out.flush()?)
    }
}

/// Ids, large integers and decimals as strings, at any depth.
#[derive(Debug)]
struct SafeNumbers;

impl EncoderFactory for SafeNumbers {
    fn make_default_encoder<'a>(
        &self,
        field: &'a FieldRef,
        array: &'a dyn Array,
        _options: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        let id = is_id(field.name());
        let encoder: Box<dyn Encoder + 'a> = match array.data_type() {
            DataType::Int64 => integers(array.as_primitive::<Int64Type>(), id, i64::unsigned_abs),
            DataType::UInt64 => integers(array.as_primitive::<UInt64Type>(), id, |v| v),
            kind if kind.is_integer() && id => Box::new(Quoted(formatter(array)?)),
            kind if kind.is_decimal() => Box::new(Quoted(formatter(array)?)),
            _ => return Ok(None),
        };
        Ok(Some(NullableEncoder::new(encoder, array.nulls().cloned())))
    }
}

fn formatter(array: &dyn Array) -> Result<ArrayFormatter<'_>, ArrowError> {
    const DISPLAY: Display<'static> = Display::new();
    ArrayFormatter::try_new(array, &DISPLAY)
}

/// What has no characters that JSON escapes, between quotes.
struct Quoted<'a>(ArrayFormatter<'a>);

impl Encoder for Quoted<'_> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("\"{}\"", self.0.value(row)).as_bytes());
    }
}

struct Integers<'a, T: ArrowPrimitiveType> {
    array: &'a PrimitiveArray<T>,
    always_quoted: bool,
    magnitude: fn(T::Native) -> u64,
}

fn integers<'a, T>(array: &'a PrimitiveArray<T>, id: bool, magnitude: fn(T::Native) -> u64) -> Box<dyn Encoder + 'a>
where
    T: ArrowPrimitiveType,
    T::Native: std::fmt::Display,
{
    Box::new(Integers { array, always_quoted: id, magnitude })
}

impl<T> Encoder for Integers<'_, T>
where
    T: ArrowPrimitiveType,
    T::Native: std::fmt::Display,
{
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        let value = self.array.value(row);
        let text = if self.always_quoted || !is_exact((self.magnitude)(value)) {
            format!("\"{value}\"")
        } else {
            value.to_string()
        };
        out.extend_from_slice(text.as_bytes());
    }
}
