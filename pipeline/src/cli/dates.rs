//! Days of the lake that a command is limited to.

use chrono::NaiveDate;

/// `--since` and `--until`.
#[derive(clap::Args)]
pub(crate) struct Dates {
    /// Only what was observed on this day (UTC) or later: 2026-11-01.
    #[arg(long, value_name = "DATE")]
    since: Option<NaiveDate>,
    /// Only what was observed on this day (UTC) or before.
    #[arg(long, value_name = "DATE")]
    until: Option<NaiveDate>,
}

impl Dates {
    /// First and last day, as the lake names them.
    pub(crate) fn range(&self) -> (String, String) {
        let name = |day: Option<NaiveDate>, open: &str| day.map_or_else(|| open.to_owned(), |day| day.to_string());
        (name(self.since, "0000-01-01"), name(self.until, "9999-12-31"))
    }
}
