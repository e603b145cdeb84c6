//! Batches of messages as Arrow record batches.

use crate::codec::{self, SchemaName};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow_avro::codec::Tz;
use arrow_avro::reader::{Decoder, ReaderBuilder};
use arrow_avro::schema::{AvroSchema, Fingerprint, SchemaStore};

/// A decoder of single-object messages of this schema, of any release, into batches of the current schema.
///
/// Poison is the caller's: check [`crate::codec::schema_of_message`] first, and on a decode error rebuild the decoder.
///
/// # Errors
/// When the schemas do not resolve; a test holds that they do.
pub fn decoder(name: SchemaName, batch_size: usize) -> Result<Decoder, ArrowError> {
    // Registered under the fingerprints messages carry: arrow-avro's own canonical form differs from apache-avro's.
    let mut store = SchemaStore::new();
    for (fingerprint, json) in codec::versions(name) {
        store.set(Fingerprint::Rabin(fingerprint), AvroSchema::new(json.to_owned()))?;
    }
    ReaderBuilder::new()
        .with_batch_size(batch_size)
        .with_tz(Tz::Utc)
        .with_writer_schema_store(store)
        .with_active_fingerprint(Fingerprint::Rabin(name.fingerprint()))
        .with_reader_schema(AvroSchema::new(name.json().to_owned()))
        .build_decoder()
}

/// The Arrow schema of a topic's records, derived from the Avro one.
///
/// # Errors
/// As [`decoder`].
pub fn arrow_schema(name: SchemaName) -> Result<SchemaRef, ArrowError> {
    Ok(decoder(name, 1)?.schema())
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::{DataType, TimeUnit};

    #[test]
    fn every_schema_has_an_arrow_form() {
        for name in SchemaName::ALL {
            let schema = arrow_schema(name).unwrap_or_else(|e| panic!("{}: {e}", name.file()));
            assert!(!schema.fields().is_empty());
        }
    }

    #[test]
    fn a_message_becomes_a_row() {
        let task = crate::Task { task: "t".into(), cadence_s: 7, ..crate::Task::default() };
        let mut decoder = decoder(SchemaName::Task, 10).expect("decoder");
        let message = codec::encode(&task).expect("encodes");
        assert_eq!(decoder.decode(&message).expect("decodes"), message.len());
        assert_eq!(decoder.flush().expect("flushes").expect("a batch").num_rows(), 1);
    }

    #[test]
    fn instants_are_utc_microseconds() {
        let schema = arrow_schema(SchemaName::EnrichedVideo).expect("derives");
        let field = schema.field_with_name("observed_at").expect("has it");
        assert_eq!(field.data_type(), &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())));
        assert_eq!(schema.field_with_name("video_id").expect("has it").data_type(), &DataType::Int64);
    }
}
