//! Runs the named queries.

use crate::Fault;
use crate::world::{DAY_S, DAYS, START_S};
use futures::TryStreamExt;
use serde_json::json;
use std::collections::HashMap;
use std::time::Instant;
use tidelake_schemas::Timestamp;
use tidelake_sinks::lake::Lake;
use tidelake_sinks::query::named::{NamedQuery, QUERIES};
use tidelake_sinks::query::{Binds, Engine, QueryOptions};

/// Warm runs; the fastest counts.
const WARM: usize = 3;

/// Runs all, or those that are named, and prints a line of JSON for each.
pub(crate) async fn all(dir: &str, names: &[&str]) -> Result<(), Fault> {
    let lake = Lake::at(dir, HashMap::new())?;
    let memory_bytes = 4 << 30;
    for query in QUERIES.iter().filter(|query| names.is_empty() || names.contains(&query.name)) {
        // A session of its own: cold is without what an earlier query left in it.
        let engine = Engine::over(lake.clone(), QueryOptions { memory_bytes, ..QueryOptions::default() }).await?;
        let mut times = Vec::new();
        let mut rows = Ok(0);
        for _ in 0..=WARM {
            let began = Instant::now();
            rows = run(&engine, query).await;
            times.push(began.elapsed().as_secs_f64());
            if rows.is_err() {
                break;
            }
        }
        let warm = times.iter().skip(1).copied().reduce(f64::min);
        let fault = rows.as_ref().err().map(ToString::to_string);
        println!(
            "{}",
            json!({"query": query.name, "cold_s": times.first(), "warm_s": warm, "rows": rows.ok(), "fault": fault})
        );
    }
    Ok(())
}

/// Prints what an engine says to a query, as `EXPLAIN ANALYZE`.
pub(crate) async fn explain(dir: &str, name: &str) -> Result<(), Fault> {
    let engine = Engine::over(Lake::at(dir, HashMap::new())?, QueryOptions::default()).await?;
    let query = tidelake_sinks::query::named::find(name)?;
    let binds = query.binds(&Binds::default(), now())?;
    let answer = engine.ask(&format!("EXPLAIN ANALYZE {}", query.sql), &binds).await?;
    let batches: Vec<_> = answer.stream.try_collect().await?;
    println!("{}", arrow::util::pretty::pretty_format_batches(&batches)?);
    Ok(())
}

/// The end of the world's last day.
fn now() -> Timestamp {
    Timestamp((START_S + DAYS * DAY_S) * 1_000_000)
}

async fn run(engine: &Engine, query: &NamedQuery) -> Result<usize, Fault> {
    let binds = query.binds(&Binds::default(), now())?;
    let answer = engine.ask(query.sql, &binds).await?;
    Ok(answer.stream.try_fold(0, |rows, batch| async move { Ok(rows + batch.num_rows()) }).await?)
}
