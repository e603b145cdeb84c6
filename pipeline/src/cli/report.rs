//! `tidelake report`: what the lake says about a stretch of time, as a page, as JSON or on paper.

use super::{Failure, lake};
use crate::clock;
use crate::config::{Config, parse_duration};
use chrono::{DateTime, NaiveDate, NaiveTime};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tidelake_schemas::Timestamp;
use tidelake_sinks::report::{Report, ReportOptions};
use tokio::process::Command;

/// How long the browser may take to put a page on paper.
const PRINT_WITHIN: Duration = Duration::from_secs(120);

#[derive(clap::Args)]
pub(crate) struct ReportArgs {
    /// Only videos posted, and polls made, from then on: a day (2026-11-01), an instant (2026-11-01T08:00:00Z) or how long
    /// ago (28d).
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// …and before then.
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    /// Only videos of this region: US.
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// What the report is called.
    #[arg(long, default_value = "What the lake says")]
    title: String,
    /// The file: .html is one page that needs no network, .json is the same for programs, .pdf is the page printed by
    /// Chromium.
    #[arg(short, long, value_name = "FILE", default_value = "report.html")]
    out: PathBuf,
}

#[allow(clippy::print_stdout, reason = "this is what the command says")]
pub(crate) async fn run(args: &ReportArgs, config: &Config) -> Result<(), Failure> {
    let form = form(&args.out)?;
    let now = clock::now();
    let options = ReportOptions {
        title: args.title.clone(),
        since: args.since.as_deref().map(|text| instant(text, now)).transpose()?,
        until: args.until.as_deref().map(|text| instant(text, now)).transpose()?,
        region: args.region.as_ref().map(|region| region.to_uppercase()),
        now,
    };
    let engine = lake::asked(config, lake::options(config)).await?;
    let report = Report::compute(&engine, &options).await?;
    match form {
        Form::Html => write(&args.out, report.html()?.as_bytes())?,
        Form::Json => write(&args.out, &serde_json::to_vec_pretty(&report)?)?,
        Form::Pdf => print(&report.html()?, &args.out, config).await?,
    }
    println!("{}", args.out.display());
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Html,
    Json,
    Pdf,
}

fn form(out: &Path) -> Result<Form, Failure> {
    match out.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase).as_deref() {
        Some("html" | "htm") => Ok(Form::Html),
        Some("json") => Ok(Form::Json),
        Some("pdf") => Ok(Form::Pdf),
        _ => Err(format!("{}: a report is .html, .json or .pdf. Name the file so", out.display()).into()),
    }
}

/// A day, an instant or how long ago.
fn instant(text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Ok(day.and_time(NaiveTime::MIN).and_utc().into());
    }
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Ok(instant.to_utc().into());
    }
    let ago = parse_duration(text).ok_or_else(|| {
        format!("{text:?} is no time. Give a day (2026-11-01), an instant (2026-11-01T08:00:00Z) or how long ago (28d)")
    })?;
    Ok(now.plus_secs(-i64::try_from(ago.as_secs()).unwrap_or(i64::MAX)))
}

/// Writes beside the file and puts it in its place when it is whole.
fn write(out: &Path, content: &[u8]) -> Result<(), Failure> {
    let mut part = out.as_os_str().to_owned();
    part.push(".part");
    let why = |e: std::io::Error| format!("{}: {e}. Name a file in a directory that can be written to", out.display());
    fs::write(&part, content).and_then(|()| fs::rename(&part, out)).map_err(why)?;
    Ok(())
}

/// Prints the page by Chromium, which fetches nothing for it.
async fn print(page: &str, out: &Path, config: &Config) -> Result<(), Failure> {
    let settings = config.browser.clone().unwrap_or_default();
    let dir = tempfile::tempdir()?;
    let (from, to) = (dir.path().join("report.html"), dir.path().join("report.pdf"));
    fs::write(&from, page)?;
    let mut chromium = Command::new(&settings.chromium);
    chromium.args(["--headless", "--disable-gpu", "--no-first-run", "--no-pdf-header-footer", "--disable-extensions"]);
    if !settings.sandbox {
        chromium.arg("--no-sandbox");
    }
    chromium.arg(format!("--user-data-dir={}", dir.path().join("profile").display()));
    chromium.arg(format!("--print-to-pdf={}", to.display())).arg(&from);
    chromium.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let hint = "Install Debian's package chromium or set [browser] chromium; as root, set [browser] sandbox = false. Or \
                write .html and print it yourself";
    let ended = tokio::time::timeout(PRINT_WITHIN, chromium.status()).await;
    match ended {
        Ok(Ok(status)) if status.success() && to.exists() => write(out, &fs::read(&to)?),
        Ok(Ok(status)) => {
            Err(format!("{} did not print the report ({status}). {hint}", settings.chromium.display()).into())
        }
        Ok(Err(error)) => Err(format!("{}: {error}. {hint}", settings.chromium.display()).into()),
        Err(_) => Err(format!("{} took longer than {PRINT_WITHIN:?}. {hint}", settings.chromium.display()).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_days_instants_or_ago() {
        let now = Timestamp(1_750_000_000_000_000);
        assert_eq!(instant("1970-01-02", now).unwrap(), Timestamp(86_400_000_000));
        assert_eq!(instant("1970-01-01T01:00:00+01:00", now).unwrap(), Timestamp(0));
        assert_eq!(instant("1d", now).unwrap(), now.plus_secs(-86_400));
        assert!(instant("yesterday", now).unwrap_err().to_string().contains("2026-11-01"));
    }

    #[test]
    fn the_extension_names_the_form() {
        assert_eq!(form(Path::new("a.PDF")).unwrap(), Form::Pdf);
        assert!(form(Path::new("report")).is_err());
    }
}
