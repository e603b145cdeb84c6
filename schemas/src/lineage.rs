//! Message headers: which record came of which, and who may still write.
//!
//! * **Lineage** (`tl-src-*`): the topic, partition and offset of the input a message was made of. The lake writer
//!   drops a message whose lineage is not higher than the highest it has seen, which undoes what restarts repeat.
//! * **Epoch** (`tl-epoch`): the fence of the collector that published it. A collector that takes over a partition
//!   first claims a higher epoch and publishes a fence; what an older epoch publishes after it is dropped.

/// Header: topic of the input.
pub const SRC_TOPIC: &str = "tl-src-topic";
/// Header: partition of the input.
pub const SRC_PARTITION: &str = "tl-src-partition";
/// Header: offset of the input.
pub const SRC_OFFSET: &str = "tl-src-offset";
/// Header: the collector's epoch.
pub const EPOCH: &str = "tl-epoch";
/// Header: `record` (the default) or `fence`.
pub const KIND: &str = "tl-kind";
/// Header: correlation id, the same from poll to lake.
pub const CORRELATION: &str = "tl-correlation";
/// Value of [`KIND`] for a fence: a message without a record.
pub const FENCE: &str = "fence";

/// What a message's headers say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lineage {
    /// Topic, partition and offset of the input; `None` for what a collector published.
    pub source: Option<SourcePosition>,
    /// Epoch of the collector.
    pub epoch: Option<i64>,
    /// A fence carries no record.
    pub fence: bool,
    /// Correlation id.
    pub correlation: Option<String>,
}

/// Where a message's input stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SourcePosition {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
}

impl Lineage {
    /// Reads headers; unknown ones are passed over, damaged values count as absent.
    pub fn from_headers<'a>(headers: impl Iterator<Item = (&'a str, Option<&'a [u8]>)>) -> Self {
        let mut lineage = Self::default();
        let (mut topic, mut partition, mut offset) = (None, None, None);
        for (key, value) in headers {
            let text = value.and_then(|v| std::str::from_utf8(v).ok());
            match (key, text) {
                (SRC_TOPIC, Some(v)) => topic = Some(v.to_owned()),
                (SRC_PARTITION, Some(v)) => partition = v.parse().ok(),
                (SRC_OFFSET, Some(v)) => offset = v.parse().ok(),
                (EPOCH, Some(v)) => lineage.epoch = v.parse().ok(),
                (KIND, Some(v)) => lineage.fence = v == FENCE,
                (CORRELATION, Some(v)) => lineage.correlation = Some(v.to_owned()),
                _ => {}
            }
        }
        if let (Some(topic), Some(partition), Some(offset)) = (topic, partition, offset) {
            lineage.source = Some(SourcePosition { topic, partition, offset });
        }
        lineage
    }

    /// The headers to send, as text.
    pub fn to_headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = Vec::with_capacity(6);
        if let Some(source) = &self.source {
            headers.push((SRC_TOPIC, source.topic.clone()));
            headers.push((SRC_PARTITION, source.partition.to_string()));
            headers.push((SRC_OFFSET, source.offset.to_string()));
        }
        if let Some(epoch) = self.epoch {
            headers.push((EPOCH, epoch.to_string()));
        }
        if self.fence {
            headers.push((KIND, FENCE.to_owned()));
        }
        if let Some(correlation) = &self.correlation {
            headers.push((CORRELATION, correlation.clone()));
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_round_trip() {
        let lineage = Lineage {
            source: Some(SourcePosition { topic: "t".into(), partition: 3, offset: 1 << 40 }),
            epoch: Some(7),
            fence: true,
            correlation: Some("c".into()),
        };
        let headers = lineage.to_headers();
        let back = Lineage::from_headers(headers.iter().map(|(k, v)| (*k, Some(v.as_bytes()))));
        assert_eq!(back, lineage);
    }
}
