//! Which files are named, which is best, what may be kept, and what comes instead of a file.

use super::choose::{Wanted, ranked};
use super::terms::may_keep;
use super::{FetchSettings, Format, MediaClient, expires_at, of_item};
use crate::client::{Class, Clock, Profile, Route};
use serde_json::json;
use std::time::Duration;
use tidelake_sandbox::{Endpoint, FaultKind, FaultPlan, FaultRule, Sandbox, SandboxConfig};
use tidelake_schemas::{MediaKind, Timestamp};

fn film(codec: &str, short: i64, bitrate: i64) -> Format {
    let name = format!("https://v.example/{codec}_{short}_{bitrate}");
    let (width, height, bitrate) = (Some(short), Some(short * 16 / 9), Some(bitrate));
    Format { width, height, bitrate, codec: Some(codec.into()), ..Format::at(&name) }
}

fn order(formats: &[Format], wanted: &Wanted) -> Vec<String> {
    let name = |format: &&Format| format.url.trim_start_matches("https://v.example/").to_owned();
    ranked(MediaKind::Video, formats, wanted).iter().map(name).collect()
}

const WANTED: Wanted = Wanted { quality: 1080, max_bytes: 1000 };

#[test]
fn the_sharpest_film_up_to_the_wanted_quality_comes_first() {
    let films = [film("h264", 576, 9), film("h264", 1080, 5), film("bytevc1", 1080, 9), film("h264", 1080, 6)];
    let expected = ["h264_1080_6", "h264_1080_5", "bytevc1_1080_9", "h264_576_9"];
    assert_eq!(order(&films, &WANTED), expected);
    // "540p" is 576 wide; what is sharper than wanted comes last, the smallest first.
    let wanted = Wanted { quality: 540, ..WANTED };
    assert_eq!(order(&films, &wanted)[..2], ["h264_576_9", "h264_1080_6"]);
    assert_eq!(order(&films[1..], &wanted).len(), 3, "too sharp is better than nothing");
}

#[test]
fn films_that_cannot_be_played_or_kept_are_left_out() {
    let long = Format { bytes: Some(1001), ..film("h264", 720, 1) };
    let fits = Format { bytes: Some(1000), ..film("h264", 540, 1) };
    assert_eq!(order(&[film("bytevc2", 1080, 9), long, fits], &WANTED), ["h264_540_1"]);
    let marked = Format { watermark: true, ..film("h264", 1080, 9) };
    assert_eq!(order(&[marked, film("bytevc1", 540, 1)], &WANTED), ["bytevc1_540_1", "h264_1080_9"], "TikTok's mark");
    let unknown = Format::at("https://v.example/unknown");
    assert_eq!(order(&[unknown, film("h264", 360, 1)], &WANTED), ["h264_360_1", "unknown"]);
    assert!(order(&[], &WANTED).is_empty());
}

#[test]
fn an_item_names_its_thumbnail_its_film_and_its_slides() {
    let format = |height: i64, url: &str| {
        let place = json!({"Height": height, "Width": height, "DataSize": "77", "UrlList": [url]});
        json!({"Bitrate": 1, "CodecType": "h264", "PlayAddr": place})
    };
    let image = |url: &str| json!({"imageURL": {"urlList": [url]}, "imageWidth": 9});
    let item = json!({
        "id": "7198206283571285000",
        "video": {"playAddr": "https://v.example/low?expire=10", "downloadAddr": "", "cover": "https://p.example/c?x-expires=20",
                  "bitrateInfo": [format(540, "https://v.example/low?expire=10"), format(1080, "https://v.example/high")]},
        "imagePost": {"images": [image("https://p.example/1"), {}, image("https://p.example/3")]},
        "music": {"playUrl": "https://v.example/m"},
    });
    let found = of_item(&item, "https://www.tiktok.com/@/video/1");
    let named: Vec<_> = found.iter().map(|media| (media.kind, media.position, media.formats.len())).collect();
    use MediaKind::{Slide, Thumbnail, Video};
    assert_eq!(
        named,
        [(Thumbnail, 0, 1), (Video, 0, 2), (Slide, 0, 1), (Slide, 2, 1)],
        "in order, the empty one left out"
    );
    assert_eq!(found[1].formats[0].expires_at.map(Timestamp::secs), Some(10));
    assert_eq!(found[1].formats[1].bytes, Some(77));
    assert!(of_item(&json!({}), "").is_empty());
}

#[test]
fn addresses_say_when_they_end_and_are_not_shown() {
    for (url, seconds) in [
        ("https://p.example/obj/1.jpeg?x-expires=1760961600&x-signature=a", Some(1_760_961_600)),
        ("https://v.example/video/tos/1/?a=1988&expire=1760961600&tk=tt_chain_token", Some(1_760_961_600)),
        ("https://v.example/video/tos/1/", None),
        ("https://v.example/?x-expires=soon", None),
        ("https://v.example/?x-expires=0", None),
        ("not an address", None),
    ] {
        assert_eq!(expires_at(url).map(Timestamp::secs), seconds, "{url}");
    }
    assert!(!format!("{:?}", Format::at("https://p.example/1?x-signature=hush")).contains("hush"));
}

#[test]
fn terms_decide_what_is_kept() {
    for kind in MediaKind::ALL {
        let thumbnail = kind == MediaKind::Thumbnail;
        for (zone, without, with) in [
            ("research", false, false),
            ("display", thumbnail, thumbnail),
            ("oembed", thumbnail, thumbnail),
            ("import", false, false),
            ("archive", false, false),
            ("web", false, true),
            ("moon", false, false),
        ] {
            let kept = |acknowledged| may_keep(zone, kind, acknowledged).is_ok();
            assert_eq!((kept(false), kept(true)), (without, with), "{zone} {kind}");
        }
    }
    let why = may_keep("research", MediaKind::Thumbnail, true).expect_err("refused");
    assert!(why.contains("zone research") && why.contains("approved project"), "{why}");
}

struct Bench {
    sandbox: Sandbox,
    client: MediaClient,
}

impl Bench {
    async fn new() -> Self {
        let sandbox = Sandbox::start(SandboxConfig::default()).await.expect("a sandbox");
        let settings = FetchSettings {
            parallel: 3,
            max_bytes: 1 << 20,
            retries: 3,
            retry_delay: Duration::from_millis(1),
            contact: None,
            web_per_minute: 12.0,
        };
        let grant = Profile::LinkOnly.grant(Route::Oembed, None).expect("allowed");
        let clock = sandbox.clock().clone();
        let clock = Clock::new(move || clock.now().into());
        Self { client: MediaClient::new(grant, &settings, clock).expect("a client"), sandbox }
    }

    /// The thumbnail of some video, as oEmbed names it.
    async fn thumbnail(&self) -> Format {
        let video = self.sandbox.world().video(1_000).expect("a video");
        let asked = format!("https://www.tiktok.com/@{}/video/{}", video.creator().handle, video.id());
        let url = format!("{}/oembed?url={asked}", self.sandbox.base_url());
        let card: serde_json::Value = reqwest::get(url).await.expect("sent").json().await.expect("JSON");
        crate::oembed::records::thumbnail(&card).expect("a thumbnail")
    }

    fn faults(&self, rules: impl IntoIterator<Item = FaultRule>) {
        let rules = rules.into_iter().map(|rule| rule.at(Endpoint::Media));
        self.sandbox.set_faults(&FaultPlan::of(rules)).expect("faults");
    }
}

#[tokio::test]
async fn a_file_is_fetched_after_three_faults_and_not_after_four() {
    let bench = Bench::new().await;
    let format = bench.thumbnail().await;
    bench.faults([FaultRule::next(FaultKind::TruncatedBody, 1), FaultRule::next(FaultKind::InternalError, 2)]);
    let bytes = bench.client.fetch(&format, false).await.expect("fetched");
    assert!(bytes.len() > 1_000, "{} bytes", bytes.len());
    bench.faults([FaultRule::next(FaultKind::InternalError, 4)]);
    let fault = bench.client.fetch(&format, false).await.expect_err("a fault");
    assert_eq!((fault.class, fault.requests), (Class::Server, 4));
}

#[tokio::test]
async fn an_address_that_has_ended_is_no_refusal_unless_it_was_renewed() {
    let bench = Bench::new().await;
    let format = bench.thumbnail().await;
    let wrong = Format { url: format.url.replace("signature=", "signature=0"), ..format.clone() };
    let fault = bench.client.fetch(&wrong, false).await.expect_err("ended");
    assert_eq!((fault.class, fault.context.status), (Class::NotFound, Some(403)));
    let before = bench.sandbox.stats().requests[&Endpoint::Media];
    bench.sandbox.clock().set(bench.sandbox.clock().now() + chrono::TimeDelta::days(3));
    assert_eq!(bench.client.fetch(&format, false).await.expect_err("ended").class, Class::NotFound);
    assert_eq!(
        bench.sandbox.stats().requests[&Endpoint::Media],
        before,
        "nothing is sent to an address that has ended"
    );
    assert_eq!(
        bench.client.fetch(&Format { expires_at: None, ..wrong }, true).await.expect_err("no").class,
        Class::Forbidden
    );
}

#[tokio::test]
async fn a_page_instead_of_a_file_is_a_block() {
    for (kind, class) in [
        (FaultKind::HtmlPage, Class::Waf),
        (FaultKind::CaptchaPage, Class::Captcha),
        (FaultKind::EmptyBody, Class::EmptyAnswer),
    ] {
        let bench = Bench::new().await;
        let format = bench.thumbnail().await;
        bench.faults([FaultRule::next(kind, 1)]);
        assert_eq!(bench.client.fetch(&format, false).await.expect_err("a block").class, class);
        // The route rests.
        assert_eq!(bench.client.fetch(&format, false).await.expect_err("rests").class, Class::Resting, "{kind:?}");
    }
}
