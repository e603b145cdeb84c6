//! Rows as Arrow columns. What many rows share – captions with findings, creators, sounds – is made once and taken from.

use crate::Fault;
use crate::world::{AGES, CONTENTS, CREATORS, Look, SOUNDS, START_S, mix, skewed, unit};
use arrow::array::{
    Array, ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray, StructArray, TimestampMicrosecondArray,
    UInt32Array, new_null_array,
};
use arrow::compute::take;
use arrow::datatypes::{DataType, Fields, Schema, SchemaRef};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;
use tidelake_schemas::topics::{CREATOR_OBSERVED, LANDED, Landed, VIDEO_ENRICHED};

const REGIONS: [(&str, &str); 12] = [
    ("US", "en"),
    ("ID", "id"),
    ("BR", "pt"),
    ("MX", "es"),
    ("VN", "vi"),
    ("PH", "en"),
    ("GB", "en"),
    ("TR", "tr"),
    ("DE", "de"),
    ("FR", "fr"),
    ("ES", "es"),
    ("IT", "it"),
];
const SUBJECTS: [&str; 14] = [
    "beauty",
    "fashion",
    "food",
    "fitness",
    "travel",
    "gaming",
    "music",
    "comedy",
    "education",
    "technology",
    "home",
    "pets",
    "sports",
    "finance",
];
const SYLLABLES: [&str; 24] = [
    "ka", "mo", "ri", "ten", "lu", "sha", "bel", "or", "in", "da", "vi", "qua", "no", "es", "tra", "pi", "gan", "lo",
    "me", "su", "ble", "rin", "ta", "ko",
];

/// What rows are taken from.
pub(crate) struct Pools {
    videos: SchemaRef,
    creators: SchemaRef,
    contents: HashMap<String, ArrayRef>,
    authors: HashMap<String, ArrayRef>,
    sounds: HashMap<String, ArrayRef>,
    profiles: HashMap<String, ArrayRef>,
}

/// A topic that is landed.
pub(crate) fn landed(topic: &str) -> Result<Landed, Fault> {
    LANDED.into_iter().find(|landed| landed.topic == topic).ok_or_else(|| "is not landed".into())
}

fn word(n: u64) -> String {
    let parts = 2 + mix(n) % 2;
    (0..parts).map(|i| SYLLABLES[(mix(n + i * 7919) % SYLLABLES.len() as u64) as usize]).collect()
}

/// The region of a creator.
fn region(creator: u64) -> (&'static str, &'static str) {
    REGIONS[skewed(creator, 11, REGIONS.len() as u64) as usize]
}

/// A caption, and what the stages find in one like it.
fn content(n: u64) -> Value {
    let ask = |question: u64| unit(n ^ 0xc0de, question);
    let mut caption = String::new();
    let words: Vec<String> = (0..5 + (ask(1) * 12.0) as u64).map(|i| word(skewed(n, 50 + i, 20_000))).collect();
    let _ = write!(caption, "{}", words.join(" "));
    let mut spans = |text: String| {
        let start = caption.len() + 1;
        let _ = write!(caption, " {text}");
        (start, caption.len(), text)
    };
    let mut hashtags = Vec::new();
    for i in 0..1 + (ask(2) * 5.0) as u64 {
        let (start, end, text) = spans(format!("#{}", word(100_000 + skewed(n, 80 + i, 30_000))));
        hashtags.push(json!({"text": text.trim_start_matches('#'), "start": start, "end": end}));
    }
    let listed: Vec<_> = hashtags.iter().map(|tag| json!({"id": mix(n) >> 20, "name": tag["text"]})).collect();
    let mut prices = Vec::new();
    if ask(3) < 0.08 {
        let amount = format!("{:.2}", 3.0 + ask(4) * 90.0);
        let (start, end, _) = spans(format!("${amount}"));
        let kind = if ask(5) < 0.2 { "discount" } else { "price" };
        prices.push(
            json!({"amount": amount, "currency": "USD", "symbol": "$", "kind": kind, "start": start, "end": end}),
        );
    }
    let mut calls = Vec::new();
    if ask(6) < 0.12 {
        let (start, end, _) = spans("link in bio".to_owned());
        calls.push(json!({"type": "link_in_bio", "strength": 0.8, "start": start, "end": end}));
    }
    let keywords: Vec<_> = words
        .iter()
        .take(4)
        .map(|word| json!({"text": word, "score": ask(9), "start": 0, "end": word.len()}))
        .collect();
    let subject = SUBJECTS[skewed(n, 12, SUBJECTS.len() as u64) as usize];
    let reason = json!({"text": words[0], "start": 0, "end": words[0].len()});
    let feeling = (ask(7) * 2.0 - 1.0) * 0.9;
    let label = if feeling > 0.05 {
        "positive"
    } else if feeling < -0.05 {
        "negative"
    } else {
        "neutral"
    };
    let title: String = caption.chars().take(60).collect();
    json!({
        "caption": caption, "caption_entities": [], "source_hashtags": listed, "source_mentions": [],
        "kind": if ask(8) < 0.07 { "photo" } else { "video" }, "duration_s": 5 + (ask(10) * 170.0) as i64,
        "width": 1080, "height": 1920, "counts_rounded": false, "created_at_derived": false,
        "is_ad": ask(13) < 0.06, "is_aigc": ask(14) < 0.03,
        "findings": {
            "language": {"code": "und", "confidence": 0.0}, "hashtags": hashtags, "mentions": [], "cashtags": [], "urls": [],
            "emojis": [], "prices": prices, "calls_to_action": calls, "offers": [], "products": [], "hashtag_words": [],
            "sentiment": {"compound": feeling, "pos": ask(15) / 2.0, "neu": 0.5, "neg": ask(16) / 2.0, "label": label},
            "keywords": keywords, "tags": words.iter().skip(1).take(3).collect::<Vec<_>>(),
            "categories": [{"name": subject, "score": 0.5 + ask(17) / 2.0, "reasons": [reason]}],
            "seo": {"title": title, "keywords": words.iter().take(3).collect::<Vec<_>>()},
        },
        "stages": ["language@2", "hashtags@1", "prices@2", "sentiment@1", "calls@1", "keywords@1", "categories@2", "seo@1"],
    })
}

fn author(n: u64) -> Value {
    let (region, language) = region(n);
    json!({
        "author": {"id": 6_800_000_000_000_000_000_u64 + mix(n) % (1 << 50), "handle": handle(n),
                   "nickname": word(n).to_uppercase(), "verified": unit(n, 20) < 0.05},
        "region": region, "source_language": language,
    })
}

fn handle(n: u64) -> String {
    format!("{}.{}{n}", word(n), word(n + 1))
}

fn sound(n: u64) -> Value {
    let title = format!("{} {}", word(n), word(n + 3));
    json!({"sound": {"id": 7_000_000_000_000_000_000_u64 + mix(n) % (1 << 50), "title": title, "author": word(n + 9),
                     "original": unit(n, 21) < 0.4, "duration_s": 60}})
}

fn profile(n: u64) -> Value {
    let (region, language) = region(n);
    json!({
        "creator_id": 6_800_000_000_000_000_000_u64 + mix(n) % (1 << 50), "handle": handle(n),
        "nickname": word(n).to_uppercase(), "bio": format!("{} {} {}", word(n), word(n + 5), word(n + 6)),
        "verified": unit(n, 20) < 0.05, "region": region, "language": language, "counts_rounded": false,
    })
}

/// JSON rows as columns of those of the schema's fields that they have.
fn pool(schema: &Schema, rows: impl Iterator<Item = Value>) -> Result<HashMap<String, ArrayRef>, Fault> {
    let mut rows = rows.peekable();
    let has = |field: &str| rows.peek().is_some_and(|row| row.get(field).is_some());
    let mut has = has;
    let fields: Fields = schema.fields().iter().filter(|field| has(field.name())).cloned().collect();
    let fields = Arc::new(Schema::new(fields));
    let builder = arrow::json::ReaderBuilder::new(fields.clone()).with_batch_size(1 << 22);
    let mut decoder = builder.build_decoder()?;
    for row in rows {
        decoder.serialize(&[row])?;
    }
    let batch = decoder.flush()?.ok_or("an empty pool")?;
    Ok(fields.fields().iter().map(|field| field.name().clone()).zip(batch.columns().iter().cloned()).collect())
}

impl Pools {
    /// Makes them.
    pub(crate) fn new() -> Result<Self, Fault> {
        let of = |topic| tidelake_schemas::arrow_schema::arrow_schema(landed(topic)?.schema).map_err(Fault::from);
        let (videos, creators) = (of(VIDEO_ENRICHED)?, of(CREATOR_OBSERVED)?);
        Ok(Self {
            contents: pool(&videos, (0..CONTENTS).map(content))?,
            authors: pool(&videos, (0..CREATORS).map(author))?,
            sounds: pool(&videos, (0..SOUNDS).map(sound))?,
            profiles: pool(&creators, (0..CREATORS).map(profile))?,
            videos,
            creators,
        })
    }

    /// A batch of video observations.
    pub(crate) fn videos(&self, looks: &[Look]) -> Result<RecordBatch, Fault> {
        let mut columns = HashMap::new();
        let mut from = |pool: &HashMap<String, ArrayRef>, which: &dyn Fn(&Look) -> u64| -> Result<(), Fault> {
            let rows: UInt32Array = looks.iter().map(|look| u32::try_from(which(look)).ok()).collect();
            for (name, values) in pool {
                columns.insert(name.clone(), take(values, &rows, None)?);
            }
            Ok(())
        };
        from(&self.contents, &|look| look.video.content())?;
        from(&self.authors, &|look| look.video.creator())?;
        from(&self.sounds, &|look| look.video.sound())?;
        let seen: Vec<i64> = looks.iter().map(|look| look.at_s).collect();
        let ids = looks.iter().map(|look| look.video.id() as u64 ^ ((look.age as u64) << 1));
        let count = |i: usize| looks.iter().map(|l| l.video.counts(AGES[l.age] as f64)[i]).collect::<Vec<_>>();
        columns.insert("video_id".into(), integers(looks.iter().map(|look| look.video.id())));
        columns.insert("created_at".into(), instants(looks.iter().map(|look| look.video.posted_s)));
        let counts = ["views", "likes", "comments", "shares", "saves"];
        let counts = counts.iter().enumerate().map(|(i, name)| ((*name).to_owned(), integers(count(i).into_iter())));
        columns.insert("stats".into(), structure(&self.videos, "stats", counts.collect(), looks.len())?);
        self.batch(&self.videos, columns, &seen, ids)
    }

    /// A batch of creator observations, of one day.
    pub(crate) fn creators(&self, day: i64, which: std::ops::Range<u64>) -> Result<RecordBatch, Fault> {
        let rows: UInt32Array = which.clone().map(|n| u32::try_from(n).ok()).collect();
        let mut columns = HashMap::new();
        for (name, values) in &self.profiles {
            columns.insert(name.clone(), take(values, &rows, None)?);
        }
        let at = |n: u64| START_S + day * 86_400 + (unit(n, 30 + day.unsigned_abs()) * 80_000.0) as i64;
        let seen: Vec<i64> = which.clone().map(at).collect();
        let followers = |n: u64| {
            let base = (12.0 - 1.1 * ((n + 1) as f64).ln() * 0.7 + unit(n, 31) * 3.0).exp();
            (base * (1.0 + day as f64 * 0.004 * unit(n, 32))) as i64
        };
        let counts = HashMap::from([
            ("followers".to_owned(), integers(which.clone().map(followers))),
            ("videos".to_owned(), integers(which.clone().map(|n| 10 + (mix(n) % 300) as i64))),
        ]);
        columns.insert("stats".into(), structure(&self.creators, "stats", counts, seen.len())?);
        self.batch(&self.creators, columns, &seen, which.map(|n| mix(n) ^ day.unsigned_abs()))
    }

    /// Adds what every observation has.
    fn batch(
        &self,
        schema: &SchemaRef,
        mut columns: HashMap<String, ArrayRef>,
        seen: &[i64],
        ids: impl Iterator<Item = u64>,
    ) -> Result<RecordBatch, Fault> {
        let rows = seen.len();
        let events = ids.map(|id| uuid::Uuid::from_u64_pair(mix(id), mix(id ^ 0xeeee)).to_string());
        let texts = |text: &str| Arc::new(StringArray::from_iter_values((0..rows).map(|_| text))) as ArrayRef;
        columns.insert("event_id".into(), Arc::new(StringArray::from_iter_values(events)));
        columns.insert("platform".into(), texts("tiktok"));
        columns.insert("observed_at".into(), instants(seen.iter().copied()));
        let tasks = seen.iter().map(|at| format!("watch-{}", at % 20));
        let provenance = HashMap::from([
            ("connector".to_owned(), texts("research-api")),
            ("route".to_owned(), texts("video/query")),
            ("task".to_owned(), Arc::new(StringArray::from_iter_values(tasks)) as ArrayRef),
            ("cycle".to_owned(), integers(seen.iter().map(|at| at / 3600 - START_S / 3600))),
            ("fetched_at".to_owned(), instants(seen.iter().map(|at| at + 1))),
            ("zone".to_owned(), texts("research")),
        ]);
        columns.insert("provenance".into(), structure(schema, "provenance", provenance, rows)?);
        let all = schema.fields().iter().map(|field| match columns.remove(field.name()) {
            Some(column) => Ok(column),
            None if field.is_nullable() => Ok(new_null_array(field.data_type(), rows)),
            None if field.data_type() == &DataType::Boolean => Ok(Arc::new(BooleanArray::from(vec![false; rows])) as _),
            None => Err(format!("nothing for {}", field.name())),
        });
        Ok(RecordBatch::try_new(schema.clone(), all.collect::<Result<_, _>>()?)?)
    }
}

fn integers(values: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values))
}

fn instants(seconds: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_iter_values(seconds.map(|s| s * 1_000_000)).with_timezone("UTC"))
}

/// A structure with some of its fields; the others are null.
fn structure(
    schema: &Schema,
    name: &str,
    mut given: HashMap<String, ArrayRef>,
    rows: usize,
) -> Result<ArrayRef, Fault> {
    let DataType::Struct(fields) = schema.field_with_name(name)?.data_type() else { return Err("no structure".into()) };
    let null = |kind| new_null_array(kind, rows);
    let columns = fields.iter().map(|f| given.remove(f.name()).unwrap_or_else(|| null(f.data_type()))).collect();
    let structure = StructArray::try_new(fields.clone(), columns, None)?;
    Ok(Arc::new(structure) as ArrayRef).inspect(|array| debug_assert_eq!(array.len(), rows))
}
