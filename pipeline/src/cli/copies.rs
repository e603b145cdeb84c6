//! `tidelake copies`: what copies of the lake's rows were made.

use super::{Failure, listing};
use crate::clock::now;
use crate::config::Config;
use serde_json::json;
use std::path::Path;
use tidelake_sinks::copies::{Copied, Copies, CopiesError, CopyKind};
use tidelake_sinks::lake::Lake;
use tidelake_sinks::privacy::{Mark, Receipts, copies::delete};
use uuid::Uuid;

#[derive(clap::Args)]
pub(crate) struct CopiesArgs {
    /// table, json or csv.
    #[arg(short, long, default_value = "table", value_parser = ["table", "json", "csv"])]
    format: String,
}

pub(crate) async fn run(args: &CopiesArgs, config: &Config) -> Result<(), Failure> {
    let copies = Copies::of(&super::lake::lake(config)?)?.all().await?;
    let rows = copies.iter().map(|copy| {
        let statement = copy.statement.clone().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
        [copy.kind.name().into(), copy.made_at.to_string(), copy.format.clone(), copy.location.clone(), statement]
    });
    let objects = copies.iter().map(|copy| {
        json!({
            "id": copy.id, "kind": copy.kind.name(), "made_at": copy.made_at.to_string(), "format": copy.format,
            "location": copy.location, "statement": copy.statement, "sha256": copy.sha256,
        })
    });
    listing::print(&args.format, ["kind", "made at", "format", "location", "statement"], rows, objects)
}

/// Looks out for erasures from before rows are read until the copy of them is in the register.
///
/// An erasure says that it looks for copies before it does, and a copy is noted before it is asked what erasures said: so
/// that one of the two knows of the other.
pub(super) struct Watch {
    lake: Lake,
    copies: Copies,
    receipts: Receipts,
    before: Mark,
}

impl Watch {
    /// To be called before the lake is opened for what is copied.
    pub(super) async fn begin(lake: &Lake) -> Result<Self, Failure> {
        let (copies, receipts) = (Copies::of(lake)?, Receipts::of(lake)?);
        let before = receipts.mark().await?;
        Ok(Self { lake: lake.clone(), copies, receipts, before })
    }

    /// Notes a copy that is complete: one place, one entry. If somebody was erased meanwhile, it is deleted.
    pub(super) async fn note(self, mut copy: Copied) -> Result<(), Failure> {
        let at = copy.location.clone();
        let unnoted = |error: CopiesError| {
            format!("{at} is written, but not noted: who is erased from the lake will stay in it. {error}")
        };
        let known = self.copies.all().await.map_err(unnoted)?;
        let same = known.into_iter().find(|known| known.kind == copy.kind && known.location == at);
        copy.id = same.map_or(copy.id, |known| known.id);
        self.copies.note(&copy).await.map_err(unnoted)?;
        if !self.is_disturbed().await? {
            return Ok(());
        }
        delete(&self.lake, &copy).await.map_err(|why| {
            format!("somebody was erased from the lake meanwhile and may be in {at}, which could not be deleted: {why}")
        })?;
        self.copies.forget(copy.id).await?;
        Err(format!(
            "somebody was erased from the lake meanwhile and may have been in {at}: it was deleted. Run it again"
        )
        .into())
    }

    /// Whether an erasure was at work.
    pub(super) async fn is_disturbed(&self) -> Result<bool, Failure> {
        Ok(self.receipts.mark().await? != self.before)
    }
}

/// A file of this machine that a command has written rows to.
pub(super) fn of_file(kind: CopyKind, file: &Path, format: &str, statement: String) -> Result<Copied, Failure> {
    let location = std::path::absolute(file).map_err(|e| format!("{}: {e}", file.display()))?;
    Ok(Copied {
        id: Uuid::now_v7(),
        kind,
        location: location.display().to_string(),
        format: format.to_owned(),
        made_at: now(),
        statement: Some(statement),
        sha256: None,
    })
}

/// The command that runs, as it would be typed.
pub(super) fn command() -> String {
    std::iter::once("tidelake".to_owned())
        .chain(std::env::args().skip(1).map(|word| quoted(&word)))
        .collect::<Vec<_>>()
        .join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@,+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_typed_as_a_shell_reads_them() {
        assert_eq!(quoted("--since=2026-11-01"), "--since=2026-11-01");
        assert_eq!(quoted("it's so"), "'it'\\''s so'");
    }
}
