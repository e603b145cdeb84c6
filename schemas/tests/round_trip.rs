//! Rust → Avro → Rust and Rust → Avro → Arrow keep every value: null is not 0, 19 digits stay 19 digits, U+0000,
//! emoji and what is left of lone surrogates come back as they were.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use proptest::prelude::*;
use tidelake_schemas::arrow_schema::decoder;
use tidelake_schemas::projection::{CaptionFields, EnrichedCaption};
use tidelake_schemas::{
    CaptionEntity, CaptionFindings, CommentObservation, Enrichment, HashtagRef, Language, PriceFinding, SchemaName,
    TextSpan, Timestamp, VideoObservation, VideoStats, codec, json,
};

fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), Just("\0".to_owned()), Just("👩‍👩‍👧 🇩🇪 1️⃣ é\u{fffd}".to_owned()), Just(String::new())]
}

fn count() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![Just(None), Just(Some(0)), Just(Some(i64::MAX)), any::<Option<i64>>()]
}

/// Instants that chrono and Arrow can hold.
fn instant() -> impl Strategy<Value = Timestamp> {
    (-62_000_000_000_000_000_i64..250_000_000_000_000_000).prop_map(Timestamp)
}

prop_compose! {
    fn video()(
        video_id in any::<i64>(),
        observed_at in instant(),
        created_at in proptest::option::of(instant()),
        caption in proptest::option::of(text()),
        views in count(),
        likes in count(),
        saves in count(),
        tags in proptest::option::of(proptest::collection::vec((count(), text()), 0..4)),
        entities in proptest::collection::vec((text(), any::<i32>(), count()), 0..3),
        duration_s in any::<Option<i32>>(),
        is_ad in any::<Option<bool>>(),
        event_id in text(),
    ) -> VideoObservation {
        VideoObservation {
            event_id,
            platform: "tiktok".into(),
            video_id,
            observed_at,
            created_at,
            caption,
            stats: VideoStats { views, likes, saves, ..VideoStats::default() },
            source_hashtags: tags.map(|tags| tags.into_iter().map(|(id, name)| HashtagRef { id, name }).collect()),
            caption_entities: entities
                .into_iter()
                .map(|(name, start_utf16, target_id)| CaptionEntity {
                    kind: "hashtag".into(),
                    start_utf16,
                    end_utf16: start_utf16.saturating_add(1),
                    name: Some(name),
                    target_id,
                })
                .collect(),
            duration_s,
            is_ad,
            ..VideoObservation::default()
        }
    }
}

proptest! {
    #[test]
    fn a_video_comes_back_from_avro(video in video()) {
        let message = codec::encode(&video).expect("encodes");
        let fields = CaptionFields::of_video(&message).expect("reads");
        prop_assert_eq!(&fields.caption, &video.caption);
        prop_assert_eq!(&fields.caption_entities, &video.caption_entities);
        prop_assert_eq!(codec::decode::<VideoObservation>(&message).expect("decodes"), video);
    }

    #[test]
    fn a_video_keeps_its_values_in_arrow(video in video(), text in text(), confidence in 0.0..1.0_f64) {
        let enrichment = Enrichment {
            findings: CaptionFindings {
                language: Language { code: "en".into(), confidence },
                hashtags: vec![TextSpan { text: text.clone(), start: 0, end: 1 }],
                prices: vec![PriceFinding { currency: Some("EUR".into()), ..PriceFinding::default() }],
                ..CaptionFindings::default()
            },
            stages: vec!["hashtags@1".into()],
        };
        let observed = codec::encode(&video).expect("encodes");
        let message = codec::append_enrichment(&observed, &enrichment).expect("appends");
        let read = EnrichedCaption::of_enriched(&message).expect("reads");
        prop_assert_eq!((&read.event_id, &read.caption), (&video.event_id, &video.caption));
        prop_assert_eq!((read.video_id, read.observed_at, &read.findings), (video.video_id, video.observed_at, &enrichment.findings));
        let mut decoder = decoder(SchemaName::EnrichedVideo, 4).expect("decoder");
        prop_assert_eq!(decoder.decode(&message).expect("decodes"), message.len());
        let batch = decoder.flush().expect("flushes").expect("a batch");
        prop_assert_eq!(batch["video_id"].as_primitive::<Int64Type>().value(0), video.video_id);
        let observed_at = batch["observed_at"].as_primitive::<TimestampMicrosecondType>().value(0);
        prop_assert_eq!(observed_at, video.observed_at.0);
        let caption = batch["caption"].as_string::<i32>();
        prop_assert_eq!(caption.is_valid(0).then(|| caption.value(0).to_owned()), video.caption);
        let views = batch["stats"].as_struct()["views"].as_primitive::<Int64Type>();
        prop_assert_eq!(views.is_valid(0).then(|| views.value(0)), video.stats.views);
        let tags = batch["source_hashtags"].as_list::<i32>();
        prop_assert_eq!(tags.is_valid(0).then(|| tags.value(0).len()), video.source_hashtags.map(|t| t.len()));
        let found = batch["findings"].as_struct()["hashtags"].as_list::<i32>().value(0);
        prop_assert_eq!(found.as_struct()["text"].as_string::<i32>().value(0), text);
    }

    #[test]
    fn a_comment_comes_back_from_avro(comment_id in any::<i64>(), likes in count(), text in proptest::option::of(text())) {
        let comment = CommentObservation { comment_id, likes, text, ..CommentObservation::default() };
        let message = codec::encode(&comment).expect("encodes");
        prop_assert_eq!(codec::decode::<CommentObservation>(&message).expect("decodes"), comment);
    }

    #[test]
    fn broken_messages_are_errors_not_panics(video in video(), cut in 0_usize..400, flip in 0_usize..400) {
        let mut message = codec::encode(&video).expect("encodes");
        let at = flip % message.len();
        message[at] ^= 0x55;
        message.truncate(message.len() - cut % message.len());
        _ = codec::decode::<VideoObservation>(&message);
        _ = CaptionFields::of_video(&message);
        _ = EnrichedCaption::of_enriched(&message);
    }

    #[test]
    fn json_of_any_bytes_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        _ = json::from_slice::<serde_json::Value>(&bytes);
    }

    #[test]
    fn json_that_is_sound_is_read_as_it_stands(text in text()) {
        let written = serde_json::to_vec(&text).expect("writes");
        prop_assert_eq!(json::from_slice::<String>(&written).expect("reads"), text);
    }
}
