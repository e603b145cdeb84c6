//! Takes somebody's rows out of exports, publications and backups.
//!
//! An export has columns of its own, so every cell is looked at: a row goes when one of its values is a name of theirs, or
//! an address that holds one. A file is replaced whole, or left; what cannot be read is deleted, and the receipt says how
//! to make it again.

mod files;
mod text;

use super::receipt::CopyErased;
use super::suppressions::Suppressions;
use crate::backup;
use crate::copies::{Copied, CopyKind};
use crate::lake::{Lake, WriterOptions, erasure};
use crate::place::Place;
use files::{Files, Rewritten};
use tidelake_schemas::Timestamp;

/// How a copy's files are written that is the lake's own tables.
const DELTA: &str = "delta";

/// Takes rows out of a copy. Gives what became of it, and the copy's new entry in the register; `None` where the copy is
/// no more. A copy that cannot be reached is told as `failed`.
pub async fn erase(
    lake: &Lake,
    copy: &Copied,
    erased: &Suppressions,
    erasure: &str,
    options: &WriterOptions,
    now: Timestamp,
) -> (CopyErased, Option<Copied>) {
    let mut told = CopyErased {
        id: copy.id,
        kind: kind(copy.kind).to_owned(),
        location: erased.redact(&copy.location, true).into_owned(),
        outcome: "clean".to_owned(),
        rows: 0,
        note: None,
    };
    let mut entry = copy.clone();
    entry.statement = copy.statement.as_deref().map(|statement| erased.redact(statement, true).into_owned());
    let outcome = if copy.format == DELTA {
        backup(lake, copy, erased, erasure, options, now).await.map(|rows| (rows, false))
    } else {
        export(lake, &mut entry, erased).await
    };
    match outcome {
        Ok((0, false)) => {}
        Ok((rows, false)) => (told.outcome, told.rows) = ("rewritten".to_owned(), rows),
        Ok((rows, true)) => {
            (told.outcome, told.rows) = ("deleted".to_owned(), rows);
            let again = entry.statement.as_deref().map_or("make it again", |_| "make it again from its statement:");
            let statement = entry.statement.as_deref().unwrap_or_default();
            told.note = Some(format!("{} cannot be rewritten; {again} {statement}", copy.format).trim_end().to_owned());
            return (told, None);
        }
        Err(Unreached::Gone) => {
            told.outcome = "gone".to_owned();
            return (told, None);
        }
        Err(Unreached::Failed(why)) => {
            told.outcome = "failed".to_owned();
            told.note = Some(erased.redact(&why, true).into_owned());
        }
    }
    (told, Some(entry))
}

fn kind(kind: CopyKind) -> &'static str {
    match kind {
        CopyKind::Export => "export",
        CopyKind::Publication => "publication",
        CopyKind::Backup => "backup",
    }
}

/// Why nothing was taken out.
#[derive(Debug)]
enum Unreached {
    /// It is no more.
    Gone,
    /// It may still be there.
    Failed(String),
}

impl Unreached {
    fn failed(error: impl ToString) -> Self {
        Self::Failed(error.to_string())
    }
}

async fn backup(
    lake: &Lake,
    copy: &Copied,
    erased: &Suppressions,
    erasure: &str,
    options: &WriterOptions,
    now: Timestamp,
) -> Result<usize, Unreached> {
    if files::is_absent(&copy.location) {
        return Err(Unreached::Gone);
    }
    let place = Place::at(&copy.location, lake.options()).map_err(Unreached::Failed)?;
    let mut rows = 0;
    for copied in backup::lakes(&place, lake.options()).await.map_err(Unreached::failed)? {
        for name in erasure::tables(&copied).await.map_err(Unreached::failed)? {
            let taken = erasure::erase(&copied, &name, erased, erasure, options, None).await;
            rows += taken.map_err(Unreached::failed)?.map_or(0, |taken| taken.rows);
            if let Some(mut table) = copied.open(&name).await.map_err(Unreached::failed)? {
                erasure::purge(&mut table, &name, erased, now).await.map_err(Unreached::failed)?;
            }
        }
    }
    // Its manifest names the files and sums of before.
    backup::reseal(&place, lake.options()).await.map_err(Unreached::failed)?;
    Ok(rows)
}

/// Rows that went, and whether the whole copy did.
async fn export(lake: &Lake, entry: &mut Copied, erased: &Suppressions) -> Result<(usize, bool), Unreached> {
    let files = Files::of(&entry.location, lake.options()).await?;
    let (mut rows, mut deleted, mut sha256) = (0, 0, None);
    for path in &files.paths {
        match files.rewrite(path, &entry.format, erased).await.map_err(Unreached::failed)? {
            Rewritten::Clean => {}
            Rewritten::Done { rows: gone, sha256: new } => {
                rows += gone;
                sha256 = Some(new);
            }
            Rewritten::Deleted => deleted += 1,
        }
    }
    if entry.sha256.is_some() && files.paths.len() == 1 && sha256.is_some() {
        entry.sha256 = sha256;
    }
    Ok((rows, deleted > 0 && deleted == files.paths.len()))
}
