//! Where the ids of a refresh come from: batch by batch, so that a million of them are never in memory at once.

use crate::source::{CycleContext, Fault, FaultClass};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use tidelake_schemas::Timestamp;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncSeekExt, BufReader};

/// What ids are of. Batch compliance knows these two; accounts are refreshed with a task of kind `user`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Videos.
    #[default]
    Video,
    /// Comments and replies.
    Comment,
}

impl Category {
    /// As on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::Comment => "comment",
        }
    }
}

/// Some ids, and where to go on after them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdBatch {
    /// The ids.
    pub ids: Vec<i64>,
    /// The position after them; `None` when there are no more.
    pub next: Option<String>,
    /// Where positions are ids: every stored id between this position and the next that was stored before this instant is
    /// among them, or is known to be gone. The ledger tells it, so that what was confirmed can be told from what was not.
    pub stored_before: Option<Timestamp>,
}

/// A store of ids that were brought by the Research API and have to be refreshed.
///
/// A position is a short text that the store understands. A batch is read twice, once to submit it and once, minutes
/// or hours later and maybe by another process, to compare it with the answer: within one cycle the same position
/// should give the same ids. When it does not, nothing is concluded and the batch is submitted again. A store that
/// gives ids in ascending order, those above the position, only moves when ids of the past are added or removed.
///
/// Only ids that the Research API itself has given belong here: a video of the last two days that came by another
/// route may not yet be known to it, and would be called gone.
#[async_trait]
pub trait IdSource: Send + Sync + std::fmt::Debug {
    /// The next ids of this category, at most `max`, from the start or from a position that an earlier batch named. A
    /// batch may be empty although there are more.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn batch(
        &self,
        context: &CycleContext,
        category: Category,
        after: Option<&str>,
        max: usize,
    ) -> Result<IdBatch, Fault>;
}

/// The ids of a task's spec. The position is an index.
#[derive(Clone, Debug)]
pub struct ListIds(pub Vec<i64>);

#[async_trait]
impl IdSource for ListIds {
    async fn batch(&self, _: &CycleContext, _: Category, after: Option<&str>, max: usize) -> Result<IdBatch, Fault> {
        let from: usize = position(after)?;
        let end = from.saturating_add(max).min(self.0.len());
        let ids = self.0.get(from..end).unwrap_or_default().to_vec();
        Ok(IdBatch { ids, next: (end < self.0.len()).then(|| end.to_string()), stored_before: None })
    }
}

/// A text file with one decimal id per line; empty lines and lines that begin with `#` are passed over. The position is
/// an offset in bytes.
#[derive(Clone, Debug)]
pub struct FileIds {
    path: PathBuf,
}

/// A line longer than this holds no id.
const LINE_LIMIT: u64 = 256;

impl FileIds {
    /// A file; it is opened for each batch.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    fn fault(&self, what: impl std::fmt::Display, action: &str) -> Fault {
        fault(format!("{}: {what}", self.path.display()), action)
    }

    fn unreadable(&self, error: &std::io::Error) -> Fault {
        self.fault(error, "Check that the file of ids exists and can be read")
    }

    async fn open(&self, from: u64) -> Result<BufReader<tokio::fs::File>, std::io::Error> {
        let mut file = tokio::fs::File::open(&self.path).await?;
        file.seek(std::io::SeekFrom::Start(from)).await?;
        Ok(BufReader::new(file))
    }

    /// The id of a line, if it has one.
    fn read(&self, line: &[u8], at: u64) -> Result<Option<i64>, Fault> {
        let text = std::str::from_utf8(line).unwrap_or("\u{fffd}").trim();
        if text.is_empty() || text.starts_with('#') {
            return Ok(None);
        }
        let id = text.parse::<i64>().ok().filter(|&id| id > 0);
        id.map(Some).ok_or_else(|| {
            self.fault(format!("the line at byte {at} is no id"), "Write one decimal id per line, without a header")
        })
    }
}

#[async_trait]
impl IdSource for FileIds {
    async fn batch(&self, _: &CycleContext, _: Category, after: Option<&str>, max: usize) -> Result<IdBatch, Fault> {
        let mut at: u64 = position(after)?;
        let mut lines = self.open(at).await.map_err(|e| self.unreadable(&e))?;
        let (mut ids, mut line) = (Vec::new(), Vec::new());
        while ids.len() < max {
            line.clear();
            let mut limited = (&mut lines).take(LINE_LIMIT);
            let read = limited.read_until(b'\n', &mut line).await.map_err(|e| self.unreadable(&e))?;
            if read == 0 {
                return Ok(IdBatch { ids, ..IdBatch::default() });
            }
            ids.extend(self.read(&line, at)?);
            at += read as u64;
        }
        let more = !lines.fill_buf().await.map_err(|e| self.unreadable(&e))?.is_empty();
        Ok(IdBatch { ids, next: more.then(|| at.to_string()), stored_before: None })
    }
}

/// A position that is a number; the start if there is none.
fn position<N: std::str::FromStr + Default>(after: Option<&str>) -> Result<N, Fault> {
    let Some(text) = after else { return Ok(N::default()) };
    let wrong = |_| fault(format!("`{text}` is no position"), "Reset the task's position; its cycle then starts again");
    text.parse().map_err(wrong)
}

fn fault(message: String, action: &str) -> Fault {
    Fault::new(FaultClass::Request, "reading ids to refresh", message, format!("{action}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn walk(source: &dyn IdSource, max: usize) -> Result<Vec<Vec<i64>>, Fault> {
        let now = Timestamp(0);
        let context = CycleContext { task: "t".into(), cycle: 0, started_at: now, now };
        let (mut batches, mut after) = (Vec::new(), None::<String>);
        loop {
            let batch = source.batch(&context, Category::Video, after.as_deref(), max).await?;
            assert_eq!(source.batch(&context, Category::Video, after.as_deref(), max).await?, batch, "the same again");
            batches.push(batch.ids);
            match batch.next {
                Some(next) => after = Some(next),
                None => return Ok(batches),
            }
        }
    }

    #[tokio::test]
    async fn a_list_is_cut_into_batches() {
        assert_eq!(walk(&ListIds(vec![1, 2, 3]), 2).await.expect("ids"), [vec![1, 2], vec![3]]);
        assert_eq!(walk(&ListIds(vec![1, 2]), 2).await.expect("ids"), [vec![1, 2]]);
        assert_eq!(walk(&ListIds(vec![]), 2).await.expect("ids"), [Vec::<i64>::new()]);
    }

    #[tokio::test]
    async fn a_file_is_read_from_where_the_last_batch_ended() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ids.txt");
        std::fs::write(&path, "# stored\n1\r\n2\n\n3\n4\n5").expect("written");
        let file = FileIds::new(&path);
        assert_eq!(walk(&file, 2).await.expect("ids"), [vec![1, 2], vec![3, 4], vec![5]]);
        assert_eq!(walk(&file, 5).await.expect("ids"), [vec![1, 2, 3, 4, 5]]);
        std::fs::write(&path, "1\nvideo_id\n").expect("written");
        let fault = walk(&file, 9).await.expect_err("no id");
        assert!(fault.message.contains("byte 2") && fault.class == FaultClass::Request, "{fault}");
        std::fs::write(&path, "7".repeat(2000)).expect("written");
        assert!(walk(&file, 9).await.is_err());
        assert!(walk(&FileIds::new(folder.path().join("none")), 9).await.is_err());
    }

    #[tokio::test]
    async fn strange_positions_are_refused() {
        let now = Timestamp(0);
        let context = CycleContext { task: "t".into(), cycle: 0, started_at: now, now };
        let fault = ListIds(vec![1]).batch(&context, Category::Video, Some("x"), 9).await.expect_err("no position");
        assert!(fault.action.contains("Reset"));
        let beyond = ListIds(vec![1]).batch(&context, Category::Video, Some("9"), 9).await.expect("a batch");
        assert_eq!(beyond, IdBatch::default());
    }
}
