//! Answers fetch requests: at once when there is something to answer, else as soon as there is. Tansu's own service
//! sleeps until the request's maximum wait is over even when it has the answer.

use super::store::Store;
use super::topics::Topic;
use rama::{Context, Service};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tansu_broker::Error;
use tansu_sans_io::fetch_request::{FetchPartition, FetchTopic};
use tansu_sans_io::fetch_response::{FetchableTopicResponse, PartitionData};
use tansu_sans_io::record::deflated::{Batch, Frame};
use tansu_sans_io::{ErrorCode, FetchRequest, FetchResponse, NULL_TOPIC_ID};
use tansu_storage::TopicId;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

/// An answer's largest size, whatever the client takes: it is held in memory more than once on its way.
const MOST: u64 = 16 << 20;

/// Serves fetch requests.
#[derive(Clone, Debug)]
pub(super) struct FetchService {
    /// Where from.
    pub store: Store,
}

/// An answer in the making.
#[derive(Default)]
struct Answer {
    topics: Vec<FetchableTopicResponse>,
    bytes: u64,
    failed: bool,
    /// The partitions read, and where each ended then.
    ends: Vec<(Arc<Topic>, i32, i64)>,
}

impl Service<(), FetchRequest> for FetchService {
    type Response = FetchResponse;
    type Error = Error;

    async fn serve(&self, _: Context<()>, request: FetchRequest) -> Result<FetchResponse, Error> {
        let wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
        let most = request.max_bytes.and_then(|b| u64::try_from(b).ok()).unwrap_or(MOST).min(MOST);
        let enough = u64::try_from(request.min_bytes).unwrap_or(0).min(most);
        let topics = request.topics.unwrap_or_default();
        let deadline = Instant::now() + wait;
        let answer = loop {
            let answer = self.read(&topics, most).await?;
            let complete = answer.failed || answer.bytes >= enough;
            if complete || !self.grown(&answer, deadline).await {
                break answer;
            }
        };
        Ok(FetchResponse::default()
            .throttle_time_ms(Some(0))
            .error_code(Some(ErrorCode::None.into()))
            .session_id(Some(0))
            .node_endpoints(Some([].into()))
            .responses(Some(answer.topics)))
    }
}

impl FetchService {
    async fn read(&self, topics: &[FetchTopic], most: u64) -> Result<Answer, Error> {
        let mut answer = Answer::default();
        for wanted in topics {
            let topic = match self.store.topics().get(&id(wanted)).await {
                Ok(topic) => Ok(topic),
                Err(tansu_storage::Error::Api(code)) => Err(code),
                Err(error) => return Err(error.into()),
            };
            let mut partitions = Vec::new();
            for partition in wanted.partitions.as_deref().unwrap_or_default() {
                let data = match &topic {
                    Ok(topic) => self.partition(topic, partition, most, &mut answer).await?,
                    Err(code) => refused(partition.partition, *code),
                };
                answer.failed |= data.error_code != i16::from(ErrorCode::None);
                partitions.push(data);
            }
            let topic_id = topic.map_or(wanted.topic_id, |topic| Some(topic.id.into_bytes()));
            let response = FetchableTopicResponse::default().topic(wanted.topic.clone()).partitions(Some(partitions));
            answer.topics.push(response.topic_id(topic_id.or(Some(NULL_TOPIC_ID))));
        }
        Ok(answer)
    }

    async fn partition(
        &self,
        topic: &Arc<Topic>,
        wanted: &FetchPartition,
        most: u64,
        answer: &mut Answer,
    ) -> Result<PartitionData, Error> {
        let (partition, from) = (wanted.partition, wanted.fetch_offset);
        let (start, end) = match self.store.watermarks(topic, partition).await {
            Ok(watermarks) => watermarks,
            Err(tansu_storage::Error::Api(code)) => return Ok(refused(partition, code)),
            Err(error) => return Err(error.into()),
        };
        answer.ends.push((topic.clone(), partition, end));
        let left = most.saturating_sub(answer.bytes).min(u64::try_from(wanted.partition_max_bytes).unwrap_or(0));
        // Nothing to read, or no room for it: one batch goes into every answer, however large it is.
        let batches = match from == end || (left == 0 && answer.bytes > 0) {
            true => Vec::new(),
            false => match self.store.read(topic, partition, from, left, answer.bytes == 0).await {
                Ok(batches) => batches,
                Err(tansu_storage::Error::Api(code)) => {
                    return Ok(refused(partition, code).high_watermark(end).log_start_offset(Some(start)));
                }
                Err(error) => return Err(error.into()),
            },
        };
        answer.bytes += batches.iter().map(size).sum::<u64>();
        let records = (!batches.is_empty()).then_some(Frame { batches });
        Ok(data(partition, ErrorCode::None, start, end).records(records))
    }

    /// Waits until a partition has more than when it was read, or until the deadline.
    async fn grown(&self, answer: &Answer, deadline: Instant) -> bool {
        let mut appended = pin!(self.store.appended());
        loop {
            // From here on no append goes unnoticed; those since the reading show in the watermarks.
            appended.as_mut().enable();
            for (topic, partition, end) in &answer.ends {
                if self.store.end(topic, *partition) != Some(*end) {
                    return true;
                }
            }
            if timeout_at(deadline, appended.as_mut()).await.is_err() {
                return false;
            }
            appended.set(self.store.appended());
        }
    }
}

fn id(topic: &FetchTopic) -> TopicId {
    match (&topic.topic, topic.topic_id) {
        (Some(name), _) => TopicId::Name(name.clone()),
        (None, id) => TopicId::Id(Uuid::from_bytes(id.unwrap_or(NULL_TOPIC_ID))),
    }
}

/// Wire bytes: what follows the length field, and the two fields up to it.
fn size(batch: &Batch) -> u64 {
    u64::try_from(batch.batch_length).unwrap_or(0) + 12
}

fn refused(partition: i32, code: ErrorCode) -> PartitionData {
    data(partition, code, -1, -1)
}

fn data(partition: i32, code: ErrorCode, start: i64, end: i64) -> PartitionData {
    PartitionData::default()
        .partition_index(partition)
        .error_code(code.into())
        .high_watermark(end)
        .last_stable_offset(Some(end))
        .log_start_offset(Some(start))
        .aborted_transactions(Some([].into()))
        .preferred_read_replica(Some(-1))
        .records(None)
}
