//! Takes somebody's rows out of exports, publications, reports and backups.
//!
//! An export has columns of its own, so every cell is looked at: a row goes when one of its values is a name of theirs, or
//! an address that holds one. A file is replaced whole, or left. Text that is no rows (a report, a code book) is deleted when
//! it names them, and what cannot be looked into (a PDF, a workbook) is in any case; the receipt says how to make it again.

mod files;
mod text;

use super::receipt::CopyErased;
use super::suppressions::Suppressions;
use crate::backup;
use crate::copies::{Copied, CopyKind};
use crate::lake::erasure::Why;
use crate::lake::{Lake, WriterOptions, erasure};
use crate::place::Place;
use files::{Files, Rewritten};
use tidelake_schemas::Timestamp;

/// How a copy's files are written that is the lake's own tables.
const DELTA: &str = "delta";

/// What is taken out of copies, and how.
pub struct Erasing<'a> {
    /// Whose rows.
    pub erased: &'a Suppressions,
    /// Why, for the commits of backups' tables.
    pub why: &'a Why,
    /// How these are written.
    pub options: &'a WriterOptions,
    /// The current instant.
    pub now: Timestamp,
    /// What backups' states of the log become.
    pub state: &'a backup::Edit<'a>,
}

/// Names are personal: nothing is shown.
impl std::fmt::Debug for Erasing<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Erasing").field("why", self.why).finish_non_exhaustive()
    }
}

/// What became of a copy.
#[derive(Default)]
struct Done {
    rows: usize,
    /// Files of it that are no more.
    deleted: usize,
    /// The whole copy is no more.
    whole: bool,
    /// It is not what it was.
    changed: bool,
    /// What may still hold something.
    waiting: usize,
}

/// Takes rows out of a copy. Gives what became of it, and the copy's new entry in the register; `None` where the copy is
/// no more. A copy that cannot be reached is told as `failed`.
pub async fn erase(lake: &Lake, copy: &Copied, erasing: &Erasing<'_>) -> (CopyErased, Option<Copied>) {
    let erased = erasing.erased;
    let mut told = CopyErased {
        id: copy.id,
        kind: copy.kind.name().to_owned(),
        location: erased.redact(&copy.location, true).into_owned(),
        outcome: "clean".to_owned(),
        rows: 0,
        note: None,
    };
    let mut entry = copy.clone();
    // Commands name people without a mark.
    entry.statement = copy.statement.as_deref().map(|statement| erased.redact(statement, false).into_owned());
    let outcome = match copy.format.as_str() {
        DELTA => backup(lake, copy, erasing).await,
        _ => export(lake, &mut entry, erased).await,
    };
    match outcome {
        Ok(done) if done.whole => {
            (told.outcome, told.rows) = ("deleted".to_owned(), done.rows);
            told.note = Some(again(&entry));
            return (told, None);
        }
        Ok(done) => {
            if done.changed {
                (told.outcome, told.rows) = ("rewritten".to_owned(), done.rows);
            }
            told.note = (done.deleted > 0).then(|| format!("{} files deleted: {}", done.deleted, again(&entry)));
            if done.waiting > 0 {
                told.outcome = "failed".to_owned();
                told.note = Some("a backup may be being made there, or was stopped less than an hour ago".to_owned());
            }
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

/// How to make what was deleted again.
fn again(entry: &Copied) -> String {
    let how = match (entry.kind, entry.statement.as_deref()) {
        (CopyKind::Report, Some(command)) => format!("make it again: {command}"),
        (_, Some(statement)) => format!("make it again from its statement: {statement}"),
        (_, None) => "make it again".to_owned(),
    };
    format!("{} that names them cannot be rewritten; {how}", entry.format)
}

/// Deletes a copy that should not have been made.
///
/// # Errors
/// Why it is still there.
pub async fn delete(lake: &Lake, copy: &Copied) -> Result<(), String> {
    let files = match Files::of(&copy.location, lake.options()).await {
        Ok(files) => files,
        Err(Unreached::Gone) => return Ok(()),
        Err(Unreached::Failed(why)) => return Err(why),
    };
    for path in &files.paths {
        files.delete(path).await?;
    }
    Ok(())
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

async fn backup(lake: &Lake, copy: &Copied, erasing: &Erasing<'_>) -> Result<Done, Unreached> {
    if files::is_absent(&copy.location) {
        return Err(Unreached::Gone);
    }
    let Erasing { erased, why, options, now, state } = *erasing;
    let place = Place::at(&copy.location, lake.options()).map_err(Unreached::Failed)?;
    let restated = backup::restate(&place, now, state).await.map_err(Unreached::failed)?;
    let mut done = Done { changed: restated.changed, waiting: restated.waiting, ..Done::default() };
    for copied in backup::lakes(&place, lake.options()).await.map_err(Unreached::failed)? {
        for name in erasure::tables(&copied).await.map_err(Unreached::failed)? {
            let taken = erasure::erase(&copied, &name, erased, why, options, None).await;
            if let Some(taken) = taken.map_err(Unreached::failed)? {
                done.rows += taken.rows;
                done.changed |= taken.files > 0;
            }
            if let Some(mut table) = copied.open(&name).await.map_err(Unreached::failed)? {
                let purged = erasure::purge(&mut table, &name, erased, now).await.map_err(Unreached::failed)?;
                done.changed |= !purged.is_nothing();
            }
        }
    }
    // Its manifest names the files and sums of before.
    backup::reseal(&place, lake.options()).await.map_err(Unreached::failed)?;
    Ok(done)
}

/// What was taken out of an export, a publication or a report.
async fn export(lake: &Lake, entry: &mut Copied, erased: &Suppressions) -> Result<Done, Unreached> {
    let files = Files::of(&entry.location, lake.options()).await?;
    let (mut done, mut sha256) = (Done::default(), None);
    for path in &files.paths {
        match files.rewrite(path, &entry.format, erased).await.map_err(Unreached::failed)? {
            Rewritten::Clean => {}
            Rewritten::Done { rows, sha256: new } => {
                (done.rows, done.changed) = (done.rows + rows, true);
                sha256 = Some(new);
            }
            Rewritten::Deleted { rows } => {
                (done.rows, done.deleted, done.changed) = (done.rows + rows, done.deleted + 1, true);
            }
        }
    }
    if entry.sha256.is_some() && files.paths.len() == 1 && sha256.is_some() {
        entry.sha256 = sha256;
    }
    done.whole = done.deleted > 0 && done.deleted == files.paths.len();
    Ok(done)
}
