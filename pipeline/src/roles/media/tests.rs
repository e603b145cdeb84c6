//! Orders of one file against the offline TikTok, with everything that goes wrong on the way.

use super::fetch::Fetchers;
use super::job::{Outcome, Workshop};
use super::plan::Plan;
use super::progress::Tally;
use crate::config::{Config, MediaConfig, Product};
use crate::log::suppressions::Suppressed;
use crate::roles::RoleError;
use crate::roles::worker::Ended;
use crate::sources::Clients;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tidelake_connectors::Page;
use tidelake_connectors::media::{Format, MediaRef};
use tidelake_sandbox::{Endpoint, FaultKind, FaultPlan, FaultRule, Sandbox, SandboxConfig, SimClock, WorldConfig};
use tidelake_schemas::{MediaEntry, MediaKind, MediaOrder, Observation, Provenance, VideoObservation};
use tidelake_sinks::media::{MediaStore, StoreError};

struct Bench {
    sandbox: Sandbox,
    config: Config,
    workshop: Workshop,
    _dir: tempfile::TempDir,
}

impl Bench {
    async fn new() -> Self {
        let world =
            WorldConfig { videos: 2_000, days: 6, deleted_share: 0.0, private_share: 0.0, ..WorldConfig::default() };
        let clock = Some(SimClock::frozen(crate::clock::now().to_chrono()));
        let settings = SandboxConfig { world, clock, ..SandboxConfig::default() };
        let sandbox = Sandbox::start(settings).await.expect("a sandbox");
        let mut config = Config::load(None).expect("defaults");
        config.oembed.base_url = sandbox.base_url();
        config.oembed.pause = Duration::ZERO;
        let sizes = BTreeMap::from([("large".to_owned(), 288), ("small".to_owned(), 96)]);
        let retry_delay = Duration::from_millis(1);
        config.media = MediaConfig { enabled: true, sizes, retry_delay, ..MediaConfig::default() };
        let dir = tempfile::tempdir().expect("a directory");
        let store = MediaStore::at(dir.path().to_str().expect("UTF-8"), &Default::default()).expect("a store");
        let fetchers = Fetchers::of(&config, Arc::new(Clients::alone(&config)));
        let (wanted, suppressed, tally) = (config.media.clone(), Suppressed::nobody(), Tally::default());
        let workshop = Workshop { config: wanted, fetchers, store, suppressed, tally };
        Self { sandbox, config, workshop, _dir: dir }
    }

    /// The orders of a video's thumbnail, as the n-th cycle of a task gives them.
    async fn orders(&self, index: u64, cycle: i64) -> Vec<MediaOrder> {
        let video = self.sandbox.world().video(index).expect("a video");
        let page = format!("https://www.tiktok.com/@{}/video/{}", video.creator().handle, video.id());
        let clients = Clients::alone(&self.config);
        let format = clients.oembed.expect("a client").thumbnail(&page).await.expect("answers").expect("a thumbnail");
        let media = MediaRef::thumbnail(video.id(), format, page);
        self.plan(video.id(), "", cycle, media)
    }

    fn plan(&self, video_id: i64, caption: &str, cycle: i64, media: MediaRef) -> Vec<MediaOrder> {
        let zone = "oembed".to_owned();
        let provenance = Provenance { connector: zone.clone(), zone, task: "t".into(), cycle, ..Provenance::default() };
        let caption = Some(caption.to_owned());
        let platform = "tiktok".to_owned();
        let video = VideoObservation { video_id, caption, platform, provenance, ..VideoObservation::default() };
        let page = Page { observations: vec![Observation::Video(video)], media: vec![media], ..Page::default() };
        Plan::of(&self.config).expect("enabled").orders(&page)
    }

    fn faults(&self, rules: impl IntoIterator<Item = FaultRule>) {
        let rules = rules.into_iter().map(|rule| rule.at(Endpoint::Media));
        self.sandbox.set_faults(&FaultPlan::of(rules)).expect("faults");
    }

    async fn run(&self, orders: &[MediaOrder]) -> Vec<Outcome> {
        match self.workshop.fetch(orders).await.expect("runs") {
            Ended::Done(outcomes) => outcomes,
            Ended::Later(until, why) => panic!("not before {until}: {why}"),
        }
    }

    /// The rows of orders, and their notes written, as the role does.
    async fn entries(&self, orders: &[MediaOrder]) -> Vec<MediaEntry> {
        let mut entries = Vec::new();
        for outcome in self.run(orders).await {
            if let Some((name, note)) = outcome.note {
                self.workshop.store.remember(&name, &note).await.expect("noted");
            }
            entries.extend(outcome.entry);
        }
        entries
    }
}

/// Status and reason, which must be the same for all sizes.
fn status(entries: &[MediaEntry]) -> (&str, &str) {
    assert!(entries.windows(2).all(|two| (&two[0].status, &two[0].reason) == (&two[1].status, &two[1].reason)));
    let entry = entries.first().expect("a row");
    (entry.status.as_str(), entry.reason.as_deref().unwrap_or_default())
}

#[tokio::test]
async fn a_file_is_fetched_once_for_all_sizes_and_cycles() {
    let bench = Bench::new().await;
    let entries = bench.entries(&bench.orders(1, 0).await).await;
    let sizes: Vec<_> = entries.iter().map(|e| (e.variant.as_str(), e.status.as_str(), e.width)).collect();
    assert_eq!(sizes, [("large", "stored", Some(288)), ("small", "stored", Some(96))]);
    assert!(bench.entries(&bench.orders(1, 1).await).await.is_empty(), "kept already");
    assert_eq!(bench.sandbox.stats().requests[&Endpoint::Media], 1);
    // Interrupted before the note was written: the same rows again.
    let orders = bench.orders(2, 0).await;
    let first: Vec<_> = bench.run(&orders).await.into_iter().filter_map(|outcome| outcome.entry).collect();
    assert_eq!(bench.entries(&orders).await, first);
}

#[tokio::test]
async fn half_a_picture_is_skipped_and_the_rest_goes_on() {
    let bench = Bench::new().await;
    bench.faults([FaultRule::next(FaultKind::HalfFile, 1)]);
    let (broken, good) = (bench.orders(3, 0).await, bench.orders(4, 0).await);
    let entries = bench.entries(&broken).await;
    let (status, why) = status(&entries);
    assert!(status == "skipped_corrupt" && why.contains("cut"), "{status}: {why}");
    assert!(entries.iter().all(|entry| entry.path.is_none() && entry.bytes.is_none()), "unknown is null");
    assert_eq!(bench.entries(&good).await[0].status, "stored");
    assert!(bench.entries(&bench.orders(3, 1).await).await.is_empty(), "it would be broken again");
}

#[tokio::test]
async fn an_address_that_has_ended_is_renewed_once() {
    let bench = Bench::new().await;
    let wrong = |orders: &mut Vec<MediaOrder>| {
        for address in orders.iter_mut().flat_map(|order| &mut order.addresses) {
            address.url = address.url.replace("signature=", "signature=0");
        }
    };
    let mut orders = bench.orders(5, 0).await;
    wrong(&mut orders);
    assert_eq!(bench.entries(&orders).await[0].status, "stored");
    assert_eq!(bench.sandbox.stats().requests[&Endpoint::Media], 2, "refused, then with a fresh address");
    let mut orders = bench.orders(6, 0).await;
    wrong(&mut orders);
    orders.iter_mut().for_each(|order| order.renew_from = None);
    let entries = bench.entries(&orders).await;
    let (status, why) = status(&entries);
    assert!(status == "expired" && why.contains("no fresh one"), "{status}: {why}");
    assert_eq!(bench.entries(&bench.orders(6, 1).await).await[0].status, "stored", "the next cycle asks again");
}

#[tokio::test]
async fn three_retries_then_it_has_failed_for_this_cycle() {
    let bench = Bench::new().await;
    let orders = bench.orders(7, 0).await;
    bench.faults([FaultRule::next(FaultKind::InternalError, 4)]);
    let entries = bench.entries(&orders).await;
    assert_eq!(status(&entries).0, "failed", "{entries:?}");
    assert_eq!(bench.sandbox.stats().requests[&Endpoint::Media], 4);
    assert_eq!(bench.entries(&bench.orders(7, 1).await).await[0].status, "stored");
}

#[tokio::test]
async fn a_page_instead_of_a_picture_is_a_refusal_and_the_route_rests() {
    let bench = Bench::new().await;
    let (first, second) = (bench.orders(8, 0).await, bench.orders(9, 0).await);
    bench.faults([FaultRule::next(FaultKind::CaptchaPage, 1)]);
    let entries = bench.entries(&first).await;
    let (refused, why) = status(&entries);
    assert!(refused == "refused" && why.contains("captcha"), "{refused}: {why}");
    let requests = bench.sandbox.stats().requests[&Endpoint::Media];
    let entries = bench.entries(&second).await;
    let (failed, why) = status(&entries);
    assert_eq!(failed, "failed", "{why}");
    assert_eq!(bench.sandbox.stats().requests[&Endpoint::Media], requests, "nothing is asked of a route that rests");
}

#[tokio::test]
async fn what_the_terms_forbid_is_told_once_and_never_fetched() {
    let mut bench = Bench::new().await;
    bench.config.media.keep.insert(crate::config::Keep::Videos);
    let film = MediaRef {
        video_id: 7,
        kind: MediaKind::Video,
        position: 0,
        formats: vec![Format::at("http://127.0.0.1:1/film")],
        renew_from: None,
    };
    let entries = bench.entries(&bench.plan(7, "", 0, film.clone())).await;
    let (status, why) = status(&entries);
    assert!(status == "refused" && why.contains("zone oembed") && why.contains("player"), "{status}: {why}");
    assert!(bench.entries(&bench.plan(7, "", 1, film)).await.is_empty(), "told once");
}

#[tokio::test]
async fn captions_decide_what_is_written_on_thumbnails() {
    let mut bench = Bench::new().await;
    let product = |word: &str, name: &str| Product {
        words: vec![word.to_owned()],
        product: Some(name.to_owned()),
        price: Some("$9".to_owned()),
    };
    bench.config.media.overlay = vec![product("#Glow", "Serum"), product("lip", "Balm")];
    let label = |caption: &str| {
        let media = MediaRef::thumbnail(7, Format::at("https://p.example/1.jpeg"), "page");
        let orders = bench.plan(7, caption, 0, media);
        assert_eq!(orders.len(), 2, "one a size");
        assert_ne!(orders[0].event_id, orders[1].event_id);
        orders[0].product.clone()
    };
    assert_eq!(label("my #GLOW routine, and lips").as_deref(), Some("Serum"), "the first that fits");
    assert_eq!(label("Lipgloss").as_deref(), Some("Balm"));
    assert_eq!(label("nothing of that"), None);
}

#[test]
fn a_full_store_ends_media_for_good() {
    let source = || object_store::Error::NotImplemented { operation: "put".into(), implementer: "disk".into() }.into();
    let (store, path) = (String::from("disk"), String::from("media/p"));
    let full = StoreError::Full { store: store.clone(), path: path.clone(), source: source() };
    assert!(RoleError::from(full).is_final());
    assert!(!RoleError::from(StoreError::Store { store, path, source: source() }).is_final());
}
