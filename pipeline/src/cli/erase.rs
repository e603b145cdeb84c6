//! `tidelake erase`: somebody, or some videos, out of everything there is.

use super::{Failure, listing};
use crate::config::Config;
use crate::daemon::Daemon;
use crate::erasure::{Erasure, Order};
use crate::log::embedded::Embedded;
use std::io::{BufRead, IsTerminal, Write};
use std::str::FromStr;
use std::time::Duration;
use tidelake_sinks::lake::erasure::{self, Basis};
use tidelake_sinks::privacy::{Receipt, Subject, Suppressions};

#[derive(clap::Args)]
pub(crate) struct EraseArgs {
    /// A creator, by @handle or numeric id; may be given several times.
    #[arg(long, value_name = "@HANDLE|ID", required_unless_present = "video")]
    creator: Vec<String>,
    /// A video, by its id; may be given several times.
    #[arg(long, value_name = "ID")]
    video: Vec<i64>,
    /// Where they are.
    #[arg(long, default_value = "tiktok", value_parser = ["tiktok", "youtube", "facebook"])]
    platform: String,
    /// By which right: of Art. 17(1) GDPR unneeded (a), consent (b), objection (c), unlawful (d), law (e), child (f); or the
    /// platform's terms, or other. It stands in the commits and the receipt.
    #[arg(long, value_name = "BASIS", value_parser = Basis::from_str)]
    basis: Option<Basis>,
    /// Why, in words, beside the right. Who is erased is not named in it.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    /// Only say what would go.
    #[arg(long)]
    dry_run: bool,
    /// How long running roles may take to pass what they have yet to read.
    #[arg(long, default_value = "2m", value_parser = duration, value_name = "DURATION")]
    wait: Duration,
    /// table or json.
    #[arg(long, default_value = "table", value_parser = ["table", "json"])]
    format: String,
}

fn duration(text: &str) -> Result<Duration, String> {
    crate::config::parse_duration(text).ok_or_else(|| format!("{text:?} is not a duration; write 90s, 15m, 6h or 1d"))
}

pub(crate) async fn run(args: &EraseArgs, config: Config) -> Result<(), Failure> {
    let subject = subject(args, &config).await?;
    let daemon = Daemon::reach(config).await?;
    if args.dry_run {
        return preview(&daemon, &subject).await;
    }
    if !args.yes {
        confirm(&subject)?;
    }
    let named = args.creator.iter().cloned().chain(args.video.iter().map(ToString::to_string)).collect();
    if args.basis == Some(Basis::Other) && args.reason.is_none() {
        return Err("--basis other says nothing by itself: say why with --reason".into());
    }
    let (basis, reason) = (args.basis, args.reason.clone());
    let order = Order { platform: args.platform.clone(), named, subject, basis, reason, patience: args.wait };
    let receipt = Erasure::run(&daemon, &order, &|what| {
        // Progress is no result.
        _ = writeln!(std::io::stderr(), "{what}");
    })
    .await?;
    let (alone, data_dir) = (daemon.connection.is_alone(), daemon.config.data_dir.clone());
    drop(daemon);
    // Whoever has the lock has done it when it started.
    if alone && let Err(error) = Embedded::purge(&data_dir).await {
        tracing::warn!(%error, "the broker's files are written anew when it is started the next time");
    }
    print(&receipt, &args.format)?;
    match receipt.remains.is_empty() {
        true => Ok(()),
        false => Err(format!("erasure {} is done but for what remains; see above", receipt.id).into()),
    }
}

/// Everything the lake knows those by that are named.
async fn subject(args: &EraseArgs, config: &Config) -> Result<Subject, Failure> {
    let engine = super::lake::engine(config).await?;
    let mut subject = Subject::videos(&args.platform, args.video.iter().copied());
    for creator in &args.creator {
        if creator.trim_start_matches('@').trim().is_empty() {
            return Err(format!("--creator {creator:?} names nobody; give @handle or an id").into());
        }
        subject.extend(Subject::of_creator(&engine, &args.platform, creator.trim()).await?);
    }
    Ok(subject)
}

async fn preview(daemon: &Daemon, subject: &Subject) -> Result<(), Failure> {
    let names = subject.names();
    let erased = Suppressions::of(daemon.privacy_key.clone(), &subject.platform, names.iter().map(String::as_str));
    let mut rows = Vec::new();
    for table in erasure::tables(&daemon.lake).await? {
        let (found, files) = erasure::count(&daemon.lake, &table, &erased).await?;
        if files > 0 {
            rows.push([table, found.to_string(), files.to_string()]);
        }
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}; nothing was changed", known(subject))?;
    writeln!(out, "{}", listing::table(["table", "rows", "files"], rows))?;
    Ok(())
}

fn known(subject: &Subject) -> String {
    let accounts = subject.ids.len() + subject.native_ids.len();
    let shared = match subject.shared_handles {
        0 => String::new(),
        n => format!(" ({n} more are left: another account has had them too)"),
    };
    format!(
        "known by {} handle(s){shared} and {accounts} id(s), with {} video(s)",
        subject.handles.len(),
        subject.videos.len()
    )
}

fn confirm(subject: &Subject) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() {
        return Err("erasing cannot be undone: say --yes, or --dry-run to see what would go".into());
    }
    let mut out = std::io::stderr();
    write!(out, "{}. Erase it all? It cannot be undone. Type yes: ", known(subject))?;
    out.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    if answer.trim() == "yes" { Ok(()) } else { Err("nothing was erased".into()) }
}

/// A receipt for people or programs.
pub(super) fn print(receipt: &Receipt, format: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    if format == "json" {
        return Ok(writeln!(out, "{}", serde_json::to_string(receipt)?)?);
    }
    let done = receipt.done_at.map_or_else(String::new, |at| format!(", done {at}"));
    writeln!(out, "Erasure {}: {}, asked for {}{done}", receipt.id, receipt.state.name(), receipt.asked_at)?;
    if let Some(basis) = receipt.basis {
        writeln!(out, "Basis: {}", basis.about())?;
    }
    if let Some(reason) = &receipt.reason {
        writeln!(out, "Reason: {reason}")?;
    }
    writeln!(out, "{} names are suppressed.", receipt.suppressed)?;
    let header = ["table", "rows", "redacted", "files", "old files", "clean from version"];
    let tables = receipt.tables.iter().map(|table| {
        let counts = [table.rows, table.redacted, table.files, table.old_files].map(|n| n.to_string());
        let [rows, redacted, files, old] = counts;
        [table.table.clone(), rows, redacted, files, old, table.clean_version.to_string()]
    });
    writeln!(out, "{}", listing::table(header, tables))?;
    for topic in &receipt.topics {
        writeln!(out, "topic {}: {} removed, {} remain", topic.topic, topic.removed, topic.remaining)?;
    }
    let media = &receipt.media;
    writeln!(
        out,
        "media: {} files and {} notes deleted, {} shared files stay",
        media.files, media.notes, media.shared
    )?;
    for copy in &receipt.copies {
        let note = copy.note.as_deref().map_or_else(String::new, |note| format!(" ({note})"));
        writeln!(out, "{} {}: {}, {} rows{note}", copy.kind, copy.location, copy.outcome, copy.rows)?;
    }
    for fades in &receipt.fades {
        writeln!(out, "still on disk: {}: {}", fades.what, fades.why)?;
    }
    for remains in &receipt.remains {
        writeln!(out, "REMAINS: {}: {}", remains.what, remains.why)?;
    }
    Ok(())
}
