//! Lands the world through the real writer, a day per commit, on two threads.

use crate::Fault;
use crate::columns::{Pools, landed};
use crate::world::{CREATORS, DAYS, looks, videos_per_day};
use arrow::array::RecordBatch;
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tidelake_schemas::Timestamp;
use tidelake_schemas::topics::{CREATOR_OBSERVED, VIDEO_ENRICHED};
use tidelake_sinks::lake::current::{Current, RefreshOptions, refresh};
use tidelake_sinks::lake::upkeep::{self, Compactor, UpkeepOptions, VacuumOptions, shape};
use tidelake_sinks::lake::{CommitRecord, Counts, Lake, Outcome, PartitionRange, Position, TableWriter, WriterOptions};
use tokio::runtime::Runtime;

const BATCH: usize = 16 * 1024;
/// Creators are looked at once a week.
const EVERY: i64 = 7;
const LANDED_AT: Timestamp = Timestamp(1_780_000_000_000_000);

/// Makes the lake.
pub(crate) fn lake(runtime: &Runtime, dir: &str, observations: u64) -> Result<(), Fault> {
    let began = Instant::now();
    let lake = Lake::at(dir, HashMap::new())?;
    let pools = Pools::new()?;
    let per_day = videos_per_day(observations);
    println!("{per_day} videos a day; captions made in {:.0} s", began.elapsed().as_secs_f64());
    let (pools, lake) = (&pools, &lake);
    let rows = std::thread::scope(|scope| {
        let threads = [0, 1].map(|thread| {
            scope.spawn(move || {
                let days = (0..DAYS).filter(move |day| day % 2 == thread);
                runtime.block_on(videos(lake, pools, days, per_day, i32::try_from(thread)?))
            })
        });
        let done = threads.map(|thread| thread.join().map_err(|_| Fault::from("a thread panicked"))?);
        done.into_iter().sum::<Result<usize, Fault>>()
    })?;
    runtime.block_on(creators(lake, pools))?;
    println!("{rows} observations of videos in {:.0} s", began.elapsed().as_secs_f64());
    Ok(())
}

async fn videos(
    lake: &Lake,
    pools: &Pools,
    days: impl Iterator<Item = i64>,
    per_day: u64,
    partition: i32,
) -> Result<usize, Fault> {
    let mut writer = TableWriter::open(lake, landed(VIDEO_ENRICHED)?, &WriterOptions::default()).await?;
    let mut at = 0;
    for day in days {
        let from = at;
        for looks in looks(day, per_day).chunks(BATCH) {
            append(&mut writer, &pools.videos(looks)?, partition, &mut at).await?;
        }
        commit(&mut writer, partition, from, at).await?;
    }
    Ok(usize::try_from(at)?)
}

/// Lands the first rows of the day after the last, of a world of so many observations.
pub(crate) async fn later(dir: &str, observations: u64, rows: usize) -> Result<(), Fault> {
    let lake = Lake::at(dir, HashMap::new())?;
    let pools = Pools::new()?;
    let mut writer = TableWriter::open(&lake, landed(VIDEO_ENRICHED)?, &WriterOptions::default()).await?;
    let (partition, mut at) = (2, 0);
    for looks in looks(DAYS, videos_per_day(observations)).get(..rows).ok_or("a day has fewer")?.chunks(BATCH) {
        append(&mut writer, &pools.videos(looks)?, partition, &mut at).await?;
    }
    commit(&mut writer, partition, 0, at).await
}

async fn creators(lake: &Lake, pools: &Pools) -> Result<(), Fault> {
    let mut writer = TableWriter::open(lake, landed(CREATOR_OBSERVED)?, &WriterOptions::default()).await?;
    let mut at = 0;
    for day in (0..DAYS).step_by(usize::try_from(EVERY)?) {
        let from = at;
        for first in (0..CREATORS).step_by(BATCH) {
            let batch = pools.creators(day, first..(first + BATCH as u64).min(CREATORS))?;
            append(&mut writer, &batch, 0, &mut at).await?;
        }
        commit(&mut writer, 0, from, at).await?;
    }
    Ok(())
}

async fn append(writer: &mut TableWriter, batch: &RecordBatch, partition: i32, at: &mut i64) -> Result<(), Fault> {
    let until = *at + i64::try_from(batch.num_rows())?;
    let positions: Vec<_> = (*at..until).map(|offset| Position { partition, offset }).collect();
    *at = until;
    Ok(writer.append(batch, &positions, LANDED_AT).await?)
}

async fn commit(writer: &mut TableWriter, partition: i32, from: i64, to: i64) -> Result<(), Fault> {
    let counts = Counts { rows: to - from, ..Counts::default() };
    let record = CommitRecord {
        operation: uuid::Uuid::now_v7().to_string(),
        topic: writer.landed().topic.to_owned(),
        partitions: BTreeMap::from([(partition, PartitionRange { from, to, counts })]),
    };
    let app = format!("tl/{}/{partition}", writer.landed().topic);
    let before = BTreeMap::from([(app.clone(), (from > 0).then_some(from))]);
    match writer.commit(&before, &BTreeMap::from([(app, to)]), &record).await? {
        Outcome::Landed => Ok(()),
        Outcome::Fenced { app_id } => Err(format!("{app_id} was moved by somebody else").into()),
    }
}

/// Puts the rows of the last dates in order, as upkeep does by default, and deletes what that leaves behind.
pub(crate) async fn tidy(dir: &str, last: usize) -> Result<(), Fault> {
    let lake = Lake::at(dir, HashMap::new())?;
    let now = Timestamp(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros())?);
    for (table, column) in [("video_observations", "video_id"), ("creator_observations", "creator_id")] {
        let began = Instant::now();
        let order = BTreeMap::from([(table.to_owned(), vec![column.to_owned()])]);
        let options = UpkeepOptions { order, memory_bytes: 1 << 30, ..UpkeepOptions::default() };
        let Some(mut compactor) = Compactor::open(&lake, table, options).await? else { continue };
        let (mut before, mut dates) = (0, 0);
        for group in compactor.unordered(now)?.into_iter().rev().take(last) {
            compactor.repack(&group).await?;
            compactor.refresh().await?;
            (before, dates) = (before + group.bytes, dates + 1);
            if dates % 15 == 0 {
                vacuum(&lake, table, now).await?;
            }
        }
        vacuum(&lake, table, now).await?;
        let bytes = shape(&lake, table, 1).await?.map_or(0, |shape| shape.bytes);
        println!("{table}: {dates} dates, {before} bytes became {bytes} in {:.0} s", began.elapsed().as_secs_f64());
    }
    Ok(())
}

async fn vacuum(lake: &Lake, table: &str, now: Timestamp) -> Result<(), Fault> {
    let options = VacuumOptions { grace: Duration::ZERO, allow_short_grace: true, dry_run: false };
    upkeep::vacuum(lake, table, Timestamp(now.0 + 86_400_000_000), &options).await?;
    Ok(())
}

/// Makes the tables of newest observations, and prints how long that took.
pub(crate) async fn keep(dir: &str) -> Result<(), Fault> {
    let lake = Lake::at(dir, HashMap::new())?;
    for which in Current::ALL {
        let began = Instant::now();
        let done = refresh(&lake, which, &RefreshOptions { share: 0.0, ..RefreshOptions::default() }).await?;
        println!("{}: {done:?} in {:.1} s", which.table(), began.elapsed().as_secs_f64());
    }
    Ok(())
}
