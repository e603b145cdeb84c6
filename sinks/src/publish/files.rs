//! The files of a publication.

use super::book;
use super::cells::Plan;
use super::columns::Columns;
use super::{Publication, PublishError, Suppressed};
use crate::export::{Export, ExportError, ExportFormat, ExportedFile, Reached, export};
use crate::format::FormatError;
use crate::place::hex;
use crate::query::Engine;
use aws_lc_rs::digest::{SHA256, digest};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What the files are told.
pub(super) type Known<'a> = (&'a Columns, &'a BTreeMap<String, u64>, &'a BTreeSet<String>, &'a Suppressed);

pub(super) async fn write(
    engine: &Engine,
    publication: &Publication,
    plan: &Plan,
    known: Known<'_>,
    dir: &Path,
    mut told: impl FnMut(Reached) + Send,
) -> Result<Vec<ExportedFile>, PublishError> {
    let data = dir.join(format!("data.{}", publication.format));
    let mut files = Vec::new();
    let to = |path: &Path, format| Export::new(path.display().to_string(), format);
    let answer = engine.sql(&plan.published()).await?;
    files.extend(export(answer, &to(&data, publication.format), &mut told).await?.files);
    if let Some(query) = plan.ids() {
        let ids = dir.join("ids.csv");
        files.extend(export(engine.sql(&query).await?, &to(&ids, ExportFormat::Csv), &mut told).await?.files);
    }
    let (columns, tables, zones, suppressed) = known;
    let book = book::code_book(engine, publication, plan, columns).await?;
    files.push(text(dir, "CODEBOOK.md", &book)?);
    files.push(text(dir, "SUPPRESSION.md", &book::report(publication, columns, suppressed))?);
    let manifest = serde_json::json!({
        "form": 1, "release": env!("CARGO_PKG_VERSION"), "statement": publication.query, "tables": tables,
        "zones": zones, "detail": publication.detail, "k": publication.k, "counted": columns.subject,
        "quasi_identifiers": columns.quasi, "generalised": publication.generalise, "purpose": publication.purpose,
        "approval": publication.approval, "suppressed": suppressed, "files": files,
    });
    let manifest = serde_json::to_string_pretty(&manifest).unwrap_or_default() + "\n";
    files.push(text(dir, "MANIFEST.json", &manifest)?);
    Ok(files)
}

fn text(dir: &Path, name: &str, content: &str) -> Result<ExportedFile, ExportError> {
    let written = std::fs::write(dir.join(name), content);
    written.map_err(|e| ExportError::Format(FormatError::Io(e)))?;
    let sha256 = hex(digest(&SHA256, content.as_bytes()).as_ref());
    Ok(ExportedFile { path: name.to_owned(), rows: 0, bytes: content.len() as u64, sha256 })
}
