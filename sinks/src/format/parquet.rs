//! Parquet files.

use super::{BatchWriter, FormatError};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use std::io::Write;

/// A writer of one Parquet file.
pub(super) fn file<W: Write + Send>(out: W, schema: &SchemaRef) -> Result<ParquetWriter<W>, FormatError> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by(concat!("tidelake ", env!("CARGO_PKG_VERSION")).to_owned())
        .build();
    Ok(ParquetWriter(ArrowWriter::try_new(out, schema.clone(), Some(properties))?))
}

/// A writer of one Parquet file for others' readers: its types are Parquet's own, without Arrow's beside them, so that
/// texts are texts to readers that know no Arrow views.
pub(crate) fn plain<W: Write + Send>(
    out: W,
    schema: &SchemaRef,
    properties: WriterProperties,
) -> Result<ParquetWriter<W>, FormatError> {
    let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    Ok(ParquetWriter(ArrowWriter::try_new_with_options(out, schema.clone(), options)?))
}

/// Writes Parquet.
pub(crate) struct ParquetWriter<W: Write + Send>(ArrowWriter<W>);

impl<W: Write + Send> BatchWriter for ParquetWriter<W> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), FormatError> {
        Ok(self.0.write(batch)?)
    }

    fn finish(self: Box<Self>) -> Result<(), FormatError> {
        let mut out = self.0.into_inner()?;
        Ok(out.flush()?)
    }
}
