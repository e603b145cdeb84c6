//! `tidelake sql`: a query, several from standard input, or a prompt.

use super::Failure;
use super::copies::{Watch, of_file};
use crate::clock;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufWriter, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;
use tidelake_schemas::Timestamp;
use tidelake_sinks::copies::CopyKind;
use tidelake_sinks::format::{self, Format, FormatError, FormatOptions, table::terminal_width};
use tidelake_sinks::query::{Answer, Bind, Binds, Engine, split};

#[derive(clap::Args)]
pub(crate) struct SqlArgs {
    /// The query, or several with `;` between; `-` reads standard input. Without one: a prompt.
    #[arg(value_name = "SQL")]
    query: Option<String>,
    /// table, json, ndjson, csv or parquet; by default what FILE's extension says, else table.
    #[arg(short, long, value_name = "FORMAT", value_parser = str::parse::<Format>)]
    format: Option<Format>,
    /// Write the answer to a file, which appears when the answer is complete.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// A value for :NAME in the query: an instant, a number, null or a text. :now is the current instant unless it is set.
    #[arg(long = "bind", value_name = "NAME=VALUE", value_parser = Binds::read)]
    binds: Vec<(String, Bind)>,
    /// Ask the lake as it was at this instant: each table as its last commit by then left it, as commits date themselves.
    #[arg(long, value_name = "WHEN")]
    as_of: Option<String>,
    /// Say how long each query took (on standard error).
    #[arg(long)]
    timing: bool,
    /// Show pseudonyms in place of creators.
    #[arg(long)]
    pub(super) pseudonyms: bool,
}

/// Answers what the arguments ask.
pub(crate) async fn run(
    args: &SqlArgs,
    engine: Engine,
    mut watch: Option<Watch>,
    history: &Path,
) -> Result<(), Failure> {
    let engine = match &args.as_of {
        Some(text) => engine.as_of(instant(text)?).await?,
        None => engine,
    };
    let mut binds = Binds::default();
    args.binds.iter().for_each(|(name, value)| binds.set(name, value.clone()));
    let Some(text) = args.text()? else {
        let format = args.format.unwrap_or_default();
        return super::repl::run(engine, history, (format, args.timing), binds).await;
    };
    let format = format_of(args.format, args.output.as_deref())?;
    let binds = with_now(&binds);
    let statements = split::statements(&text);
    if statements.is_empty() {
        return Err("there is no statement to run. Try: tidelake sql 'SELECT * FROM videos LIMIT 10'".into());
    }
    let mut written = false;
    for statement in statements {
        let began = Instant::now();
        let answer = engine.ask(statement, &binds).await?;
        let rows = match &args.output {
            _ if answer.schema.fields().is_empty() => 0,
            Some(_) if std::mem::replace(&mut written, true) => {
                return Err("a file holds one answer: give one query, or write each to a file of its own".into());
            }
            Some(file) => {
                let rows = to_file(answer, format, file).await?;
                noted(watch.take(), format, file, statement.to_owned()).await?;
                rows
            }
            None => to_stdout(answer, format).await?,
        };
        if args.timing {
            timing(rows, began)?;
        }
    }
    Ok(())
}

impl SqlArgs {
    /// Whether the answer goes to a file.
    pub(super) fn writes(&self) -> bool {
        self.output.is_some()
    }

    /// The text to run; `None` to ask for it at a prompt.
    fn text(&self) -> Result<Option<String>, Failure> {
        match &self.query {
            Some(query) if query != "-" => return Ok(Some(query.clone())),
            None if std::io::stdin().is_terminal() => return Ok(None),
            _ => {}
        }
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(|e| format!("standard input: {e}"))?;
        Ok(Some(text))
    }
}

/// The values, and the current instant as `:now` if they have none.
pub(super) fn with_now(binds: &Binds) -> Binds {
    binds.iter().fold(Binds::at(clock::now()), |all, (name, value)| all.with(name, value.clone()))
}

/// An instant that was written as one.
pub(super) fn instant(text: &str) -> Result<Timestamp, Failure> {
    match text.parse() {
        Ok(Bind::Timestamp(at)) => Ok(at),
        Ok(_) => Err(format!("{text:?} is no instant like 2026-05-01T00:00:00Z, nor a day").into()),
    }
}

/// The format that is asked for, else the file's.
pub(super) fn format_of(format: Option<Format>, output: Option<&Path>) -> Result<Format, Failure> {
    let format = format.or(output.and_then(by_extension)).unwrap_or_default();
    if format.is_binary() && output.is_none() {
        return Err(format!("{format} is not for a terminal: name a file with --output FILE").into());
    }
    Ok(format)
}

pub(super) fn by_extension(file: &Path) -> Option<Format> {
    match file.extension().and_then(OsStr::to_str)?.to_ascii_lowercase().as_str() {
        "jsonl" => Some(Format::Ndjson),
        extension => extension.parse().ok().filter(|f| *f != Format::Table),
    }
}

/// Says how long a query took, on standard error so that it never mixes with the answer.
pub(super) fn timing(rows: u64, began: Instant) -> std::io::Result<()> {
    writeln!(std::io::stderr(), "{rows} rows in {:.3} s", began.elapsed().as_secs_f64())
}

/// Writes an answer to standard output; the number of rows.
pub(super) async fn to_stdout(answer: Answer, format: Format) -> Result<u64, Failure> {
    let options = FormatOptions { width: terminal_width() };
    let out = BufWriter::new(std::io::stdout());
    format::write_stream(answer.stream, &answer.schema, format, out, &options).await.map_err(failure)
}

/// Writes an answer beside the file and puts it in its place when it is whole.
pub(super) async fn to_file(answer: Answer, format: Format, file: &Path) -> Result<u64, Failure> {
    let mut part = file.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let why = |e: std::io::Error| format!("{}: {e}", file.display());
    let out = BufWriter::new(File::create(&part).map_err(why)?);
    let options = FormatOptions::default();
    let written = tokio::select! {
        written = format::write_stream(answer.stream, &answer.schema, format, out, &options) => written.map_err(failure),
        _ = tokio::signal::ctrl_c() => Err(format!("interrupted: {} is not written", file.display()).into()),
    };
    match written {
        Ok(rows) => {
            std::fs::rename(&part, file).map_err(why)?;
            Ok(rows)
        }
        Err(error) => {
            // What is left is of no use; that it cannot be removed matters less than why there was a failure.
            let _ = std::fs::remove_file(&part);
            Err(error)
        }
    }
}

/// Notes a file with an answer in the register of copies.
pub(super) async fn noted(watch: Option<Watch>, format: Format, file: &Path, statement: String) -> Result<(), Failure> {
    let Some(watch) = watch else { return Ok(()) };
    watch.note(of_file(CopyKind::Export, file, format.name(), statement)?).await
}

/// A closed pipe stays recognisable to [`super::fail`].
fn failure(error: FormatError) -> Failure {
    match error {
        FormatError::Io(io) if io.kind() == std::io::ErrorKind::BrokenPipe => io.into(),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_names_the_format() {
        for (file, format) in [
            ("a.csv", Some(Format::Csv)),
            ("a.JSONL", Some(Format::Ndjson)),
            ("a.parquet", Some(Format::Parquet)),
            ("a.table", None),
            ("a", None),
        ] {
            assert_eq!(by_extension(Path::new(file)), format, "{file}");
        }
    }
}
