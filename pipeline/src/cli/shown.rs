//! How far a long command is: a line that changes on a terminal, lines now and then elsewhere.

use indicatif::ProgressBar;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Between two lines where there is no terminal.
const LINE: Duration = Duration::from_secs(10);

/// What is shown of a command's progress.
pub(super) struct Shown {
    bar: Option<ProgressBar>,
    told: Instant,
}

impl Shown {
    pub(super) fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(ProgressBar::new_spinner);
        Self { bar, told: Instant::now() }
    }

    #[allow(clippy::print_stderr, reason = "progress for people; standard output is for the result")]
    pub(super) fn tell(&mut self, line: impl FnOnce() -> String) {
        match &self.bar {
            Some(bar) => {
                bar.set_message(line());
                bar.tick();
            }
            None if self.told.elapsed() >= LINE => {
                self.told = Instant::now();
                eprintln!("{}", line());
            }
            None => {}
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.bar.iter().for_each(ProgressBar::finish_and_clear);
    }
}
