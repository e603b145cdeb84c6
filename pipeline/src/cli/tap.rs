//! `tidelake tap`: a topic's records, decoded, as they come.

use super::Failure;
use crate::config::Config;
use crate::daemon::Daemon;
use crate::log::client;
use crate::log::reader::Reader;
use crate::log::topics::partitions_of;
use arrow::array::RecordBatch;
use rdkafka::message::Message;
use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::time::Duration;
use tidelake_schemas::arrow_schema::decoder;
use tidelake_schemas::{codec, topics};
use tidelake_sinks::format::{Format, FormatOptions};

#[derive(clap::Args)]
pub(crate) struct TapArgs {
    /// The topic; `tidelake tap list` names them.
    topic: String,
    /// Begin this many messages before the end of each partition.
    #[arg(long, default_value_t = 10)]
    last: i64,
    /// Stop at the present end instead of following.
    #[arg(long)]
    once: bool,
}

pub(crate) async fn run(args: &TapArgs, config: Config) -> Result<(), Failure> {
    // Orders of media hold signed addresses, which are not for terminals.
    let collected = topics::COLLECTED.iter().filter(|topic| **topic != topics::MEDIA_ORDERS);
    let others =
        [topics::VIDEO_ENRICHED, topics::MEDIA, topics::ANNOTATIONS, topics::TASKS, topics::CURSORS, topics::BUDGETS];
    let known: Vec<&str> = collected.chain(&others).copied().collect();
    if args.topic == "list" {
        return Ok(writeln!(std::io::stdout(), "{}", known.join("\n"))?);
    }
    let schema = topics::schema_of(&args.topic)
        .ok_or_else(|| format!("unknown topic {}; known are {}", args.topic, known.join(", ")))?;
    let daemon = Daemon::start(config).await?;
    let partitions = partitions_of(&daemon.connection).await?.get(&args.topic).copied().unwrap_or(0);
    let (connection, topic, last, once) = (daemon.connection.clone(), args.topic.clone(), args.last, args.once);
    let tapping = tokio::task::spawn_blocking(move || -> Result<(), Failure> {
        let reader = Reader::new(&connection)?;
        let mut at = BTreeMap::new();
        for partition in 0..partitions {
            let (low, high) = reader.watermarks(&topic, partition)?;
            at.insert(partition, (high - last).max(low));
        }
        loop {
            for (partition, from) in &mut at {
                let (_, high) = reader.watermarks(&topic, *partition)?;
                let mut lines = Vec::new();
                reader.read(&topic, *partition, *from, high, |message| lines.push(describe(message, schema)))?;
                *from = high.max(*from);
                let mut out = BufWriter::new(std::io::stdout().lock());
                for line in lines {
                    writeln!(out, "{line}")?;
                }
                out.flush()?;
            }
            if once {
                return Ok(());
            }
            std::thread::park_timeout(Duration::from_millis(250));
        }
    });
    tapping.await?
}

/// One message as one JSON line. What cannot be decoded is said to be so, never passed over.
fn describe(message: &rdkafka::message::BorrowedMessage<'_>, schema: codec::SchemaName) -> String {
    let lineage = client::lineage(message.headers());
    let position = format!("\"partition\":{},\"offset\":{}", message.partition(), message.offset());
    if lineage.fence {
        return format!("{{{position},\"fence\":{}}}", lineage.epoch.unwrap_or(-1));
    }
    let payload = message.payload().unwrap_or_default();
    if payload.is_empty() {
        return format!(
            "{{{position},\"removed\":{}}}",
            serde_json::json!(String::from_utf8_lossy(message.key().unwrap_or_default()))
        );
    }
    match decode(payload, schema) {
        Ok(record) => format!("{{{position},\"record\":{record}}}"),
        Err(why) => format!("{{{position},\"undecodable\":{},\"bytes\":{}}}", serde_json::json!(why), payload.len()),
    }
}

fn decode(payload: &[u8], schema: codec::SchemaName) -> Result<String, String> {
    let found = codec::schema_of_message(payload).map_err(|e| match e {
        codec::CodecError::NotFramed(_) => String::from_utf8_lossy(payload).into_owned(),
        other => other.to_string(),
    })?;
    if found != schema {
        return Err(format!("a record of {}", found.file()));
    }
    let mut decoder = decoder(schema, 1).map_err(|e| e.to_string())?;
    decoder.decode(payload).map_err(|e| e.to_string())?;
    let batch: RecordBatch = decoder.flush().map_err(|e| e.to_string())?.ok_or("no record")?;
    let mut line = Vec::new();
    let mut writer =
        Format::Ndjson.writer(&mut line, &batch.schema(), &FormatOptions::default()).map_err(|e| e.to_string())?;
    writer.write(&batch).map_err(|e| e.to_string())?;
    writer.finish().map_err(|e| e.to_string())?;
    Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
}
