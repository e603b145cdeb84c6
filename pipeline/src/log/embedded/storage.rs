//! The store as tansu's services want it.

use super::store::Store;
use super::topics::{Home, is_compacted};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};
use tansu_sans_io::create_topics_request::CreatableTopic;
use tansu_sans_io::delete_groups_response::DeletableGroupResult;
use tansu_sans_io::delete_records_request::DeleteRecordsTopic;
use tansu_sans_io::delete_records_response::{DeleteRecordsPartitionResult, DeleteRecordsTopicResult};
use tansu_sans_io::describe_cluster_response::DescribeClusterBroker;
use tansu_sans_io::describe_configs_response::DescribeConfigsResult;
use tansu_sans_io::describe_topic_partitions_response::DescribeTopicPartitionsResponseTopic;
use tansu_sans_io::incremental_alter_configs_request::AlterConfigsResource;
use tansu_sans_io::incremental_alter_configs_response::AlterConfigsResourceResponse;
use tansu_sans_io::list_groups_response::ListedGroup;
use tansu_sans_io::record::deflated::Batch;
use tansu_sans_io::txn_offset_commit_response::TxnOffsetCommitResponseTopic;
use tansu_sans_io::{ConfigResource, ErrorCode, IsolationLevel, ListOffset, OpType, ScramMechanism};
use tansu_storage::{
    BrokerRegistrationRequest, Error, GroupDetail, ListOffsetResponse, MetadataResponse, NamedGroupDetail,
    OffsetCommitRequest, OffsetStage, ProducerIdResponse, Result, ScramCredential, Storage, TopicId, Topition,
    TxnAddPartitionsRequest, TxnAddPartitionsResponse, TxnOffsetCommitRequest, UpdateError, Version,
};
use url::Url;
use uuid::Uuid;

/// The answer to transactions, which the embedded broker has not. Clients take it as final.
const NO_TRANSACTIONS: ErrorCode = ErrorCode::TransactionalIdAuthorizationFailed;

#[async_trait]
impl Storage for Store {
    async fn register_broker(&self, broker: BrokerRegistrationRequest) -> Result<()> {
        self.sqlite().register_broker(broker).await
    }

    async fn create_topic(&self, topic: CreatableTopic, validate_only: bool) -> Result<Uuid> {
        self.sqlite().create_topic(topic, validate_only).await
    }

    async fn incremental_alter_resource(&self, resource: AlterConfigsResource) -> Result<AlterConfigsResourceResponse> {
        if let Some(why) = self.unalterable(&resource).await {
            return Ok(AlterConfigsResourceResponse::default()
                .error_code(ErrorCode::InvalidConfig.into())
                .error_message(Some(why.into()))
                .resource_type(resource.resource_type)
                .resource_name(resource.resource_name));
        }
        let altered = self.sqlite().incremental_alter_resource(resource).await;
        self.topics().forget();
        altered
    }

    async fn delete_records(&self, topics: &[DeleteRecordsTopic]) -> Result<Vec<DeleteRecordsTopicResult>> {
        let mut results = Vec::new();
        for topic in topics {
            let mut partitions = Vec::new();
            for wanted in topic.partitions.iter().flatten() {
                let topition = Topition::new(&topic.name, wanted.partition_index);
                let (low, code) = match self.delete_before(&topition, wanted.offset).await {
                    Ok(low) => (low, ErrorCode::None),
                    Err(Error::Api(code)) => (-1, code),
                    Err(error) => return Err(error),
                };
                let result = DeleteRecordsPartitionResult::default().partition_index(wanted.partition_index);
                partitions.push(result.low_watermark(low).error_code(code.into()));
            }
            let result = DeleteRecordsTopicResult::default().name(topic.name.clone());
            results.push(result.partitions(Some(partitions)));
        }
        Ok(results)
    }

    async fn delete_topic(&self, topic: &TopicId) -> Result<ErrorCode> {
        match self.delete(topic).await {
            Ok(()) => Ok(ErrorCode::None),
            Err(Error::Api(code)) => Ok(code),
            Err(error) => Err(error),
        }
    }

    async fn brokers(&self) -> Result<Vec<DescribeClusterBroker>> {
        self.sqlite().brokers().await
    }

    async fn produce(&self, transaction: Option<&str>, topition: &Topition, batch: Batch) -> Result<i64> {
        if transaction.is_some() || batch.is_transactional() || batch.is_control() {
            return Err(Error::Api(NO_TRANSACTIONS));
        }
        self.append(topition, batch).await
    }

    async fn fetch(
        &self,
        topition: &Topition,
        offset: i64,
        _: u32,
        max_bytes: u32,
        _: IsolationLevel,
    ) -> Result<Vec<Batch>> {
        let (topic, id) = self.topics().of(topition).await?;
        self.read(&topic, id.partition, offset, max_bytes.into(), true).await
    }

    async fn offset_stage(&self, topition: &Topition) -> Result<OffsetStage> {
        let (topic, id) = self.topics().of(topition).await?;
        let (start, end) = self.watermarks(&topic, id.partition).await?;
        // Tansu gives this no other constructor.
        let stage = serde_json::json!({ "log_start": start, "last_stable": end, "high_watermark": end });
        Ok(serde_json::from_value(stage)?)
    }

    async fn list_offsets(
        &self,
        isolation: IsolationLevel,
        offsets: &[(Topition, ListOffset)],
    ) -> Result<Vec<(Topition, ListOffsetResponse)>> {
        let mut answers = Vec::with_capacity(offsets.len());
        for (topition, wanted) in offsets {
            let answer = match self.offset_of(isolation, topition, *wanted).await {
                Err(Error::Api(error_code)) => {
                    ListOffsetResponse { error_code, offset: Some(-1), ..ListOffsetResponse::default() }
                }
                answer => answer?,
            };
            answers.push((topition.clone(), answer));
        }
        Ok(answers)
    }

    async fn offset_commit(
        &self,
        group: &str,
        retention: Option<Duration>,
        offsets: &[(Topition, OffsetCommitRequest)],
    ) -> Result<Vec<(Topition, ErrorCode)>> {
        self.sqlite().offset_commit(group, retention, offsets).await
    }

    async fn offset_fetch(
        &self,
        group: Option<&str>,
        topics: &[Topition],
        stable: Option<bool>,
    ) -> Result<BTreeMap<Topition, i64>> {
        self.sqlite().offset_fetch(group, topics, stable).await
    }

    async fn committed_offset_topitions(&self, group: &str) -> Result<BTreeMap<Topition, i64>> {
        self.sqlite().committed_offset_topitions(group).await
    }

    async fn metadata(&self, topics: Option<&[TopicId]>) -> Result<MetadataResponse> {
        self.sqlite().metadata(topics).await
    }

    async fn upsert_user_scram_credential(
        &self,
        user: &str,
        mechanism: ScramMechanism,
        credential: ScramCredential,
    ) -> Result<()> {
        self.sqlite().upsert_user_scram_credential(user, mechanism, credential).await
    }

    async fn delete_user_scram_credential(&self, user: &str, mechanism: ScramMechanism) -> Result<()> {
        self.sqlite().delete_user_scram_credential(user, mechanism).await
    }

    async fn user_scram_credential(&self, user: &str, mechanism: ScramMechanism) -> Result<Option<ScramCredential>> {
        self.sqlite().user_scram_credential(user, mechanism).await
    }

    async fn describe_config(
        &self,
        name: &str,
        resource: ConfigResource,
        keys: Option<&[String]>,
    ) -> Result<DescribeConfigsResult> {
        self.sqlite().describe_config(name, resource, keys).await
    }

    async fn list_groups(&self, states: Option<&[String]>) -> Result<Vec<ListedGroup>> {
        self.sqlite().list_groups(states).await
    }

    async fn delete_groups(&self, groups: Option<&[String]>) -> Result<Vec<DeletableGroupResult>> {
        self.sqlite().delete_groups(groups).await
    }

    async fn describe_groups(&self, groups: Option<&[String]>, operations: bool) -> Result<Vec<NamedGroupDetail>> {
        self.sqlite().describe_groups(groups, operations).await
    }

    async fn describe_topic_partitions(
        &self,
        topics: Option<&[TopicId]>,
        limit: i32,
        cursor: Option<Topition>,
    ) -> Result<Vec<DescribeTopicPartitionsResponseTopic>> {
        self.sqlite().describe_topic_partitions(topics, limit, cursor).await
    }

    async fn update_group(
        &self,
        group: &str,
        detail: GroupDetail,
        version: Option<Version>,
    ) -> Result<Version, UpdateError<GroupDetail>> {
        self.sqlite().update_group(group, detail, version).await
    }

    async fn init_producer(
        &self,
        transaction: Option<&str>,
        timeout: i32,
        id: Option<i64>,
        epoch: Option<i16>,
    ) -> Result<ProducerIdResponse> {
        match transaction {
            Some(_) => Ok(ProducerIdResponse { error: NO_TRANSACTIONS, id: -1, epoch: -1 }),
            None => self.sqlite().init_producer(None, timeout, id, epoch).await,
        }
    }

    async fn txn_add_offsets(&self, _: &str, _: i64, _: i16, _: &str) -> Result<ErrorCode> {
        Ok(NO_TRANSACTIONS)
    }

    async fn txn_add_partitions(&self, _: TxnAddPartitionsRequest) -> Result<TxnAddPartitionsResponse> {
        Err(Error::Api(NO_TRANSACTIONS))
    }

    async fn txn_offset_commit(&self, _: TxnOffsetCommitRequest) -> Result<Vec<TxnOffsetCommitResponseTopic>> {
        Err(Error::Api(NO_TRANSACTIONS))
    }

    async fn txn_end(&self, _: &str, _: i64, _: i16, _: bool) -> Result<ErrorCode> {
        Ok(NO_TRANSACTIONS)
    }

    async fn maintain(&self, now: SystemTime) -> Result<()> {
        let sqlite = self.sqlite().maintain(now).await;
        self.retain().await.and(sqlite)
    }

    async fn cluster_id(&self) -> Result<String> {
        self.sqlite().cluster_id().await
    }

    async fn node(&self) -> Result<i32> {
        self.sqlite().node().await
    }

    async fn advertised_listener(&self) -> Result<Url> {
        self.sqlite().advertised_listener().await
    }

    async fn ping(&self) -> Result<()> {
        self.sqlite().ping().await
    }
}

impl Store {
    /// Why settings cannot be changed as asked; tansu's store panics at operations it does not know.
    async fn unalterable(&self, resource: &AlterConfigsResource) -> Option<&'static str> {
        let topic = self.topics().get(&resource.resource_name.clone().into()).await.ok();
        let compacted = topic.is_some_and(|topic| topic.home == Home::Sqlite);
        resource.configs.iter().flatten().find_map(|config| match OpType::try_from(config.config_operation) {
            Ok(OpType::Append | OpType::Subtract) | Err(_) => Some("the embedded broker can only set and delete"),
            Ok(OpType::Set | OpType::Delete) => {
                let moves = is_compacted(config.value.as_deref().unwrap_or_default()) != compacted;
                let policy = config.name == "cleanup.policy" && moves;
                policy.then_some("the embedded broker cannot change whether a topic is compacted: make another topic")
            }
        })
    }
}
