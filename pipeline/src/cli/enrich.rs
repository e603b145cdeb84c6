//! `tidelake enrich`: the caption stages on lines, without any broker or lake.

use super::explain::explain;
use super::{Failure, catalog};
use crate::config::Config;
use anstream::{AutoStream, ColorChoice};
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use tidelake_stages::Stages;
use tidelake_stages::lines::{self, Found};
use tidelake_transformers::{Transformers, TransformersError};

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
    let settings = config.stages.transformers();
    let models = settings.as_ref().map(Transformers::start).transpose()?;
    // Without models nothing is gained by gathering.
    let batch = settings.map_or(1, |settings| settings.batch);
    let mut input = BufReader::new(input);
    let stdout = std::io::stdout().lock();
    let stdout: Box<dyn Write> =
        if args.explain { Box::new(AutoStream::new(stdout, args.color.choice())) } else { Box::new(stdout) };
    let mut output = BufWriter::new(stdout);
    loop {
        let lines = read(&mut input, batch)?;
        if lines.is_empty() {
            break;
        }
        let mut found: Vec<Found> = lines.iter().map(|line| lines::find(&stages, line)).collect();
        if let Some(models) = &models {
            add(models, &mut found)?;
        }
        for found in found {
            if args.explain {
                explain(&mut output, &found.text, &found.enrichment)?;
            } else {
                writeln!(output, "{}", serde_json::to_string(&found.report())?)?;
            }
        }
        if input.buffer().is_empty() {
            // What is typed is answered before the next line.
            output.flush()?;
        }
    }
    output.flush()?;
    Ok(())
}

/// The next lines, at most `count`; none at the end.
fn read(input: &mut impl BufRead, count: usize) -> std::io::Result<Vec<String>> {
    let mut lines = Vec::new();
    let mut line = Vec::new();
    while lines.len() < count && input.read_until(b'\n', &mut line)? > 0 {
        lines.push(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned());
        line.clear();
    }
    Ok(lines)
}

/// Adds what the models find in the captions that are not empty.
fn add(models: &Transformers, found: &mut [Found]) -> Result<(), TransformersError> {
    found.iter_mut().for_each(|found| found.enrichment.stages.push(models.label().to_owned()));
    let mut captions: Vec<&mut Found> = found.iter_mut().filter(|found| !found.text.trim().is_empty()).collect();
    let pending = models.submit(captions.iter().map(|found| found.text.clone()).collect())?;
    let said = pending.wait()?;
    captions.iter_mut().zip(said).for_each(|(found, said)| found.enrichment.findings.transformers = Some(said));
    Ok(())
}
