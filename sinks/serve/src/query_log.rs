//! The query log: a line of JSON for each statement, in a file that is begun anew when it is large.

use crate::settings;
use serde::Serialize;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// A line.
#[derive(Debug, Serialize)]
pub(crate) struct Line<'a> {
    /// When the statement came; RFC 3339, UTC.
    pub at: String,
    pub user: &'a str,
    pub role: &'a str,
    /// `postgres`, `flight` or `http`.
    pub door: &'static str,
    pub address: Option<String>,
    /// `answered`, or the kind of error.
    pub outcome: &'static str,
    /// Rows that were sent.
    pub rows: u64,
    /// From its coming to its end, waiting for a turn included.
    pub seconds: f64,
    /// What its sorting, grouping and joining held at the most.
    pub memory_bytes: usize,
    /// The statement; absent where nothing of it may be kept.
    pub sql: Option<&'a str>,
}

/// What is kept, and where.
#[derive(Debug, Default)]
pub(crate) struct QueryLog {
    settings: settings::QueryLog,
    open: Mutex<Option<Open>>,
    /// That lines are lost has been said.
    complained: AtomicBool,
}

/// The file, and how large it is.
#[derive(Debug)]
struct Open {
    file: File,
    bytes: u64,
}

impl QueryLog {
    /// Opens the file, if there is to be one.
    pub(crate) fn open(settings: &settings::QueryLog) -> io::Result<Self> {
        let open = settings.file.as_deref().map(Open::at).transpose()?;
        Ok(Self { settings: settings.clone(), open: Mutex::new(open), complained: AtomicBool::new(false) })
    }

    /// Whether statements are kept with the values in them.
    pub(crate) fn keeps_literals(&self) -> bool {
        self.settings.literals
    }

    /// Adds a line. What cannot be written is lost, and the daemon's log says so once: queries go on.
    pub(crate) fn add(&self, line: &Line<'_>) {
        let Some(path) = &self.settings.file else { return };
        match self.append(path, line) {
            Ok(()) => self.complained.store(false, Ordering::Relaxed),
            Err(error) if !self.complained.swap(true, Ordering::Relaxed) => {
                tracing::warn!(%error, path = %path.display(), "the query log cannot be written: lines are lost");
            }
            Err(_) => {}
        }
    }

    fn append(&self, path: &Path, line: &Line<'_>) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        let length = text.len() as u64;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let full = open.as_ref().is_some_and(|open| open.bytes > 0 && open.bytes + length > self.settings.size);
        if full {
            *open = None;
            self.shift(path)?;
        }
        if open.is_none() {
            *open = Some(Open::at(path)?);
        }
        let Some(open) = open.as_mut() else { return Ok(()) };
        open.file.write_all(&text)?;
        open.bytes += length;
        Ok(())
    }

    /// The file becomes the first of the older ones; the oldest goes.
    fn shift(&self, path: &Path) -> io::Result<()> {
        let older = |number: usize| -> PathBuf {
            let mut name = path.as_os_str().to_owned();
            name.push(format!(".{number}"));
            name.into()
        };
        let absent_is_fine = |done: io::Result<()>| match done {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        };
        for number in (1..self.settings.files).rev() {
            absent_is_fine(std::fs::rename(older(number), older(number + 1)))?;
        }
        absent_is_fine(match self.settings.files {
            0 => std::fs::remove_file(path),
            _ => std::fs::rename(path, older(1)),
        })
    }
}

impl Open {
    /// To go on with what is there. Statements are nobody else's business.
    fn at(path: &Path) -> io::Result<Self> {
        path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { file, bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(sql: &str) -> Line<'_> {
        let (user, role, door) = ("anna", "default", "http");
        let (at, outcome) = ("2026-05-01T00:00:00Z".to_owned(), "answered");
        Line { at, user, role, door, address: None, outcome, rows: 1, seconds: 0.5, memory_bytes: 7, sql: Some(sql) }
    }

    #[test]
    fn a_large_file_is_put_aside_and_the_oldest_goes() {
        let dir = tempfile::tempdir().expect("temp dir");
        let file = dir.path().join("logs/queries.ndjson");
        let length = serde_json::to_vec(&line("0")).expect("JSON").len() as u64 + 1;
        let settings = settings::QueryLog { file: Some(file.clone()), size: 2 * length, files: 2, literals: false };
        for number in 0..7 {
            // Each time anew: a restart goes on where it was.
            QueryLog::open(&settings).expect("opens").add(&line(&number.to_string()));
        }
        let read = |name: &str| {
            let text = std::fs::read_to_string(dir.path().join("logs").join(name)).expect("is there");
            let sql = |line: &str| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["sql"].clone();
            text.lines().map(sql).collect::<Vec<_>>()
        };
        assert_eq!(read("queries.ndjson"), ["6"]);
        assert_eq!(
            (read("queries.ndjson.1"), read("queries.ndjson.2")),
            (vec!["4".into(), "5".into()], vec!["2".into(), "3".into()])
        );
        assert_eq!(std::fs::read_dir(dir.path().join("logs")).expect("is there").count(), 3);
        let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().expect("is there").permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
}
