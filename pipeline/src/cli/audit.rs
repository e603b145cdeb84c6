//! `tidelake audit`: every message has exactly one outcome, and the totals agree.
//!
//! Per topic and partition, from the table's own log: the ranges of its commits join without hole or overlap, the
//! outcomes of each range add up to its offsets, rows add up to the table's and those that were taken away on purpose, ids
//! are unique, and the topic holds nothing the table has not read. Commits that tidelake has cleaned out of the log count
//! all the same; where something else has, the report says from which version on it proves anything.

use super::{Failure, exit, listing};
use crate::config::Config;
use crate::daemon::Daemon;
use crate::log::reader::Reader;
use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;
use tidelake_schemas::topics::{LANDED, Landed};
use tidelake_sinks::lake::ledger;
use tidelake_sinks::lake::{CommitRecord, Counts};
use tidelake_sinks::query::Engine;

#[derive(clap::Args)]
pub(crate) struct AuditArgs {
    /// Only the tables, not the topics behind them: needs no broker.
    #[arg(long)]
    offline: bool,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

#[derive(Default, serde::Serialize)]
struct Report {
    tables: BTreeMap<&'static str, TableReport>,
    balanced: bool,
}

#[derive(Default, serde::Serialize)]
struct TableReport {
    commits: usize,
    counts: Counts,
    /// Rows that were kept no longer, or erased.
    rows_removed: i64,
    rows_in_table: i64,
    distinct_ids: i64,
    not_yet_landed: i64,
    /// Nothing is known of the commits before this version.
    proved_from_version: i64,
    findings: Vec<String>,
}

pub(crate) async fn run(args: &AuditArgs, config: Config) -> ExitCode {
    match report(args, config).await {
        Ok(report) => match print(&report, args.json) {
            Ok(()) if report.balanced => ExitCode::SUCCESS,
            Ok(()) => ExitCode::from(exit::AUDIT),
            Err(error) => super::fail(&error.into(), exit::ERROR),
        },
        Err(error) => super::fail(&error, exit::ERROR),
    }
}

async fn report(args: &AuditArgs, config: Config) -> Result<Report, Failure> {
    let ends = if args.offline { None } else { Some(topic_ends(&config).await?) };
    let lake = super::lake::lake(&config)?;
    let engine = super::lake::engine(&config).await?;
    let mut report = Report { balanced: true, ..Report::default() };
    for landed in LANDED {
        let history = ledger::history(&lake, landed.table).await?;
        let removed = history.entries.iter().filter_map(|entry| entry.removed.as_ref());
        let rows_removed = removed.map(|removed| removed.rows).sum();
        let proved_from_version = history.complete_from;
        let known = history.entries.into_iter().filter(|entry| entry.version >= proved_from_version);
        let records: Vec<_> = known.filter_map(|entry| Some((entry.version, entry.landed?))).collect();
        let waits = |(topic, _): &&(&str, i32), high: i64| *topic == landed.topic && high > 0;
        if records.is_empty() && !ends.iter().flatten().any(|(at, high)| waits(&at, *high)) {
            continue;
        }
        let commits = records.len();
        let mut table = TableReport { commits, rows_removed, proved_from_version, ..TableReport::default() };
        let reached = check_ranges(&records, &mut table);
        (table.rows_in_table, table.distinct_ids) = rows(&engine, &landed).await?;
        check_totals(&mut table);
        for ((_, partition), high) in ends.iter().flatten().filter(|((topic, _), _)| *topic == landed.topic) {
            let next = reached.get(partition).copied();
            table.not_yet_landed += (high - next.unwrap_or(0)).max(0);
            if next.is_some_and(|n| n > *high) {
                table.findings.push(format!(
                    "partition {partition}: read up to {}, but the topic ends at {high}",
                    next.unwrap_or(0)
                ));
            }
        }
        report.balanced &= table.findings.is_empty();
        report.tables.insert(landed.table, table);
    }
    Ok(report)
}

async fn topic_ends(config: &Config) -> Result<BTreeMap<(&'static str, i32), i64>, Failure> {
    let daemon = Daemon::start(config.clone()).await?;
    let (connection, partitions) = (daemon.connection.clone(), config.layout().partitions());
    let ends = tokio::task::spawn_blocking(move || {
        let reader = Reader::new(&connection)?;
        let mut ends = BTreeMap::new();
        for landed in LANDED {
            for partition in 0..partitions {
                ends.insert((landed.topic, partition), reader.watermarks(landed.topic, partition)?.1);
            }
        }
        Ok::<_, crate::log::LogError>(ends)
    });
    Ok(ends.await??)
}

/// Do the ranges of each partition join? Gives how far each partition has been read.
fn check_ranges(records: &[(i64, CommitRecord)], table: &mut TableReport) -> BTreeMap<i32, i64> {
    let mut reached: BTreeMap<i32, i64> = BTreeMap::new();
    for (version, record) in records.iter().rev() {
        for (partition, range) in &record.partitions {
            table.counts.add(&range.counts);
            if range.counts.total() != range.to - range.from {
                let what = format!("{} outcomes for {} offsets", range.counts.total(), range.to - range.from);
                table.findings.push(format!("version {version}, partition {partition}: {what}"));
            }
            match reached.insert(*partition, range.to) {
                Some(before) if before != range.from && range.from != range.to => {
                    let kind = if before < range.from { "a hole" } else { "an overlap" };
                    let what = format!("{kind} between {before} and {}", range.from);
                    table.findings.push(format!("version {version}, partition {partition}: {what}"));
                }
                _ => {}
            }
        }
    }
    reached
}

fn check_totals(table: &mut TableReport) {
    let expected = table.counts.rows - table.rows_removed;
    // Of rows that landed before, nothing is known.
    if table.rows_in_table != expected && table.proved_from_version == 0 {
        let removed = match table.rows_removed {
            0 => String::new(),
            rows => format!(" less {rows} taken away on purpose"),
        };
        let (there, landed) = (table.rows_in_table, table.counts.rows);
        table.findings.push(format!("{there} rows in the table, {landed} landed by its commits{removed}"));
    }
    if table.distinct_ids != table.rows_in_table {
        let doubled = table.rows_in_table - table.distinct_ids;
        table.findings.push(format!("{doubled} rows share an event_id with another"));
    }
}

async fn rows(engine: &Engine, landed: &Landed) -> Result<(i64, i64), Failure> {
    let counts = engine.integers(&format!("SELECT count(*), count(DISTINCT event_id) FROM {}", landed.table)).await?;
    Ok((counts.first().copied().unwrap_or(0), counts.get(1).copied().unwrap_or(0)))
}

fn print(report: &Report, json: bool) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    if json {
        return writeln!(out, "{}", serde_json::to_string(report).unwrap_or_default());
    }
    let header = [
        "table",
        "commits",
        "offsets",
        "rows",
        "removed",
        "dead",
        "repeated",
        "stale",
        "suppressed",
        "fences",
        "gaps",
        "waiting",
        "verdict",
    ];
    let rows = report.tables.iter().map(|(name, table)| {
        let c = &table.counts;
        let verdict = if table.findings.is_empty() { "balanced" } else { "DIFFERS" };
        let numbers = [
            c.total(),
            c.rows,
            table.rows_removed,
            c.dead,
            c.repeated,
            c.stale,
            c.suppressed,
            c.fences,
            c.gaps,
            table.not_yet_landed,
        ];
        let [offsets, rows, removed, dead, repeated, stale, suppressed, fences, gaps, waiting] =
            numbers.map(|n| n.to_string());
        let (name, commits, verdict) = ((*name).to_owned(), table.commits.to_string(), verdict.to_owned());
        [name, commits, offsets, rows, removed, dead, repeated, stale, suppressed, fences, gaps, waiting, verdict]
    });
    writeln!(out, "{}", listing::table(header, rows))?;
    for (name, table) in &report.tables {
        if table.proved_from_version > 0 {
            let version = table.proved_from_version;
            writeln!(
                out,
                "{name}: proved from version {version} on; the log before was cleaned by something else than tidelake"
            )?;
        }
        table.findings.iter().try_for_each(|finding| writeln!(out, "{name}: {finding}"))?;
    }
    let verdict =
        if report.balanced { "Every offset has exactly one outcome." } else { "The ledger does not balance." };
    writeln!(out, "{verdict}")
}
