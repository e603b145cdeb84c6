//! `tidelake reset`: accept a hole in the log.

use super::Failure;
use crate::backup::restore::newest_landed;
use crate::config::Config;
use crate::daemon::Daemon;
use crate::log::reader::Reader;
use crate::roles::land::app_ids;
use std::collections::BTreeMap;
use std::io::Write;
use tidelake_schemas::topics::LANDED;
use tidelake_sinks::lake::earlier;
use tidelake_sinks::lake::{CommitRecord, Counts, Outcome, PartitionRange, TableWriter, WriterOptions};

#[derive(clap::Args)]
pub(crate) struct ResetArgs {
    /// The topic whose table is to go on from what the topic still holds.
    #[arg(long)]
    topic: String,
    /// The partition.
    #[arg(long)]
    partition: i32,
}

pub(crate) async fn run(args: &ResetArgs, config: Config) -> Result<(), Failure> {
    let landed = LANDED.into_iter().find(|l| l.topic == args.topic);
    let landed = landed.ok_or_else(|| {
        format!("{} is not a landed topic; those are {}", args.topic, LANDED.map(|l| l.topic).join(", "))
    })?;
    let daemon = Daemon::start(config).await?;
    let (connection, topic, partition) = (daemon.connection.clone(), landed.topic, args.partition);
    let low = tokio::task::spawn_blocking(move || Reader::new(&connection)?.watermarks(topic, partition)).await??.0;
    let newest = newest_landed(&super::lake::engine(&daemon.config).await?, landed.table).await?;
    let mut writer = TableWriter::open(&daemon.lake, landed, &WriterOptions::default()).await?;
    let noted = earlier::app_id(landed.topic, args.partition);
    let ids = app_ids(landed.topic, args.partition).into_iter().chain([noted.clone()]);
    let stored = writer.reload(ids).await?;
    let next = app_ids(landed.topic, args.partition).swap_remove(0);
    let before = stored.get(&next).copied().flatten();
    // Lineage and epochs of a log that is gone would hide the records of the new one.
    let known = stored.iter().filter(|(_, v)| v.is_some());
    let mut to: BTreeMap<String, i64> = known.map(|(id, _)| (id.clone(), -1)).collect();
    to.insert(next, low);
    to.extend(newest.map(|newest| (noted, earlier::position(newest))));
    let from = to.keys().map(|id| (id.clone(), stored.get(id).copied().flatten())).collect();
    let range = PartitionRange { from: low, to: low, counts: Counts::default() };
    let record = CommitRecord {
        operation: uuid::Uuid::now_v7().to_string(),
        topic: landed.topic.to_owned(),
        partitions: BTreeMap::from([(args.partition, range)]),
    };
    match writer.commit(&from, &to, &record).await? {
        Outcome::Landed => {
            let mut out = std::io::stdout().lock();
            let before = before.map_or("no position".to_owned(), |b| format!("offset {b}"));
            writeln!(
                out,
                "table {}: partition {} goes on from offset {low} (was at {before})",
                landed.table, args.partition
            )?;
            Ok(())
        }
        Outcome::Fenced { .. } => {
            Err("a running land role moved the position meanwhile; stop it, then reset again".into())
        }
    }
}
