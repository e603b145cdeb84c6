//! Avro single-object framing: `C3 01`, the schema's 64-bit Rabin fingerprint (little endian), the datum.
//!
//! `encode` writes with the current schema. `decode` reads any released schema and resolves it to the current one.
//! `enrich` relies on one more property of Avro: a record's datum is its fields' data one after the other, and
//! `EnrichedVideo` is `VideoObservation` with fields added at the end, so that enriching a message is appending bytes
//! ([`append_enrichment`]).

use crate::annotation::Annotation;
use crate::ledger::{CoverageEntry, DeadLetter, DriftIncident};
use crate::media::{MediaEntry, MediaOrder};
use crate::observation::{
    CommentObservation, CreatorObservation, Enrichment, HashtagObservation, SoundObservation, VideoObservation,
};
use crate::task::{BudgetEntry, Cursor, Suppression, Task};
use apache_avro::rabin::Rabin;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::schema::{RecordSchema, Schema};
use apache_avro::writer::datum::GenericDatumWriter;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::sync::LazyLock;

/// The two bytes every single object starts with.
const MARKER: [u8; 2] = [0xC3, 0x01];
/// Marker and fingerprint.
pub const HEADER_LEN: usize = 10;

/// What can go wrong between bytes and records.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The bytes do not start as a single object does.
    #[error("not an Avro single object: {0} bytes that do not start with C3 01 and a schema fingerprint")]
    NotFramed(usize),
    /// Written with a schema this version has never released.
    #[error(
        "written with schema {0:016x}, which this version does not know; a newer tidelake wrote it: upgrade this one first"
    )]
    UnknownSchema(u64),
    /// A message of another schema than the one asked for.
    #[error("a message of schema {found}, where {wanted} was expected")]
    WrongSchema {
        /// What was asked for.
        wanted: &'static str,
        /// What stands there.
        found: &'static str,
    },
    /// The datum does not have the schema's shape.
    #[error("damaged Avro: {0}")]
    Damaged(&'static str),
    /// The datum is damaged or holds what the schema forbids.
    #[error("Avro: {0}")]
    Avro(#[from] Box<apache_avro::Error>),
}

impl From<apache_avro::Error> for CodecError {
    fn from(error: apache_avro::Error) -> Self {
        Self::Avro(Box::new(error))
    }
}

/// The schemas, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SchemaName {
    /// `video_observation.avsc`
    VideoObservation,
    /// `enriched_video.avsc`
    EnrichedVideo,
    /// `creator_observation.avsc`
    CreatorObservation,
    /// `comment_observation.avsc`
    CommentObservation,
    /// `hashtag_observation.avsc`
    HashtagObservation,
    /// `sound_observation.avsc`
    SoundObservation,
    /// `coverage_entry.avsc`
    CoverageEntry,
    /// `dead_letter.avsc`
    DeadLetter,
    /// `task.avsc`
    Task,
    /// `cursor.avsc`
    Cursor,
    /// `budget_entry.avsc`
    BudgetEntry,
    /// `drift_incident.avsc`
    DriftIncident,
    /// `media_order.avsc`
    MediaOrder,
    /// `media_entry.avsc`
    MediaEntry,
    /// `annotation.avsc`
    Annotation,
    /// `suppression.avsc`
    Suppression,
}

/// File name, current schema and every released version of each schema.
macro_rules! schema_files {
    ($($name:ident => $file:literal [$($release:literal),*]),+ $(,)?) => {
        impl SchemaName {
            /// Every schema.
            pub const ALL: [Self; [$(Self::$name),+].len()] = [$(Self::$name),+];

            /// The schema's file name without extension.
            pub fn file(self) -> &'static str {
                match self { $(Self::$name => $file),+ }
            }

            /// The current schema, as JSON.
            pub fn json(self) -> &'static str {
                match self { $(Self::$name => include_str!(concat!("../avro/", $file, ".avsc"))),+ }
            }

            /// Every released version of the schema as (release, JSON), oldest first.
            pub fn released(self) -> &'static [(&'static str, &'static str)] {
                match self {
                    $(Self::$name => &[$(($release, include_str!(concat!("../avro/released/", $release, "/", $file, ".avsc")))),*]),+
                }
            }
        }
    };
}

schema_files! {
    VideoObservation => "video_observation" ["0.1.0"],
    EnrichedVideo => "enriched_video" ["0.1.0"],
    CreatorObservation => "creator_observation" ["0.1.0"],
    CommentObservation => "comment_observation" ["0.1.0"],
    HashtagObservation => "hashtag_observation" ["0.1.0"],
    SoundObservation => "sound_observation" ["0.1.0"],
    CoverageEntry => "coverage_entry" ["0.1.0"],
    DeadLetter => "dead_letter" ["0.1.0"],
    Task => "task" ["0.1.0"],
    Cursor => "cursor" ["0.1.0"],
    BudgetEntry => "budget_entry" [],
    DriftIncident => "drift_incident" [],
    MediaOrder => "media_order" [],
    MediaEntry => "media_entry" [],
    Annotation => "annotation" [],
    Suppression => "suppression" [],
}

impl SchemaName {
    /// The current schema.
    pub fn schema(self) -> &'static Schema {
        SCHEMAS.current[&self].datum.schema
    }

    /// The current schema's Rabin fingerprint.
    pub fn fingerprint(self) -> u64 {
        SCHEMAS.current[&self].fingerprint
    }
}

/// A Rust type that is one schema's record.
pub trait Record: Serialize + DeserializeOwned {
    /// Its schema.
    const SCHEMA: SchemaName;
}

macro_rules! records {
    ($($record:ty => $name:ident),+ $(,)?) => { $(impl Record for $record { const SCHEMA: SchemaName = SchemaName::$name; })+ };
}

records! {
    VideoObservation => VideoObservation,
    CreatorObservation => CreatorObservation,
    CommentObservation => CommentObservation,
    HashtagObservation => HashtagObservation,
    SoundObservation => SoundObservation,
    CoverageEntry => CoverageEntry,
    DeadLetter => DeadLetter,
    Task => Task,
    Cursor => Cursor,
    BudgetEntry => BudgetEntry,
    DriftIncident => DriftIncident,
    MediaOrder => MediaOrder,
    MediaEntry => MediaEntry,
    Annotation => Annotation,
    Suppression => Suppression,
}

/// A schema, ready for use.
struct Version {
    name: SchemaName,
    json: &'static str,
    fingerprint: u64,
    datum: Datum,
}

/// A schema's writer and reader, made once: making one resolves every name of the schema.
pub(crate) struct Datum {
    schema: &'static Schema,
    writer: GenericDatumWriter<'static>,
    reader: GenericDatumReader<'static>,
}

impl Datum {
    /// Of a schema that is compiled in, or made of one that is.
    pub(crate) fn of(schema: Schema) -> Self {
        let schema: &'static Schema = Box::leak(Box::new(schema));
        let writer = GenericDatumWriter::builder(schema).human_readable(false).build();
        let reader = GenericDatumReader::builder(schema).human_readable(false).build();
        match (writer, reader) {
            (Ok(writer), Ok(reader)) => Self { schema, writer, reader },
            (Err(e), _) | (_, Err(e)) => unreachable!("a schema that is compiled in: {e}"),
        }
    }

    fn write<T: Serialize>(&self, record: &T, into: &mut Vec<u8>) -> Result<(), CodecError> {
        self.writer.write_ser(into, record)?;
        Ok(())
    }

    pub(crate) fn read<T: DeserializeOwned>(&self, mut from: &[u8]) -> Result<T, CodecError> {
        Ok(self.reader.read_deser(&mut from)?)
    }
}

struct Schemas {
    current: HashMap<SchemaName, &'static Version>,
    known: HashMap<u64, &'static Version>,
}

static SCHEMAS: LazyLock<Schemas> = LazyLock::new(|| {
    let mut schemas = Schemas { current: HashMap::new(), known: HashMap::new() };
    for name in SchemaName::ALL {
        // Released versions first, so that a current one equal to a release is the one found by fingerprint.
        for (_, json) in name.released() {
            let version = load(name, json);
            schemas.known.insert(version.fingerprint, version);
        }
        let version = load(name, name.json());
        schemas.known.insert(version.fingerprint, version);
        schemas.current.insert(name, version);
    }
    schemas
});

fn load(name: SchemaName, json: &'static str) -> &'static Version {
    let schema = Schema::parse_str(json).unwrap_or_else(|e| unreachable!("{}.avsc is compiled in: {e}", name.file()));
    let fingerprint = rabin(&schema);
    Box::leak(Box::new(Version { name, json, fingerprint, datum: Datum::of(schema) }))
}

fn rabin(schema: &Schema) -> u64 {
    let bytes = schema.fingerprint::<Rabin>().bytes;
    let mut eight = [0; 8];
    eight.copy_from_slice(&bytes[..8]);
    u64::from_le_bytes(eight)
}

fn header(fingerprint: u64) -> [u8; HEADER_LEN] {
    let mut header = [0; HEADER_LEN];
    header[..2].copy_from_slice(&MARKER);
    header[2..].copy_from_slice(&fingerprint.to_le_bytes());
    header
}

/// Every version of a schema that messages may be written with, as (fingerprint, JSON).
pub fn versions(name: SchemaName) -> impl Iterator<Item = (u64, &'static str)> {
    SCHEMAS.known.values().filter(move |v| v.name == name).map(|v| (v.fingerprint, v.json))
}

/// The fingerprint a message was written with.
///
/// # Errors
/// [`CodecError::NotFramed`] when the bytes do not start as a single object.
pub fn fingerprint_of(message: &[u8]) -> Result<u64, CodecError> {
    match message.get(..HEADER_LEN) {
        Some(head) if head[..2] == MARKER => {
            let mut eight = [0; 8];
            eight.copy_from_slice(&head[2..]);
            Ok(u64::from_le_bytes(eight))
        }
        _ => Err(CodecError::NotFramed(message.len())),
    }
}

/// A record as one message.
///
/// # Errors
/// [`CodecError::Avro`] when the record does not fit its schema (a test holds that each type always does).
pub fn encode<R: Record>(record: &R) -> Result<Vec<u8>, CodecError> {
    let mut message = Vec::with_capacity(512);
    message.extend_from_slice(&header(R::SCHEMA.fingerprint()));
    SCHEMAS.current[&R::SCHEMA].datum.write(record, &mut message)?;
    Ok(message)
}

/// The record of one message, written with any released version of its schema.
///
/// # Errors
/// See [`CodecError`].
pub fn decode<R: Record>(message: &[u8]) -> Result<R, CodecError> {
    let version = version_of(message, R::SCHEMA)?;
    if version.fingerprint == R::SCHEMA.fingerprint() {
        return version.datum.read(&message[HEADER_LEN..]);
    }
    resolve(message, R::SCHEMA)
}

/// What a type knows of a message of this schema, of any released version.
pub(crate) fn resolve<T: DeserializeOwned>(message: &[u8], name: SchemaName) -> Result<T, CodecError> {
    let version = version_of(message, name)?;
    let reader = GenericDatumReader::builder(version.datum.schema).reader_schema(name.schema()).build()?;
    Ok(apache_avro::from_value(&reader.read_value(&mut &message[HEADER_LEN..])?)?)
}

fn version_of(message: &[u8], wanted: SchemaName) -> Result<&'static Version, CodecError> {
    let fingerprint = fingerprint_of(message)?;
    let version = SCHEMAS.known.get(&fingerprint).ok_or(CodecError::UnknownSchema(fingerprint))?;
    if version.name != wanted {
        return Err(CodecError::WrongSchema { wanted: wanted.file(), found: version.name.file() });
    }
    Ok(version)
}

/// Which schema a message was written with.
///
/// # Errors
/// See [`CodecError`].
pub fn schema_of_message(message: &[u8]) -> Result<SchemaName, CodecError> {
    let fingerprint = fingerprint_of(message)?;
    SCHEMAS.known.get(&fingerprint).map(|v| v.name).ok_or(CodecError::UnknownSchema(fingerprint))
}

/// The enriched message of an observed one: its bytes under the enriched schema's fingerprint, the findings after them.
///
/// A message of an older release is first rewritten with the current schema.
///
/// # Errors
/// See [`CodecError`].
pub fn append_enrichment(observed: &[u8], enrichment: &Enrichment) -> Result<Vec<u8>, CodecError> {
    if fingerprint_of(observed)? != SchemaName::VideoObservation.fingerprint() {
        let current = encode(&decode::<VideoObservation>(observed)?)?;
        return append_enrichment(&current, enrichment);
    }
    let mut message = Vec::with_capacity(observed.len() + 256);
    message.extend_from_slice(&header(SchemaName::EnrichedVideo.fingerprint()));
    message.extend_from_slice(&observed[HEADER_LEN..]);
    ENRICHMENT.write(enrichment, &mut message)?;
    Ok(message)
}

/// The added fields of `EnrichedVideo`, as a record of their own.
static ENRICHMENT: LazyLock<Datum> = LazyLock::new(|| {
    let (observed, enriched) = (record(SchemaName::VideoObservation), record(SchemaName::EnrichedVideo));
    let added: Vec<_> = enriched.fields[observed.fields.len()..].iter().map(|f| f.schema.clone()).collect();
    let names = enriched.fields[observed.fields.len()..].iter().map(|f| f.name.clone());
    let fields: Vec<_> =
        names.zip(added).map(|(name, schema)| serde_json::json!({ "name": name, "type": schema })).collect();
    let json =
        serde_json::json!({ "type": "record", "name": "Enrichment", "namespace": "dev.tidelake.v1", "fields": fields });
    let schema = Schema::parse(&json);
    Datum::of(schema.unwrap_or_else(|e| unreachable!("made of enriched_video.avsc, which is compiled in: {e}")))
});

fn record(name: SchemaName) -> &'static RecordSchema {
    match name.schema() {
        Schema::Record(record) => record,
        _ => unreachable!("{}.avsc is a record", name.file()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use apache_avro::schema_compatibility::SchemaCompatibility;

    /// The trick of [`append_enrichment`] holds only while this does.
    #[test]
    fn enriched_starts_with_observed() {
        let (observed, enriched) = (record(SchemaName::VideoObservation), record(SchemaName::EnrichedVideo));
        for (o, e) in observed.fields.iter().zip(&enriched.fields) {
            assert_eq!((&o.name, &o.schema), (&e.name, &e.schema));
        }
        assert!(enriched.fields.len() > observed.fields.len());
    }

    /// Full transitive compatibility: every release can read every other.
    #[test]
    fn every_release_reads_every_other() {
        for name in SchemaName::ALL {
            let mut versions: Vec<Schema> =
                name.released().iter().map(|(_, json)| Schema::parse_str(json).expect(json)).collect();
            versions.push(name.schema().clone());
            for writer in &versions {
                for reader in &versions {
                    SchemaCompatibility::can_read(writer, reader).unwrap_or_else(|e| panic!("{}: {e}", name.file()));
                }
            }
        }
    }

    /// Both readers give null to what a message of an earlier release does not have.
    #[test]
    fn messages_of_an_earlier_release_lack_what_came_later() {
        let name = SchemaName::CommentObservation;
        let old = Schema::parse_str(name.released()[0].1).expect("a schema");
        let comment = CommentObservation { comment_id: 7, text: Some("t".into()), ..Default::default() };
        let reader = GenericDatumReader::builder(name.schema()).reader_schema(&old).build().expect("a reader");
        let value = reader.read_value(&mut &encode(&comment).expect("encodes")[HEADER_LEN..]).expect("reads");
        let mut message = header(rabin(&old)).to_vec();
        let writer = GenericDatumWriter::builder(&old).build().expect("a writer");
        writer.write_value(&mut message, value).expect("writes");
        assert_eq!(decode::<CommentObservation>(&message).expect("decodes"), comment);
        let mut decoder = crate::arrow_schema::decoder(name, 1).expect("a decoder");
        assert_eq!(decoder.decode(&message).expect("decodes"), message.len());
        let row = decoder.flush().expect("flushes").expect("a row");
        assert_eq!(row["native_id"].null_count(), 1);
        assert_eq!(arrow::array::AsArray::as_struct(&row["author"])["native_id"].null_count(), 1);
    }

    #[test]
    fn bytes_that_are_no_message_are_named() {
        let error = decode::<Task>(b"hello").expect_err("not framed").to_string();
        assert!(error.contains("not an Avro single object"), "{error}");
        let other = encode(&Cursor::default()).expect("encodes");
        assert!(matches!(decode::<Task>(&other), Err(CodecError::WrongSchema { .. })));
        let mut unknown = other;
        unknown[3] ^= 0xff;
        assert!(matches!(decode::<Task>(&unknown), Err(CodecError::UnknownSchema(_))));
    }

    #[test]
    fn dead_letters_keep_their_bytes() {
        let letter = DeadLetter { payload: vec![0, 255, 195, 40], reason: "r".into(), ..Default::default() };
        let back: DeadLetter = decode(&encode(&letter).expect("encodes")).expect("decodes");
        assert_eq!(back, letter);
    }
}
