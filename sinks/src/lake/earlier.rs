//! Which rows stand in an earlier log.
//!
//! A row says where its message stood, by partition and offset. A lake that was restored, or whose topic was made anew,
//! goes on with a log that begins at offset 0 again, and the same offset means another message from then on. The commit
//! that sets a partition's position back therefore notes the newest `landed_at` there was: rows that landed until then
//! stand in an earlier log. So instants of landing are only compared with each other, whatever other clocks say.

use super::commit::positions;
use super::location::LakeError;
use deltalake::DeltaTable;
use std::collections::BTreeMap;
use tidelake_schemas::Timestamp;

/// The Delta `txn` that holds until when rows of a partition stand in an earlier log; microseconds since 1970.
pub fn app_id(topic: &str, partition: i32) -> String {
    format!("tl/{topic}/{partition}/earlier")
}

/// The position to note, of the newest `landed_at`: the end of its millisecond, since statistics are no finer.
pub fn position(newest: Timestamp) -> i64 {
    newest.millis().saturating_mul(1000).saturating_add(999)
}

/// Until when rows stand in an earlier log, for those of some partitions that have any; microseconds since 1970.
///
/// # Errors
/// [`LakeError`].
pub async fn until(
    table: &DeltaTable,
    name: &str,
    topic: &str,
    partitions: Vec<i32>,
) -> Result<BTreeMap<i32, i64>, LakeError> {
    let ids: BTreeMap<i32, String> = partitions.into_iter().map(|p| (p, app_id(topic, p))).collect();
    let known = positions(table, name, ids.values().cloned().collect::<Vec<_>>()).await?;
    Ok(ids.into_iter().filter_map(|(partition, id)| Some((partition, known.get(&id).copied().flatten()?))).collect())
}
