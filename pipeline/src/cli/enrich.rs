//! `tidelake enrich`: the caption stages on lines, without any broker or lake.

use super::Failure;
use crate::config::Config;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::PathBuf;
use tidelake_stages::Stages;
use tidelake_stages::lines::{self, Enriched};
use tidelake_transformers::{Transformers, TransformersError};

#[derive(clap::Args)]
pub(crate) struct EnrichArgs {
    /// A file of lines, `-` for standard input: each line a text, or a JSON object with "text" (or "caption", "desc").
    #[arg(default_value = "-")]
    file: PathBuf,
}

pub(crate) fn run(args: &EnrichArgs, config: &Config) -> Result<(), Failure> {
    let input: Box<dyn Read> = match args.file.to_str() {
        Some("-") => Box::new(std::io::stdin()),
        _ => Box::new(File::open(&args.file).map_err(|e| format!("{}: {e}", args.file.display()))?),
    };
    let settings = config.stages.transformers();
    let models = settings.as_ref().map(Transformers::start).transpose()?;
    // Without models nothing is gained by gathering.
    let batch = settings.map_or(1, |settings| settings.batch);
    let stages = Stages::standard();
    let mut input = BufReader::new(input);
    let mut output = BufWriter::new(std::io::stdout().lock());
    loop {
        let lines = read(&mut input, batch)?;
        if lines.is_empty() {
            break;
        }
        let mut found: Vec<Enriched> = lines.iter().map(|line| lines::enrich(&stages, line)).collect();
        if let Some(models) = &models {
            add(models, &mut found)?;
        }
        for found in found {
            writeln!(output, "{}", serde_json::to_string(&found)?)?;
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
fn add(models: &Transformers, found: &mut [Enriched]) -> Result<(), TransformersError> {
    let mut captions: Vec<&mut Enriched> = found.iter_mut().filter(|found| !found.text.trim().is_empty()).collect();
    let pending = models.submit(captions.iter().map(|found| found.text.clone()).collect())?;
    captions.iter_mut().zip(pending.wait()?).for_each(|(found, said)| found.transformers = Some(said));
    Ok(())
}
