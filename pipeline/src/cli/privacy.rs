//! `tidelake privacy`: what is held of people and why, what is held of somebody, and what was erased.

mod notice;

use super::copies::{Watch, command, of_file};
use super::{Failure, listing};
use crate::config::Config;
use crate::daemon::Daemon;
use crate::log::suppressions;
use crate::roles::now;
use clap::Subcommand;
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;
use tidelake_sinks::copies::CopyKind;
use tidelake_sinks::lake::erasure;
use tidelake_sinks::privacy::{Receipts, Subject, Suppressions, access, classify, gone, rows};

#[derive(clap::Args)]
pub(crate) struct PrivacyArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Every personal column of every table and view, with purpose, basis and retention (GDPR Art. 30).
    Inventory {
        /// table, json or csv.
        #[arg(long, default_value = "table")]
        format: String,
    },
    /// Everything held about a creator, as JSON, with where it came from (Art. 15).
    Export {
        /// By @handle or numeric id.
        #[arg(long, value_name = "@HANDLE|ID")]
        creator: String,
        /// Where they are.
        #[arg(long, default_value = "tiktok")]
        platform: String,
        /// Into a file, which only you may read, instead of standard output.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// A page that tells the public what is collected and why (Art. 14), of the configuration.
    Notice {
        /// markdown or html.
        #[arg(long, default_value = "markdown", value_parser = ["markdown", "html"])]
        format: String,
    },
    /// What was erased.
    Receipts {
        /// Only this one, in full.
        #[arg(value_name = "ID")]
        id: Option<String>,
        /// table, json or csv.
        #[arg(long, default_value = "table")]
        format: String,
    },
    /// Look at what has landed since for those who are erased, and take it out; with erase_gone, videos that are gone too.
    Recheck,
}

pub(crate) async fn run(args: &PrivacyArgs, config: Config) -> Result<(), Failure> {
    match &args.action {
        Action::Inventory { format } => inventory(&config, format).await,
        Action::Export { creator, platform, output } => export(&config, creator, platform, output.as_ref()).await,
        Action::Notice { format } => {
            let classes = notice::classes(&super::lake::engine(&config).await?).await?;
            let page = notice::page(&config.privacy, &classes, format == "html")?;
            Ok(writeln!(std::io::stdout(), "{page}")?)
        }
        Action::Receipts { id, format } => receipts(&config, id.as_deref(), format).await,
        Action::Recheck => recheck(config).await,
    }
}

async fn inventory(config: &Config, format: &str) -> Result<(), Failure> {
    let engine = super::lake::engine(config).await?;
    let said = |text: &Option<String>| text.clone().unwrap_or_else(|| "not stated".to_owned());
    let privacy = &config.privacy;
    let [purpose, basis, retention] = [&privacy.purpose, &privacy.basis, &privacy.retention].map(said);
    let mut lines = Vec::new();
    for table in engine.tables().await? {
        let Ok(schema) = engine.schema(&table.name).await else { continue };
        for path in rows::leaves(&schema) {
            let parts: Vec<&str> = path.iter().map(String::as_str).collect();
            let class = classify(&table.name, &parts);
            if class.is_none_or(|class| class.is_personal()) {
                let about = class.map_or("not classified: treated as personal", |class| class.about());
                lines.push([
                    table.name.clone(),
                    table.kind.to_string(),
                    path.join("."),
                    about.to_owned(),
                    purpose.clone(),
                    basis.clone(),
                    retention.clone(),
                ]);
            }
        }
    }
    let header = ["table", "kind", "column", "holds", "purpose", "basis", "retention"];
    let objects: Vec<_> = lines
        .iter()
        .map(|line| {
            json!(header.iter().zip(line).map(|(k, v)| ((*k).to_owned(), json!(v))).collect::<serde_json::Map<_, _>>())
        })
        .collect();
    listing::print(format, header, lines, objects)?;
    if format == "table" && privacy.purpose.is_none() {
        writeln!(std::io::stderr(), "Say in [privacy] what this is kept for: purpose, basis, retention.")?;
    }
    Ok(())
}

async fn export(config: &Config, creator: &str, platform: &str, output: Option<&PathBuf>) -> Result<(), Failure> {
    let watch = Watch::begin(&super::lake::lake(config)?).await?;
    let engine = super::lake::engine(config).await?;
    let subject = Subject::of_creator(&engine, platform, creator).await?;
    let names = subject.names();
    let key = config.privacy.key(&config.data_dir)?;
    let theirs = Suppressions::of(key, platform, names.iter().map(String::as_str));
    let tables = access::held(engine.lake(), &theirs).await?;
    let told = json!({
        "creator": { "platform": platform, "handles": subject.handles, "numeric_ids":
            subject.ids.iter().map(ToString::to_string).collect::<Vec<_>>(), "native_ids": subject.native_ids },
        "as_of": now().to_string(),
        "purpose": config.privacy.purpose, "basis": config.privacy.basis, "retention": config.privacy.retention,
        "tables": tables,
    });
    let text = serde_json::to_string_pretty(&told)?;
    match output {
        None => writeln!(std::io::stdout(), "{text}")?,
        Some(path) => {
            let mut options = std::fs::OpenOptions::new();
            options.write(true).create(true).truncate(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let written = options.open(path).and_then(|mut file| writeln!(file, "{text}"));
            written.map_err(|e| format!("{}: {e}", path.display()))?;
            watch.note(of_file(CopyKind::Export, path, "json", command())?).await?;
        }
    }
    Ok(())
}

async fn receipts(config: &Config, id: Option<&str>, format: &str) -> Result<(), Failure> {
    let all = Receipts::of(&super::lake::lake(config)?)?.all().await?;
    if let Some(id) = id {
        let found = all.iter().find(|receipt| receipt.id == id);
        return super::erase::print(found.ok_or_else(|| format!("no erasure has the id {id}"))?, format);
    }
    let header = [
        "erasure",
        "state",
        "basis",
        "asked for",
        "done",
        "rows",
        "topic messages",
        "media files",
        "copies",
        "remains",
    ];
    let rows = all.iter().map(|receipt| {
        let messages: i64 = receipt.topics.iter().map(|topic| topic.removed).sum();
        [
            receipt.id.clone(),
            receipt.state.name().to_owned(),
            receipt.basis.map(|basis| basis.to_string()).unwrap_or_default(),
            receipt.asked_at.to_string(),
            receipt.done_at.map(|at| at.to_string()).unwrap_or_default(),
            receipt.rows().to_string(),
            messages.to_string(),
            receipt.media.files.to_string(),
            receipt.copies.len().to_string(),
            receipt.remains.len().to_string(),
        ]
    });
    let objects = all.iter().map(|receipt| serde_json::to_value(receipt).unwrap_or_default());
    listing::print(format, header, rows, objects)
}

async fn recheck(config: Config) -> Result<(), Failure> {
    let daemon = Daemon::reach(config).await?;
    let all = suppressions::everybody(&daemon.connection, &daemon.privacy_key).await?;
    let options = daemon.config.files();
    let found = erasure::recheck(&daemon.lake, &all, &options, now()).await?;
    let mut out = std::io::stdout().lock();
    for table in &found {
        let old = table.purged.as_ref().map_or(0, |purged| purged.files);
        writeln!(out, "{}: {} rows taken out, {old} files of older versions", table.table, table.erased.rows)?;
    }
    if found.is_empty() {
        writeln!(out, "nothing of those who are erased has landed since")?;
    }
    if daemon.config.privacy.erase_gone {
        let (videos, _) = gone::erase_gone(&daemon.lake, &daemon.privacy_key, &options, now()).await?;
        writeln!(out, "{videos} videos that are gone were erased")?;
    }
    Ok(())
}
