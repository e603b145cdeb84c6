//! Which messages are new: lineage undoes repeats, epochs undo zombies.

use std::collections::BTreeMap;
use tidelake_schemas::lineage::Lineage;
use tidelake_schemas::topics;

/// The lane of what collectors publish themselves.
const COLLECTED: &str = "collect";

/// What is to become of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// New.
    Take,
    /// Before the position: read twice.
    Behind,
    /// Lineage not higher than the highest seen.
    Repeated,
    /// Of an epoch before the newest fence.
    Stale,
    /// A fence.
    Fence,
}

/// One lane of a partition: records that share an origin, and so an order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Lane {
    /// Highest lineage offset seen.
    lineage: Option<i64>,
    /// Highest epoch seen.
    epoch: Option<i64>,
}

/// How far one partition has been read, and what the filter has seen in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Track {
    /// Next offset to read; `None` before the first message.
    pub next: Option<i64>,
    lanes: BTreeMap<String, Lane>,
}

/// The lanes a topic can have.
fn lanes(topic: &str) -> Vec<&'static str> {
    match topic {
        topics::VIDEO_ENRICHED => vec![topics::VIDEO_OBSERVED],
        topics::MEDIA => vec![topics::MEDIA_ORDERS],
        topics::ANNOTATIONS => vec![topics::VIDEO_OBSERVED],
        topics::DEAD_LETTERS => {
            let mut all = vec![COLLECTED, topics::VIDEO_OBSERVED, topics::MEDIA_ORDERS];
            all.extend(topics::LANDED.iter().map(|l| l.topic));
            all
        }
        _ => vec![COLLECTED],
    }
}

fn next_id(topic: &str, partition: i32) -> String {
    format!("tl/{topic}/{partition}")
}

fn lane_id(topic: &str, partition: i32, lane: &str, what: &str) -> String {
    format!("tl/{topic}/{partition}/{lane}/{what}")
}

/// Every `txn` id a partition's track may have in its table.
pub(crate) fn app_ids(topic: &str, partition: i32) -> Vec<String> {
    let mut ids = vec![next_id(topic, partition)];
    for lane in lanes(topic) {
        ids.push(lane_id(topic, partition, lane, "lineage"));
        ids.push(lane_id(topic, partition, lane, "epoch"));
    }
    ids
}

impl Track {
    /// The track the table's positions describe.
    pub(crate) fn restore(topic: &str, partition: i32, stored: &BTreeMap<String, Option<i64>>) -> Self {
        let get = |id: String| stored.get(&id).copied().flatten();
        let lane = |name: &str| Lane {
            lineage: get(lane_id(topic, partition, name, "lineage")),
            epoch: get(lane_id(topic, partition, name, "epoch")),
        };
        let lanes = lanes(topic).into_iter().map(|name| (name.to_owned(), lane(name)));
        Self { next: get(next_id(topic, partition)), lanes: lanes.filter(|(_, l)| *l != Lane::default()).collect() }
    }

    /// The positions to store with this track, by `txn` id.
    pub(crate) fn positions(&self, topic: &str, partition: i32) -> BTreeMap<String, i64> {
        let mut positions = BTreeMap::new();
        if let Some(next) = self.next {
            positions.insert(next_id(topic, partition), next);
        }
        for (name, lane) in &self.lanes {
            if let Some(lineage) = lane.lineage {
                positions.insert(lane_id(topic, partition, name, "lineage"), lineage);
            }
            if let Some(epoch) = lane.epoch {
                positions.insert(lane_id(topic, partition, name, "epoch"), epoch);
            }
        }
        positions
    }

    /// Judges the message at `offset` and moves on.
    pub(crate) fn judge(&mut self, offset: i64, lineage: &Lineage) -> Verdict {
        if self.next.is_some_and(|next| offset < next) {
            return Verdict::Behind;
        }
        self.next = Some(offset + 1);
        let name = lineage.source.as_ref().map_or(COLLECTED, |s| s.topic.as_str());
        if !self.lanes.contains_key(name) {
            self.lanes.insert(name.to_owned(), Lane::default());
        }
        let Some(lane) = self.lanes.get_mut(name) else { return Verdict::Take };
        if let Some(source) = &lineage.source {
            if lane.lineage.is_some_and(|highest| source.offset <= highest) {
                return Verdict::Repeated;
            }
            lane.lineage = Some(source.offset);
        }
        if let Some(epoch) = lineage.epoch {
            if lane.epoch.is_some_and(|highest| epoch < highest) {
                return Verdict::Stale;
            }
            lane.epoch = Some(epoch);
        }
        if lineage.fence { Verdict::Fence } else { Verdict::Take }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidelake_schemas::lineage::SourcePosition;

    fn enriched(offset: i64, epoch: i64) -> Lineage {
        let source = Some(SourcePosition { topic: topics::VIDEO_OBSERVED.into(), partition: 0, offset });
        Lineage { source, epoch: Some(epoch), ..Lineage::default() }
    }

    fn collected(epoch: i64, fence: bool) -> Lineage {
        Lineage { epoch: Some(epoch), fence, ..Lineage::default() }
    }

    #[test]
    fn a_repeated_suffix_is_dropped() {
        let mut track = Track::default();
        let sources = [0, 1, 2, 1, 2, 3];
        let verdicts: Vec<_> = (0..).zip(sources).map(|(o, s)| track.judge(o, &enriched(s, 1))).collect();
        use Verdict::{Repeated, Take};
        assert_eq!(verdicts, [Take, Take, Take, Repeated, Repeated, Take]);
    }

    #[test]
    fn what_a_zombie_publishes_after_the_fence_is_dropped() {
        let mut track = Track::default();
        assert_eq!(track.judge(0, &collected(5, false)), Verdict::Take);
        assert_eq!(track.judge(1, &collected(9, true)), Verdict::Fence);
        assert_eq!(track.judge(2, &collected(5, false)), Verdict::Stale);
        assert_eq!(track.judge(3, &collected(9, false)), Verdict::Take);
    }

    #[test]
    fn lanes_do_not_fence_each_other() {
        // A dead letter of enrich carries the epoch of its input, which may be behind what collect publishes itself.
        let mut track = Track::default();
        assert_eq!(track.judge(0, &collected(9, true)), Verdict::Fence);
        assert_eq!(track.judge(1, &enriched(4, 5)), Verdict::Take);
    }

    #[test]
    fn a_track_survives_the_table() {
        let mut track = Track::default();
        track.judge(7, &enriched(3, 2));
        let stored = track.positions(topics::VIDEO_ENRICHED, 1).into_iter().map(|(k, v)| (k, Some(v))).collect();
        assert_eq!(Track::restore(topics::VIDEO_ENRICHED, 1, &stored), track);
        assert!(app_ids(topics::VIDEO_ENRICHED, 1).iter().all(|id| id.starts_with("tl/tiktok.video.enriched/1")));
    }
}
