//! `tidelake why VIDEO_ID`: where each observation came from and what became of it.

use super::Failure;
use crate::config::Config;
use std::io::Write;
use tidelake_schemas::{ids, topics};
use tidelake_sinks::format::write_table;
use tidelake_sinks::lake::ledger;

#[derive(clap::Args)]
pub(crate) struct WhyArgs {
    /// The video's id.
    video_id: i64,
}

pub(crate) async fn run(args: &WhyArgs, config: &Config) -> Result<(), Failure> {
    let engine = super::lake::engine(config).await?;
    let id = args.video_id;
    let mut out = std::io::stdout();
    if let Some(time) = ids::time_of_id(id) {
        writeln!(out, "video {id}: by its id not older than {time}")?;
    }
    let observations = format!(
        "SELECT observed_at, provenance['connector'] AS connector, provenance['route'] AS route, provenance['task'] AS task, \
         provenance['cycle'] AS cycle, provenance['origin'] AS origin, stats['views'] AS views, array_to_string(stages, ' ') AS stages, \
         kafka_partition, kafka_offset, landed_at, event_id \
         FROM video_observations WHERE video_id = {id} ORDER BY observed_at, event_id"
    );
    let batches = engine.collect(&observations).await?;
    let rows: usize = batches.iter().map(arrow::array::RecordBatch::num_rows).sum();
    if rows == 0 {
        writeln!(out, "No observation of video {id} has landed.")?;
    } else {
        writeln!(out, "{rows} observation(s) landed in video_observations:")?;
        write_table(&batches, &mut out)?;
        commits(config, &batches, &mut out).await?;
    }
    let letters = format!(
        "SELECT observed_at, origin, reason, message, task FROM dead_letters WHERE entity = '{id}' ORDER BY observed_at"
    );
    let letters = engine.collect(&letters).await?;
    let refused: usize = letters.iter().map(arrow::array::RecordBatch::num_rows).sum();
    if refused > 0 {
        writeln!(out, "{refused} record(s) of it were refused:")?;
        write_table(&letters, &mut out)?;
    }
    let annotations = format!(
        "SELECT asked_at, model, prompt_version, status, answer, error, event_id FROM annotations WHERE video_id = {id} \
         ORDER BY asked_at, event_id"
    );
    let annotations = engine.collect(&annotations).await?;
    let asked: usize = annotations.iter().map(arrow::array::RecordBatch::num_rows).sum();
    if asked > 0 {
        writeln!(out, "A model was asked about its captions {asked} time(s):")?;
        write_table(&annotations, &mut out)?;
    }
    Ok(())
}

/// The commits that landed these rows, from the table's own log.
async fn commits(config: &Config, batches: &[arrow::array::RecordBatch], out: &mut impl Write) -> Result<(), Failure> {
    use arrow::array::AsArray;
    use arrow::datatypes::{Int32Type, Int64Type};
    let lake = super::lake::lake(config)?;
    let table = topics::LANDED[0].table;
    let records = ledger::read(&lake, table, None).await?;
    for batch in batches {
        let (Some(partitions), Some(offsets)) =
            (batch.column_by_name("kafka_partition"), batch.column_by_name("kafka_offset"))
        else {
            continue;
        };
        let (partitions, offsets) = (partitions.as_primitive::<Int32Type>(), offsets.as_primitive::<Int64Type>());
        for row in 0..batch.num_rows() {
            let (partition, offset) = (partitions.value(row), offsets.value(row));
            let holds = |r: &tidelake_sinks::lake::CommitRecord| {
                r.partitions.get(&partition).is_some_and(|range| (range.from..range.to).contains(&offset))
            };
            if let Some((version, record)) = records.iter().find(|(_, r)| holds(r)) {
                writeln!(
                    out,
                    "{} {partition}/{offset} landed in version {version} of {table} (commit {})",
                    record.topic, record.operation
                )?;
            }
        }
    }
    Ok(())
}
