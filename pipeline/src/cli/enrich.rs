//! `tidelake enrich`: the caption stages on lines, without any broker or lake.

use super::{Failure, catalog};
use crate::config::Config;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use tidelake_stages::Stages;

#[derive(clap::Args)]
pub(crate) struct EnrichArgs {
    /// A file of lines, `-` for standard input: each line a text, or a JSON object with "text" (or "caption", "desc").
    #[arg(default_value = "-")]
    file: PathBuf,
    /// Find your own products: a file as `tidelake catalog import` takes it, or `lake` for the lake's catalogue.
    #[arg(long, value_name = "FILE|lake")]
    catalog: Option<String>,
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
    let mut output = BufWriter::new(std::io::stdout().lock());
    let mut line = Vec::new();
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let text = String::from_utf8_lossy(&line);
        let found = tidelake_stages::lines::enrich_to_string(&stages, text.trim_end_matches(['\n', '\r']));
        writeln!(output, "{found}")?;
    }
    output.flush()?;
    Ok(())
}
