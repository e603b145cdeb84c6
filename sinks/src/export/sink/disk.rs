//! Files on a disk, written beside their place and renamed.

use super::staged::{Staged, may_be_written, remove};
use super::{Export, ExportError, ExportedFile, SUCCESS, Tally};
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;

/// Files on disk.
pub(in crate::export) struct Disk {
    target: PathBuf,
    force: bool,
    /// It is a directory of files.
    many: bool,
    staged: Staged,
    open: Option<(File, Tally)>,
    done: Vec<ExportedFile>,
}

impl Disk {
    pub(super) fn open(target: PathBuf, export: &Export) -> Result<Self, ExportError> {
        let shown = target.display().to_string();
        let failed = |e: io::Error| ExportError::place(&shown, &e);
        let target = std::path::absolute(&target).map_err(failed)?;
        let (many, force) = (export.partition.is_some(), export.force);
        may_be_written(&target, many, force)?;
        let staged = Staged::beside(&target, many).map_err(failed)?;
        Ok(Self { target, force, many, staged, open: None, done: Vec::new() })
    }

    fn failed(&self) -> impl Fn(io::Error) -> ExportError + use<> {
        let place = self.target.display().to_string();
        move |error| ExportError::place(&place, &error)
    }

    pub(super) fn begin(&mut self, name: &str) -> Result<(), ExportError> {
        let file = match &self.staged.lock {
            Some(file) if !self.many => file.try_clone(),
            _ => {
                let path = self.staged.path.join(name);
                path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| File::create_new(&path))
            }
        };
        let file = file.map_err(self.failed())?;
        let name = if self.many { name.to_owned() } else { self.name() };
        self.open = Some((file, Tally::of(&name)));
        Ok(())
    }

    fn name(&self) -> String {
        self.target.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), ExportError> {
        let failed = self.failed();
        let Some((file, tally)) = &mut self.open else { return Ok(()) };
        tally.add(bytes);
        file.write_all(bytes).map_err(failed)
    }

    pub(super) async fn end(&mut self, rows: u64) -> Result<(), ExportError> {
        let Some((file, tally)) = self.open.take() else { return Ok(()) };
        let synced = tokio::task::spawn_blocking(move || file.sync_all()).await;
        synced.unwrap_or_else(|e| Err(io::Error::other(e))).map_err(self.failed())?;
        self.done.push(tally.done(rows));
        Ok(())
    }

    pub(super) async fn publish(mut self) -> Result<(String, Vec<ExportedFile>), ExportError> {
        let failed = self.failed();
        may_be_written(&self.target, self.many, self.force)?;
        if self.many {
            File::create_new(self.staged.path.join(SUCCESS)).and_then(|file| file.sync_all()).map_err(&failed)?;
        }
        // A directory cannot be renamed over another.
        let old = (self.many && self.target.exists()).then(|| self.staged.path.with_extension("old.part"));
        if let Some(old) = &old {
            std::fs::rename(&self.target, old).map_err(&failed)?;
        }
        self.staged.rename(&self.target, self.many).map_err(&failed)?;
        // Under this name the next export removes it, should this one not come to it.
        old.iter().for_each(|old| _ = remove(old));
        Ok((self.target.display().to_string(), self.done))
    }
}
