//! Which files of a table are rewritten together: small ones of a date, or all of a complete date that is to be in order.

use super::order::{Order, TAG};
use super::repack::{Repacked, repack};
use super::tables::is_full;
use crate::catalog;
use crate::lake::location::{Lake, LakeError};
use crate::lake::writer::WriterOptions;
use arrow::compute::kernels::cast_utils::Parser;
use arrow::datatypes::Date32Type;
use deltalake::DeltaTable;
use deltalake::kernel::Remove;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use tidelake_schemas::Timestamp;

/// Files that are rewritten by one commit. What is left over of a group is taken up by the next look.
const GROUP_FILES: usize = 4096;
/// Bytes of Parquet, in files of the target size, that are rewritten by one commit.
const GROUP_TARGETS: u64 = 8;
/// What lands late in a date that is in order is left out of order until it is this part of its bytes.
const UNORDERED: i64 = 10;
const DAY_MICROS: i64 = 86_400_000_000;

/// How tables are to be.
#[derive(Clone, Debug)]
pub struct UpkeepOptions {
    /// How files are written, and how large.
    pub files: WriterOptions,
    /// A date that is still written to is left alone until it has so many small files.
    pub min_files: usize,
    /// A date is complete so long after its end.
    pub settled: Duration,
    /// Columns that rows of complete dates are ordered by, by table; several are interleaved (Z-order).
    pub order: BTreeMap<String, Vec<String>>,
    /// Memory that ordering may take; beyond it, it spills.
    pub memory_bytes: usize,
    /// Where it spills to (made if absent); `None` = the system's temporary directory.
    pub spill_dir: Option<PathBuf>,
}

impl Default for UpkeepOptions {
    fn default() -> Self {
        Self {
            files: WriterOptions::default(),
            min_files: 8,
            settled: Duration::from_secs(26 * 3600),
            order: BTreeMap::new(),
            memory_bytes: 256 << 20,
            spill_dir: None,
        }
    }
}

/// Files of one date that are rewritten together.
#[derive(Clone, Debug)]
pub struct Group {
    /// The date, as the table's partitions are named; empty for a table without any.
    pub date: String,
    /// Bytes of the files.
    pub bytes: u64,
    files: Vec<Remove>,
    order: Option<Order>,
}

impl Group {
    fn of(date: &str, files: Vec<Remove>, order: Option<Order>) -> Self {
        let bytes = files.iter().filter_map(|file| file.size).sum::<i64>();
        Self { date: date.to_owned(), bytes: u64::try_from(bytes).unwrap_or(0), files, order }
    }

    /// How many files.
    pub fn files(&self) -> usize {
        self.files.len()
    }
}

/// A file, and what it is ordered by.
struct DataFile {
    remove: Remove,
    bytes: i64,
    rows: Option<usize>,
    order: Option<String>,
}

/// Rewrites a table's files.
pub struct Compactor {
    name: String,
    table: DeltaTable,
    options: UpkeepOptions,
}

impl Compactor {
    /// Opens a table for it; `None` when there is none, or when it is written anew as a whole each time: the catalogue.
    /// delta-rs would not notice that the files it takes the place of are others meanwhile, and would leave both.
    ///
    /// # Errors
    /// [`LakeError`].
    pub async fn open(lake: &Lake, name: &str, options: UpkeepOptions) -> Result<Option<Self>, LakeError> {
        if name == catalog::TABLE {
            return Ok(None);
        }
        let Some(table) = lake.open(name).await? else { return Ok(None) };
        Ok(Some(Self { name: name.to_owned(), table, options }))
    }

    /// Sees what has changed since.
    ///
    /// # Errors
    /// [`LakeError`].
    pub async fn refresh(&mut self) -> Result<(), LakeError> {
        self.table.update_state().await.map_err(LakeError::delta(&self.name))
    }

    /// Small files that are worth putting together, oldest date first.
    ///
    /// # Errors
    /// [`LakeError`].
    pub fn small(&self, now: Timestamp) -> Result<Vec<Group>, LakeError> {
        let target = self.options.files.target_file_bytes;
        let mut groups = Vec::new();
        for (date, files) in self.dates()? {
            let small: Vec<Remove> =
                files.into_iter().filter(|file| !is_full(file.bytes, target)).map(|file| file.remove).collect();
            if is_worth(&small, target, if self.is_complete(&date, now) { 2 } else { self.options.min_files.max(2) }) {
                groups.extend(part(small, target).into_iter().map(|files| Group::of(&date, files, None)));
            }
        }
        Ok(groups)
    }

    /// Complete dates whose rows are to be in order and are not, oldest first.
    ///
    /// # Errors
    /// [`LakeError`].
    pub fn unordered(&self, now: Timestamp) -> Result<Vec<Group>, LakeError> {
        let Some(columns) = self.options.order.get(&self.name).filter(|columns| !columns.is_empty()) else {
            return Ok(Vec::new());
        };
        let order = Order::by(columns);
        let mut groups = Vec::new();
        for (date, files) in self.dates()? {
            let bytes = |files: &mut dyn Iterator<Item = &DataFile>| files.map(|file| file.bytes).sum::<i64>();
            let out = bytes(&mut files.iter().filter(|file| file.order.as_deref() != Some(order.label())));
            let all = bytes(&mut files.iter());
            // Within one group of rows there is nothing to skip.
            let alone = files.len() == 1 && files[0].rows.is_some_and(|rows| rows <= self.options.files.row_group_rows);
            if out > 0 && out * UNORDERED >= all && !alone && self.is_complete(&date, now) {
                let files = files.into_iter().map(|file| file.remove).collect();
                groups.push(Group::of(&date, files, Some(order.clone())));
            }
        }
        Ok(groups)
    }

    /// Rewrites a group.
    ///
    /// # Errors
    /// [`LakeError`]; the table is as it was then, or the group is done, which the next look shows.
    pub async fn repack(&mut self, group: &Group) -> Result<Repacked, LakeError> {
        repack(&mut self.table, &self.name, &group.files, group.order.as_ref(), &self.options).await
    }

    /// Is nothing more expected of a date? Of a table without dates, something always is.
    fn is_complete(&self, date: &str, now: Timestamp) -> bool {
        let settled = super::before(now, self.options.settled);
        Date32Type::parse(date).is_some_and(|day| (i64::from(day) + 1) * DAY_MICROS <= settled.0)
    }

    fn dates(&self) -> Result<BTreeMap<String, Vec<DataFile>>, LakeError> {
        let log = self.table.snapshot().and_then(|s| s.snapshot().try_log_data());
        let log = log.map_err(LakeError::delta(&self.name))?;
        let mut dates: BTreeMap<String, Vec<DataFile>> = BTreeMap::new();
        for file in log.iter() {
            // Of a table that is parted by something else, that.
            let values: BTreeMap<_, _> = file.partition_values_map().into_iter().collect();
            let date = values.into_values().map(Option::unwrap_or_default).collect::<Vec<_>>().join("/");
            #[allow(deprecated, reason = "nothing else gives a file's tags")]
            let tags = file.add_action().tags;
            let order = tags.and_then(|mut tags| tags.remove(TAG).flatten());
            let (remove, bytes, rows) = (file.remove_action(false), file.size(), file.num_records());
            dates.entry(date).or_default().push(DataFile { remove, bytes, rows, order });
        }
        Ok(dates)
    }
}

/// Is there enough to gain? There have to be fewer files in the end, and a large one is not rewritten for the little that
/// lands beside it, again and again.
fn is_worth(small: &[Remove], target: u64, least: usize) -> bool {
    let sizes = || small.iter().filter_map(|file| file.size);
    let largest = sizes().max().unwrap_or(0);
    let bytes = u64::try_from(sizes().sum::<i64>()).unwrap_or(0);
    let made = bytes.div_ceil(target.max(1));
    small.len() >= least && (made as usize) < small.len() && (sizes().sum::<i64>() - largest) * 4 >= largest
}

/// Parts the small files of a date into groups.
fn part(files: Vec<Remove>, target: u64) -> Vec<Vec<Remove>> {
    let most = i64::try_from(target.saturating_mul(GROUP_TARGETS)).unwrap_or(i64::MAX);
    let mut groups: Vec<Vec<Remove>> = Vec::new();
    let mut bytes = 0;
    for file in files {
        bytes += file.size.unwrap_or(0);
        match groups.last_mut() {
            Some(group) if bytes <= most && group.len() < GROUP_FILES => group.push(file),
            _ => {
                bytes = file.size.unwrap_or(0);
                groups.push(vec![file]);
            }
        }
    }
    groups.retain(|group| group.len() > 1);
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(sizes: &[i64]) -> Vec<Remove> {
        sizes.iter().map(|size| Remove { size: Some(*size), ..Remove::default() }).collect()
    }

    fn sizes(groups: Vec<Vec<Remove>>) -> Vec<Vec<i64>> {
        groups.into_iter().map(|group| group.into_iter().filter_map(|file| file.size).collect()).collect()
    }

    #[test]
    fn groups_hold_what_one_commit_may_rewrite() {
        assert_eq!(sizes(part(files(&[30, 30, 20, 70, 9, 1]), 10)), [vec![30, 30, 20], vec![70, 9, 1]]);
        assert!(part(files(&[5]), 10).is_empty(), "one file is no group");
        assert_eq!(part(files(&vec![1; GROUP_FILES + 2]), 1 << 20).len(), 2);
    }

    #[test]
    fn a_large_file_waits_for_company() {
        assert!(is_worth(&files(&[1, 1]), 200, 2));
        assert!(!is_worth(&files(&[1, 1]), 200, 3));
        assert!(!is_worth(&files(&[100, 10, 10]), 200, 2), "a fifth of it is too little");
        assert!(is_worth(&files(&[100, 10, 15]), 200, 2));
        assert!(!is_worth(&files(&[70, 70]), 100, 2), "there would be two again");
        assert!(!is_worth(&files(&[70, 70, 70]), 100, 2), "there would be three again");
        assert!(!is_worth(&[], 200, 2));
    }
}
