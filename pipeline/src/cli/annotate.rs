//! `tidelake annotate`: what an external model says of captions, without any broker or lake.

use super::Failure;
use crate::clock;
use crate::config::Config;
use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use serde_json::value::RawValue;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use tidelake_connectors::annotate::{Annotator, AskError};
use tidelake_stages::lines;

#[derive(clap::Args)]
pub(crate) struct AnnotateArgs {
    /// A file of lines, `-` for standard input: each line a text, or a JSON object with "text" (or "caption", "desc").
    #[arg(default_value = "-")]
    file: PathBuf,
}

/// One line of output.
#[derive(Serialize)]
struct Row {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    text: String,
    model: String,
    prompt: String,
    /// `answered`, `failed`, or `empty`: nothing was asked.
    status: &'static str,
    annotation: Option<Box<RawValue>>,
    tokens: Option<i64>,
    cached: bool,
    error: Option<String>,
}

pub(crate) async fn run(args: &AnnotateArgs, config: &Config) -> Result<(), Failure> {
    let external = config.external_model.as_ref();
    let external = external
        .ok_or("no [external_model] is configured; see deploy/tidelake.example.toml, and give its file with -c")?;
    let annotator = Annotator::new(external, clock::for_connectors())?;
    let input: Box<dyn Read + Send> = match args.file.to_str() {
        Some("-") => Box::new(std::io::stdin()),
        _ => Box::new(File::open(&args.file).map_err(|e| format!("{}: {e}", args.file.display()))?),
    };
    let lines = stream::iter(BufReader::new(input).split(b'\n')).map_err(Failure::from);
    let ask = |line: Vec<u8>| row(&annotator, line);
    // In the order of the lines, so many at the same time.
    let rows = lines.map(|line| async { ask(line?).await.map_err(Failure::from) }).buffered(external.concurrency);
    rows.try_for_each(|row| async move {
        let mut output = std::io::stdout().lock();
        writeln!(output, "{}", serde_json::to_string(&row)?)?;
        Ok(())
    })
    .await
}

/// What became of a line; an error where the next would fare alike.
async fn row(annotator: &Annotator, line: Vec<u8>) -> Result<Row, AskError> {
    let (id, text) = lines::caption(&String::from_utf8_lossy(&line));
    let (model, prompt) = (annotator.model().to_owned(), annotator.prompt_version().to_owned());
    let row =
        Row { id, text, model, prompt, status: "empty", annotation: None, tokens: None, cached: false, error: None };
    if row.text.trim().is_empty() {
        return Ok(row);
    }
    match annotator.ask(&row.text).await {
        Ok(answer) => {
            let annotation = RawValue::from_string(answer.json).ok();
            Ok(Row { status: "answered", annotation, tokens: answer.tokens, cached: answer.cached, ..row })
        }
        Err(error) if error.is_final() => Err(error),
        Err(error) => Ok(Row { status: "failed", error: Some(error.to_string()), ..row }),
    }
}
