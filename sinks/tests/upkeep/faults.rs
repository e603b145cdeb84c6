//! Everything at once, and stopped anywhere: each row stays there once.

use super::lake::*;
use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type};
use arrow::error::ArrowError;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tidelake_sinks::lake::rewrite::{Rewriter, Rewritten, Scope, replayed, replayed_field};
use tidelake_sinks::lake::upkeep::{Compactor, Repacked, VacuumOptions, checkpoint, clean, vacuum};
use tidelake_sinks::lake::{Lake, Outcome};

const LABEL: &str = "twice@1";

fn columns() -> [Field; 2] {
    [Field::new(LABEL, DataType::Int64, true), replayed_field()]
}

fn twice(batch: &RecordBatch) -> Result<Vec<ArrayRef>, ArrowError> {
    let ids = batch.column_by_name("comment_id").expect("has it").as_primitive::<Int64Type>();
    let twice: Int64Array = ids.iter().map(|id| id.map(|id| 2 * id)).collect();
    Ok(vec![Arc::new(twice), replayed(batch, &[LABEL.to_owned()])?])
}

/// Gives rows their value; `true` when each that has landed has it.
async fn replay(rewriter: &mut Rewriter) -> bool {
    rewriter.refresh().await.expect("refreshes");
    let dates = ("0000-01-01".to_owned(), "9999-12-31".to_owned());
    let scope = Scope { labels: vec![LABEL.to_owned()], dates, landed_by: LATER };
    let groups = rewriter.groups(&scope).await.expect("lists");
    let all = groups.is_empty();
    for group in groups {
        if let Rewritten::Gone { .. } = rewriter.rewrite(group, &columns(), twice).await.expect("an outcome") {
            break;
        }
    }
    all
}

/// Compacts and orders once.
async fn tidy(lake: &Lake, repacked: &AtomicUsize) {
    let mut compactor = Compactor::open(lake, TABLE, options()).await.expect("opens").expect("is there");
    let mut groups = compactor.small(LATER).expect("lists");
    groups.extend(compactor.unordered(LATER).expect("lists"));
    for group in groups {
        if let Repacked::Done { .. } = compactor.repack(&group).await.expect("an outcome") {
            repacked.fetch_add(1, Ordering::Relaxed);
        }
        compactor.refresh().await.expect("refreshes");
    }
}

/// A writer, a replay, two compactors, checkpoints, clean-up and vacuum, all at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn all_at_once() {
    let test = lake();
    Lander::start(&test.lake).await.land(50, 0).await;
    let over = Arc::new(AtomicBool::new(false));
    let repacked = Arc::new(AtomicUsize::new(0));
    let mut work = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let (lake, over, repacked) = (test.lake.clone(), over.clone(), repacked.clone());
        work.spawn(async move {
            while !over.load(Ordering::Relaxed) {
                tidy(&lake, &repacked).await;
            }
        });
    }
    let (lake, gone) = (test.lake.clone(), over.clone());
    work.spawn(async move {
        // No writer of this test holds files for a minute.
        let options = VacuumOptions { grace: Duration::from_secs(60), allow_short_grace: true, dry_run: false };
        while !gone.load(Ordering::Relaxed) {
            checkpoint(&lake, TABLE, 2, false).await.expect("writes");
            clean(&lake, TABLE, after(Duration::ZERO), Duration::from_secs(2), false).await.expect("cleans");
            vacuum(&lake, TABLE, after(Duration::ZERO), &options).await.expect("vacuums");
        }
    });
    let (lake, gone) = (test.lake.clone(), over.clone());
    work.spawn(async move {
        let mut rewriter = Rewriter::open(&lake, landed(), files()).await.expect("opens").expect("is there");
        rewriter.add_columns(&columns()).await.expect("adds them");
        while !gone.load(Ordering::Relaxed) {
            replay(&mut rewriter).await;
        }
    });
    let mut lander = Lander::start(&test.lake).await;
    for commit in 0..40 {
        lander.append(25, commit % 2).await;
        assert_eq!(lander.commit(25).await, Outcome::Landed, "nobody else moves these positions");
    }
    over.store(true, Ordering::Relaxed);
    while let Some(ended) = work.join_next().await {
        ended.expect("does not panic");
    }
    let mut rewriter = Rewriter::open(&test.lake, landed(), files()).await.expect("opens").expect("is there");
    rewriter.add_columns(&columns()).await.expect("has them");
    while !replay(&mut rewriter).await {}
    tidy(&test.lake, &repacked).await;
    let parts: Vec<_> = std::iter::once((50, 0)).chain((0..40).map(|commit| (25, commit % 2))).collect();
    assert_eq!(rows(&test.lake).await, expected(&parts));
    let query = format!("SELECT count(*), count(\"{LABEL}\"), sum(\"{LABEL}\") - 2 * sum(comment_id) FROM comments");
    assert_eq!(engine(&test.lake).await.integers(&query).await.expect("answers"), [1050, 1050, 0]);
    balances(&test.lake, 1050).await;
    assert!(repacked.load(Ordering::Relaxed) > 3, "{repacked:?}");
}

/// Upkeep that is dropped wherever it may be: while it reads, writes, compares or commits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_anywhere() {
    let test = lake();
    let mut lander = Lander::start(&test.lake).await;
    let mut parts = Vec::new();
    let (mut stopped, mut ended) = (0, 0);
    for round in 0..30_u64 {
        for _ in 0..3 {
            lander.land(200, 0).await;
            parts.push((200, 0));
        }
        let lake = test.lake.clone();
        let task = tokio::spawn(async move {
            tidy(&lake, &AtomicUsize::new(0)).await;
            checkpoint(&lake, TABLE, 2, false).await.expect("writes");
            clean(&lake, TABLE, after(Duration::ZERO), Duration::ZERO, false).await.expect("cleans");
        });
        // Nothing tells from outside how far it is.
        tokio::time::sleep(Duration::from_millis(5 + round * 13 % 250)).await;
        task.abort();
        match task.await {
            Ok(()) => ended += 1,
            Err(error) => {
                assert!(error.is_cancelled(), "{error}");
                stopped += 1;
            }
        }
    }
    assert!(stopped > 3, "{stopped} stopped, {ended} ended by themselves");
    assert_eq!(rows(&test.lake).await, expected(&parts));
    assert_eq!(Lander::start(&test.lake).await.next, 18_000);
    tidy(&test.lake, &AtomicUsize::new(0)).await;
    assert_eq!(rows(&test.lake).await, expected(&parts));
    balances(&test.lake, 18_000).await;
}
