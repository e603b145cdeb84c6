//! What the roles are fed with: observations of the sandbox's seeded world.

use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};
use std::time::Duration;
use tidelake_sandbox::world::{Video, World, WorldConfig};
use tidelake_sandbox::{Quota, Sandbox, SandboxConfig, SimClock};
use tidelake_schemas::lineage::{CORRELATION, EPOCH};
use tidelake_schemas::observation::{AuthorRef, HashtagRef, Provenance, SoundRef, VideoStats};
use tidelake_schemas::topics::VIDEO_OBSERVED;
use tidelake_schemas::{EntityKind, Timestamp, VideoObservation, codec, ids};
use tidelake_tests::Stage;

/// Each video is observed so many times: counts are polled again and again.
const CYCLES: u64 = 4;

/// Publishes observations as a collector does, `records` in all, evenly over the partitions of the lanes. They were made on
/// so many `days`, all mixed: the worst backlog for land, which writes a file for each day.
pub(crate) fn observed(stage: &Stage, partitions: i32, records: u64, days: u64) {
    let videos = records / CYCLES;
    let world = World::new(WorldConfig { videos, ..WorldConfig::default() }).expect("a world");
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", stage.bootstrap())
        .set("compression.type", "lz4")
        .set("linger.ms", "50")
        .set("batch.num.messages", "1000")
        .set("enable.idempotence", "true");
    let producer: ThreadedProducer<_> = config.create().expect("a producer");
    for n in 0..records {
        let (cycle, index) = (n / videos.max(1), n % videos.max(1));
        let Some(video) = world.video(index) else { continue };
        let observation = observation(&world, &video, cycle, index % days.max(1));
        let payload = codec::encode(&observation).expect("encodes");
        let correlation = ids::coverage_id("bench", i64::try_from(cycle).unwrap_or(0), 0);
        let headers = OwnedHeaders::new_with_capacity(2)
            .insert(Header { key: EPOCH, value: Some("1") })
            .insert(Header { key: CORRELATION, value: Some(correlation.as_str()) });
        let lane = i32::try_from(index % u64::from((partitions - 1).max(1).unsigned_abs())).unwrap_or(0);
        let mut record = BaseRecord::to(VIDEO_OBSERVED)
            .partition(lane)
            .key(&observation.event_id)
            .payload(&payload)
            .headers(headers);
        while let Err((_, back)) = producer.send(record) {
            record = back;
            _ = producer.flush(Duration::from_millis(50));
        }
    }
    producer.flush(Duration::from_secs(120)).expect("everything is acknowledged");
}

/// A video of the world as the Research API's connector observes it.
fn observation(world: &World, video: &Video<'_>, cycle: u64, day: u64) -> VideoObservation {
    let at = world.end() + chrono::TimeDelta::hours(i64::try_from(cycle + 24 * day).unwrap_or(0));
    let (creator, sound, stats, caption) = (video.creator(), video.sound(), video.stats_at(at), video.caption());
    let cycle = i64::try_from(cycle).unwrap_or(0);
    VideoObservation {
        event_id: ids::event_id("bench", cycle, EntityKind::Video, &video.id().to_string()),
        platform: "tiktok".into(),
        video_id: video.id(),
        observed_at: Timestamp::from(at),
        provenance: Provenance {
            connector: "research-api".into(),
            route: "video/query".into(),
            task: "bench".into(),
            cycle,
            fetched_at: Timestamp::from(at),
            zone: "research".into(),
            origin: None,
        },
        created_at: Some(Timestamp::from(video.created_at())),
        author: AuthorRef { handle: Some(creator.handle), ..AuthorRef::default() },
        source_hashtags: Some(
            caption.hashtags.iter().map(|name| HashtagRef { id: None, name: name.to_string() }).collect(),
        ),
        caption: Some(caption.text),
        region: Some(video.region_code().into()),
        kind: Some("video".into()),
        duration_s: i32::try_from(video.duration()).ok(),
        sound: SoundRef { id: Some(sound.id), ..SoundRef::default() },
        stats: VideoStats {
            views: Some(stats.views),
            likes: Some(stats.likes),
            comments: Some(stats.comments),
            shares: Some(stats.shares),
            saves: None,
            reposts: None,
        },
        voice_to_text: video.speech(),
        effect_ids: Some(video.effect_ids().iter().map(ToString::to_string).collect()),
        ..VideoObservation::default()
    }
}

/// An offline TikTok in this process.
pub(crate) struct OfflineTikTok {
    sandbox: Option<Sandbox>,
    runtime: tokio::runtime::Runtime,
}

impl OfflineTikTok {
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
        let world = WorldConfig::default();
        let end = World::new(world.clone()).expect("a world").end();
        let clock = Some(SimClock::starting_at(end, 3600.0));
        let config = SandboxConfig { world, clock, quota: Quota::unlimited(), ..SandboxConfig::default() };
        let sandbox = runtime.block_on(Sandbox::start(config)).expect("the offline TikTok starts");
        Self { sandbox: Some(sandbox), runtime }
    }

    /// Tasks in every lane that poll the same videos again and again.
    pub(crate) fn configuration(&self) -> String {
        let base_url = self.sandbox.as_ref().map(Sandbox::base_url).unwrap_or_default();
        let mut text = format!(
            "[research]\nbase_url = \"{base_url}\"\nclient_key = \"k\"\nclient_secret = \"s\"\ndaily_quota = 4000000000\n"
        );
        for region in ["US", "GB", "DE", "FR", "ES", "BR", "JP", "ID"] {
            text.push_str(&format!(
                "[[tasks]]\nname = \"bench/{region}\"\nconnector = \"research-api\"\nevery = \"1s\"\n[tasks.spec]\n\
                 kind = \"videos\"\nstart = \"20260215\"\nend = \"20260228\"\n\
                 query = {{ and = [{{ operation = \"EQ\", field_name = \"region_code\", field_values = [\"{region}\"] }}] }}\n",
            ));
        }
        text
    }
}

impl Drop for OfflineTikTok {
    fn drop(&mut self) {
        if let Some(sandbox) = self.sandbox.take() {
            self.runtime.block_on(sandbox.stop());
        }
    }
}
