//! Out of exports, reports and backups.

use super::{Erasure, Order};
use crate::backup::state::LogState;
use crate::cli::Failure;
use crate::log::suppressions;
use crate::roles::now;
use std::collections::BTreeSet;
use tidelake_sinks::backup::Edit;
use tidelake_sinks::copies::{Copied, Copies};
use tidelake_sinks::privacy::copies::{Erasing, erase};

impl Erasure<'_> {
    /// Takes them out of every copy there is, until no other has come.
    pub(super) async fn copies(&mut self, order: &Order) -> Result<(), Failure> {
        let register = Copies::of(&self.daemon.lake)?;
        let suppression = suppressions::messages(&self.receipt.id, &order.platform, &self.erased)?;
        let erased = self.erased.clone();
        let state = move |written: &[u8]| LogState::without(written, &erased, &suppression);
        let mut seen = BTreeSet::new();
        loop {
            // Said before it is done: see `tidelake copies`' watch.
            self.receipt.looks += 1;
            self.receipts.put(&self.receipt).await?;
            let new: Vec<Copied> = register.all().await?.into_iter().filter(|copy| seen.insert(copy.id)).collect();
            if new.is_empty() {
                return Ok(());
            }
            for copy in new {
                self.copy(&register, &copy, &state).await?;
            }
        }
    }

    async fn copy(&mut self, register: &Copies, copy: &Copied, state: &Edit<'_>) -> Result<(), Failure> {
        let (why, options) = (self.why(), self.daemon.config.files());
        let erasing = Erasing { erased: &self.erased, why: &why, options: &options, now: now(), state };
        let (told, entry) = erase(&self.daemon.lake, copy, &erasing).await;
        match entry {
            Some(entry) if entry != *copy => register.note(&entry).await?,
            Some(_) => {}
            None => register.forget(copy.id).await?,
        }
        if told.outcome == "failed" {
            let why = told.note.clone().unwrap_or_default();
            self.remains(
                format!("{} {}", told.kind, told.location),
                format!("{why}. NOT ERASED: make it reachable and erase again"),
            );
        }
        self.say(format!("{} {}: {}", told.kind, told.location, told.outcome));
        self.receipt.copies.push(told);
        Ok(())
    }
}
