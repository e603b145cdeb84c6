//! What rows hold, whatever their order: to be compared before files take the place of others.

use arrow::array::RecordBatch;
use datafusion::common::hash_utils::{RandomState, create_hashes};
use datafusion::error::DataFusionError;
use std::fmt;

/// Seeds of the two hashes of each row.
const SEEDS: [u64; 2] = [0x7469_6465, 0x6c61_6b65];

/// How many rows, and the sums of two hashes of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Content {
    pub rows: u64,
    sums: [u64; 2],
}

impl Content {
    /// Adds the rows of a batch. Batches that are compared have the same columns, of the same types.
    pub(super) fn take(&mut self, batch: &RecordBatch) -> Result<(), DataFusionError> {
        let (mut rows, mut hashes) = (vec![0; batch.num_rows()], vec![0; batch.num_rows()]);
        for (sum, seed) in self.sums.iter_mut().zip(SEEDS) {
            rows.fill(0);
            for column in batch.columns() {
                hashes.fill(0);
                create_hashes([column], &RandomState::with_seed(seed), &mut hashes)?;
                rows.iter_mut().zip(&hashes).for_each(|(row, hash)| *row = mixed(*row ^ hash));
            }
            *sum = rows.iter().fold(*sum, |sum, row| sum.wrapping_add(*row));
        }
        self.rows += rows.len() as u64;
        Ok(())
    }
}

/// Spreads every bit over all of them (the end of SplitMix64, Steele, Lea and Flood 2014). DataFusion puts the hashes of
/// columns together by a sum, and the sum of such sums is the same when rows have exchanged values.
fn mixed(bits: u64) -> u64 {
    let bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows ({:016x}{:016x})", self.rows, self.sums[0], self.sums[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Int64Array, StringArray};
    use std::sync::Arc;

    fn content(rows: &[(Option<i64>, Option<&str>)]) -> Content {
        let mut content = Content::default();
        for row in rows {
            let columns: [(&str, ArrayRef); 2] =
                [("a", Arc::new(Int64Array::from(vec![row.0]))), ("b", Arc::new(StringArray::from(vec![row.1])))];
            content
                .take(&RecordBatch::try_from_iter_with_nullable(columns.map(|(n, c)| (n, c, true))).unwrap())
                .unwrap();
        }
        content
    }

    #[test]
    fn order_is_no_matter_and_every_value_is() {
        let rows = [(Some(1), Some("x")), (Some(2), None), (None, Some("y"))];
        let mut turned = rows;
        turned.reverse();
        assert_eq!(content(&rows), content(&turned));
        for other in [
            vec![rows[0], rows[1]],
            vec![rows[0], rows[1], rows[2], rows[2]],
            vec![(Some(2), Some("x")), (Some(1), None), rows[2]],
            vec![rows[0], (Some(2), Some("")), rows[2]],
            vec![rows[0], rows[1], (Some(0), Some("y"))],
        ] {
            assert_ne!(content(&rows), content(&other), "{other:?}");
        }
    }
}
