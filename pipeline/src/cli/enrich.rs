//! `tidelake enrich`: the caption stages on lines, without any broker or lake.

use super::explain::explain;
use super::{Failure, catalog};
use crate::config::Config;
use anstream::{AutoStream, ColorChoice};
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use tidelake_stages::{Stages, lines};

#[derive(clap::Args)]
pub(crate) struct EnrichArgs {
    /// A file of lines, `-` for standard input: each line a text, or a JSON object with "text" (or "caption", "desc") and
    /// perhaps "region" and "currency_hint".
    #[arg(default_value = "-")]
    file: PathBuf,
    /// Find your own products: a file as `tidelake catalog import` takes it, or `lake` for the lake's catalogue.
    #[arg(long, value_name = "FILE|lake")]
    catalog: Option<String>,
    /// For people: each caption with marks under what was found, and why; in colour on a terminal.
    #[arg(long)]
    explain: bool,
    /// Colours of --explain: auto, always or never.
    #[arg(long, value_name = "WHEN", default_value = "auto", requires = "explain")]
    color: Color,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

impl Color {
    fn choice(self) -> ColorChoice {
        match self {
            Self::Auto => AutoStream::choice(&std::io::stdout()),
            Self::Always => ColorChoice::Always,
            Self::Never => ColorChoice::Never,
        }
    }
}

pub(crate) async fn run(args: &EnrichArgs, config: &Config) -> Result<(), Failure> {
    let input: Box<dyn Read> = match args.file.to_str() {
        Some("-") => Box::new(std::io::stdin()),
        _ => Box::new(File::open(&args.file).map_err(|e| format!("{}: {e}", args.file.display()))?),
    };
    let stages = match &args.catalog {
        Some(name) => Stages::with_catalogue(Arc::new(catalog::named(name, config).await?)),
        None => Stages::standard(),
    };
    let mut input = BufReader::new(input);
    let stdout = std::io::stdout().lock();
    let stdout: Box<dyn Write> =
        if args.explain { Box::new(AutoStream::new(stdout, args.color.choice())) } else { Box::new(stdout) };
    let mut output = BufWriter::new(stdout);
    let mut line = Vec::new();
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\n', '\r']);
        if args.explain {
            let (caption, found) = lines::find(&stages, text);
            explain(&mut output, &caption, &found)?;
        } else {
            writeln!(output, "{}", lines::enrich_to_string(&stages, text))?;
        }
        if input.buffer().is_empty() {
            // What is typed is answered before the next line.
            output.flush()?;
        }
    }
    output.flush()?;
    Ok(())
}
