//! Some fields of a record, read without decoding the others.
//!
//! An Avro record's datum is its fields' data one after the other, so that a reader that knows how long each field is
//! can step over what it does not want. Enrich reads four of a video's thirty fields this way.

use crate::codec::{self, CodecError, Datum, HEADER_LEN, SchemaName};
use crate::observation::{AuthorRef, CaptionEntity, CaptionFindings, Provenance, VideoObservation};
use crate::time::Timestamp;
use apache_avro::schema::{DecimalSchema, InnerDecimalSchema, Name, RecordSchema, Schema};
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::LazyLock;

/// What the caption stages look at.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct CaptionFields {
    /// The caption as observed.
    pub caption: Option<String>,
    /// Hashtags and mentions as the source marks them.
    pub caption_entities: Vec<CaptionEntity>,
    /// The region the source states.
    pub region: Option<String>,
    /// The language the source states.
    pub source_language: Option<String>,
}

impl CaptionFields {
    const NAMES: [&str; 4] = ["caption", "caption_entities", "region", "source_language"];

    /// Of one message of [`VideoObservation`]. The whole datum is stepped through, so that a damaged one is noticed,
    /// but texts of other fields are not checked to be UTF-8.
    ///
    /// # Errors
    /// See [`CodecError`].
    pub fn of_video(message: &[u8]) -> Result<Self, CodecError> {
        if codec::fingerprint_of(message)? != SchemaName::VideoObservation.fingerprint() {
            let VideoObservation { caption, caption_entities, region, source_language, .. } = codec::decode(message)?;
            return Ok(Self { caption, caption_entities, region, source_language });
        }
        VIDEO.datum.read(&VIDEO.pick(&message[HEADER_LEN..])?)
    }
}

/// A caption and whose it is.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct EnrichedCaption {
    /// Of the observation.
    pub event_id: String,
    /// The platform.
    pub platform: String,
    /// The video.
    pub video_id: i64,
    /// The platform's own id, where it is no number.
    pub native_id: Option<String>,
    /// When it was observed.
    pub observed_at: Timestamp,
    /// Where it came from.
    pub provenance: Provenance,
    /// Whose it is.
    pub author: AuthorRef,
    /// The caption as observed.
    pub caption: Option<String>,
    /// What the stages found in it.
    pub findings: CaptionFindings,
}

impl EnrichedCaption {
    #[rustfmt::skip]
    const NAMES: [&str; 9] =
        ["event_id", "platform", "video_id", "native_id", "observed_at", "provenance", "author", "caption", "findings"];

    /// Of one message of an enriched video; see [`CaptionFields::of_video`].
    ///
    /// # Errors
    /// See [`CodecError`].
    pub fn of_enriched(message: &[u8]) -> Result<Self, CodecError> {
        if codec::fingerprint_of(message)? != SchemaName::EnrichedVideo.fingerprint() {
            return codec::resolve(message, SchemaName::EnrichedVideo);
        }
        ENRICHED.datum.read(&ENRICHED.pick(&message[HEADER_LEN..])?)
    }
}

static VIDEO: LazyLock<Projection> =
    LazyLock::new(|| Projection::of(SchemaName::VideoObservation, "CaptionFields", &CaptionFields::NAMES));
static ENRICHED: LazyLock<Projection> =
    LazyLock::new(|| Projection::of(SchemaName::EnrichedVideo, "EnrichedCaption", &EnrichedCaption::NAMES));

/// Which fields of a record are wanted, and how long each of its fields is.
struct Projection {
    fields: Vec<(Shape, bool)>,
    /// The wanted fields as a record of their own.
    datum: Datum,
}

impl Projection {
    /// `part` is the type that the wanted fields are read into.
    fn of(name: SchemaName, part: &str, wanted: &[&str]) -> Self {
        let Schema::Record(record) = name.schema() else { unreachable!("{}.avsc is a record", name.file()) };
        let mut named = HashMap::new();
        let is_wanted = |name: &String| wanted.contains(&name.as_str());
        let fields = record.fields.iter().map(|f| (Shape::of(&f.schema, &mut named), is_wanted(&f.name))).collect();
        Self { fields, datum: Datum::of(self::part(record, part, is_wanted)) }
    }

    /// The wanted fields' data, one after the other.
    fn pick(&self, datum: &[u8]) -> Result<Vec<u8>, CodecError> {
        let (mut rest, mut picked) = (datum, Vec::with_capacity(datum.len() / 2));
        for (shape, wanted) in &self.fields {
            let after = shape.skip(rest)?;
            if *wanted {
                picked.extend_from_slice(&rest[..rest.len() - after.len()]);
            }
            rest = after;
        }
        if rest.is_empty() { Ok(picked) } else { Err(CodecError::Damaged("bytes follow the record")) }
    }
}

/// A record of some of another's fields; apache-avro wants it to be named like the type it is read into.
fn part(record: &RecordSchema, name: &str, wanted: impl Fn(&String) -> bool) -> Schema {
    let fields = record.fields.iter().filter(|f| wanted(&f.name));
    let fields: Vec<_> = fields.map(|f| serde_json::json!({ "name": f.name, "type": f.schema })).collect();
    let json = serde_json::json!({ "type": "record", "name": name, "namespace": "dev.tidelake.v1", "fields": fields });
    Schema::parse(&json).unwrap_or_else(|e| unreachable!("made of a schema that is compiled in: {e}"))
}

/// As much of a schema as is needed to find the end of a value.
#[derive(Clone)]
enum Shape {
    Null,
    /// Booleans, floats, fixed.
    Bytes(usize),
    /// Ints, longs, enums and what is encoded like them.
    Varint,
    /// Strings and bytes.
    Prefixed,
    Union(Vec<Self>),
    Array(Box<Self>),
    Map(Box<Self>),
    Record(Vec<Self>),
}

impl Shape {
    fn of(schema: &Schema, named: &mut HashMap<Name, Self>) -> Self {
        match schema {
            Schema::Null => Self::Null,
            Schema::Boolean => Self::Bytes(1),
            Schema::Float => Self::Bytes(4),
            Schema::Double => Self::Bytes(8),
            Schema::Fixed(fixed) => named_as(named, &fixed.name, Self::Bytes(fixed.size)),
            Schema::Enum(name) => named_as(named, &name.name, Self::Varint),
            Schema::Array(array) => Self::Array(Box::new(Self::of(&array.items, named))),
            Schema::Map(map) => Self::Map(Box::new(Self::of(&map.types, named))),
            Schema::Union(union) => Self::Union(union.variants().iter().map(|v| Self::of(v, named)).collect()),
            Schema::Record(record) => {
                let fields = record.fields.iter().map(|f| Self::of(&f.schema, named)).collect();
                named_as(named, &record.name, Self::Record(fields))
            }
            Schema::Ref { name } => named
                .get(name)
                .cloned()
                .unwrap_or_else(|| unreachable!("{name} is used before it is defined, or within itself")),
            Schema::String
            | Schema::Bytes
            | Schema::Decimal(DecimalSchema { inner: InnerDecimalSchema::Bytes, .. }) => Self::Prefixed,
            Schema::Int
            | Schema::Long
            | Schema::Date
            | Schema::TimestampMillis
            | Schema::TimestampMicros
            | Schema::TimestampNanos => Self::Varint,
            other => unreachable!("no schema of ours has {other:?}"),
        }
    }

    /// What follows one value of this shape.
    fn skip<'a>(&self, from: &'a [u8]) -> Result<&'a [u8], CodecError> {
        match self {
            Self::Null => Ok(from),
            Self::Bytes(length) => after(from, *length),
            Self::Varint => varint(from).map(|(_, rest)| rest),
            Self::Prefixed => {
                let (length, rest) = varint(from)?;
                after(rest, usize::try_from(length).map_err(|_| CodecError::Damaged("a negative length"))?)
            }
            Self::Union(variants) => {
                let (index, rest) = varint(from)?;
                let variant = usize::try_from(index).ok().and_then(|index| variants.get(index));
                variant.ok_or(CodecError::Damaged("a union without that branch"))?.skip(rest)
            }
            Self::Array(item) => blocks(from, |rest| item.skip(rest)),
            Self::Map(value) => blocks(from, |rest| value.skip(Self::Prefixed.skip(rest)?)),
            Self::Record(fields) => fields.iter().try_fold(from, |rest, field| field.skip(rest)),
        }
    }
}

fn named_as(named: &mut HashMap<Name, Shape>, name: &Name, shape: Shape) -> Shape {
    named.insert(name.clone(), shape.clone());
    shape
}

fn after(from: &[u8], length: usize) -> Result<&[u8], CodecError> {
    from.get(length..).ok_or(CodecError::Damaged("it ends within a value"))
}

/// Arrays and maps are blocks of so many items, up to an empty one; a negative count is followed by the block's length.
fn blocks<'a>(
    from: &'a [u8],
    mut item: impl FnMut(&'a [u8]) -> Result<&'a [u8], CodecError>,
) -> Result<&'a [u8], CodecError> {
    let mut rest = from;
    loop {
        let (count, items) = varint(rest)?;
        rest = items;
        if count == 0 {
            return Ok(rest);
        }
        if count < 0 {
            let (length, items) = varint(rest)?;
            rest = after(items, usize::try_from(length).map_err(|_| CodecError::Damaged("a negative length"))?)?;
            continue;
        }
        for _ in 0..count {
            let next = item(rest)?;
            // Items of no length would let a few bytes ask for 2^63 steps.
            if next.len() == rest.len() {
                return Err(CodecError::Damaged("items without length"));
            }
            rest = next;
        }
    }
}

/// A zig-zag varint of at most 64 bits.
fn varint(from: &[u8]) -> Result<(i64, &[u8]), CodecError> {
    let mut value = 0_u64;
    for (at, byte) in from.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            let magnitude = i64::try_from(value >> 1).unwrap_or_default();
            return Ok((if value & 1 == 0 { magnitude } else { !magnitude }, &from[at + 1..]));
        }
    }
    Err(CodecError::Damaged("a number that does not end"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caption_of_a_message() {
        let entity =
            CaptionEntity { kind: "hashtag".into(), start_utf16: -1, end_utf16: i32::MAX, ..CaptionEntity::default() };
        let video = VideoObservation {
            caption: Some("#a".into()),
            caption_entities: vec![entity.clone(), entity],
            source_language: None,
            source_hashtags: Some(vec![Default::default()]),
            ..VideoObservation::default()
        };
        let message = codec::encode(&video).expect("encodes");
        let fields = CaptionFields::of_video(&message).expect("reads");
        assert_eq!((fields.caption, fields.caption_entities), (video.caption, video.caption_entities));
    }

    #[test]
    fn damage_is_noticed() {
        let message = codec::encode(&VideoObservation::default()).expect("encodes");
        for cut in HEADER_LEN..message.len() {
            assert!(CaptionFields::of_video(&message[..cut]).is_err(), "{cut}");
        }
        let longer = [message, vec![0]].concat();
        assert!(matches!(CaptionFields::of_video(&longer), Err(CodecError::Damaged(_))));
    }

    #[test]
    fn numbers() {
        for n in [0, 1, -1, 63, -64, 64, i64::MAX, i64::MIN] {
            let zigzag = ((n << 1) ^ (n >> 63)) as u64;
            let mut bytes = Vec::new();
            let mut left = zigzag;
            while left >= 0x80 {
                bytes.push((left & 0x7f) as u8 | 0x80);
                left >>= 7;
            }
            bytes.push(left as u8);
            assert_eq!(varint(&bytes).expect("ends"), (n, [].as_slice()));
        }
        assert!(varint(&[0xff; 11]).is_err());
    }
}
