//! A video, its creator and its sound as the website's JSON describes them.

use super::Site;
use crate::world::{Creator, Sound, TagInfo, Video};
use serde_json::{Map, Value, json};

/// Where an item stands: pages and lists write some numbers differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The page of one video: `createTime` and `collectCount` are texts.
    Page,
    /// A list: they are numbers, and the creator is counted.
    List,
}

/// What every secUid begins with.
const SEC_UID: &str = "MS4wLjABAAAA";

/// The secUid of a creator: 76 characters.
pub(super) fn sec_uid(creator: &Creator) -> String {
    format!("{SEC_UID}{:064x}", creator.index)
}

/// The position of the creator with this secUid.
pub(super) fn index_of_sec_uid(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix(SEC_UID)?, 16).ok()
}

/// Counts from 10,000 on are rounded down as on TikTok: 12,345 is 12,300, and 1,987,654 is 1,900,000.
pub(super) fn rounded(count: i64) -> i64 {
    match count {
        ..10_000 => count,
        10_000..1_000_000 => count / 100 * 100,
        _ => count / 100_000 * 100_000,
    }
}

/// `itemStruct`.
pub(super) fn item(site: &Site<'_>, video: &Video<'_>, form: Form) -> Value {
    let (creator, caption, sound) = (video.creator(), video.caption(), video.sound());
    let created = video.created_at().timestamp();
    let spans = text_extra(&caption.text, &caption.hashtags);
    let mut item = json!({
        "id": video.id().to_string(),
        "desc": caption.text,
        "createTime": if form == Form::Page { json!(created.to_string()) } else { json!(created) },
        "video": medium(site, video),
        "author": author(site, &creator),
        "music": music(site, &sound, video),
        "contents": [{"desc": caption.text, "textExtra": spans}],
        "textExtra": spans,
        "locationCreated": video.region_code(),
        "textLanguage": video.language(),
        "isAd": video.tag().is_some_and(|(kind, _)| kind.starts_with("Branded")),
        "IsAigc": video.tag().is_some_and(|(kind, _)| kind.starts_with("AIGC")),
        "duetEnabled": true, "stitchEnabled": true, "shareEnabled": true, "privateItem": false, "secret": false,
        "forFriend": false, "digged": false, "collected": false, "itemCommentStatus": 0, "originalItem": false,
        "officalItem": false, "indexEnabled": true, "item_control": {"can_repost": true},
    });
    if let Some(fields) = item.as_object_mut() {
        count(fields, video, site, form);
        if !caption.hashtags.is_empty() {
            let challenges: Vec<Value> = caption.hashtags.iter().map(|name| challenge(&TagInfo::of(name))).collect();
            fields.insert("challenges".into(), challenges.into());
        }
        if form == Form::List {
            fields.insert("authorStats".into(), author_stats(site, &creator, rounded));
            fields.insert("authorStatsV2".into(), texts(author_stats(site, &creator, rounded)));
        }
    }
    item
}

fn count(fields: &mut Map<String, Value>, video: &Video<'_>, site: &Site<'_>, form: Form) {
    let stats = video.stats_at(site.shared.now());
    let counts = json!({
        "playCount": rounded(stats.views), "diggCount": rounded(stats.likes), "commentCount": rounded(stats.comments),
        "shareCount": rounded(stats.shares), "collectCount": rounded(stats.saves),
    });
    let mut exact = texts(counts.clone());
    exact["repostCount"] = json!("0");
    let mut counts = counts;
    if form == Form::Page {
        counts["collectCount"] = json!(rounded(stats.saves).to_string());
    }
    fields.insert("stats".into(), counts);
    fields.insert("statsV2".into(), exact);
}

/// The same object with every number as text, as in `statsV2`.
pub(super) fn texts(counts: Value) -> Value {
    match counts {
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, json!(value.to_string()))).collect(),
        other => other,
    }
}

/// `author`, and `user` of a profile.
pub(super) fn author(site: &Site<'_>, creator: &Creator) -> Value {
    let avatar = site.picture(&format!("avatar-{}", creator.id));
    json!({
        "id": creator.id.to_string(), "uniqueId": creator.handle, "nickname": creator.display_name,
        "secUid": sec_uid(creator), "signature": creator.bio, "verified": creator.is_verified,
        "privateAccount": creator.is_restricted, "secret": creator.is_restricted, "avatarThumb": avatar,
        "avatarMedium": avatar, "avatarLarger": avatar, "ftc": false, "relation": 0, "openFavorite": false,
        "commentSetting": 0, "duetSetting": 0, "stitchSetting": 0, "downloadSetting": 0, "isADVirtual": false,
    })
}

/// `authorStats`, and `stats` of a profile, with counts as `shown` gives them.
pub(super) fn author_stats(site: &Site<'_>, creator: &Creator, shown: fn(i64) -> i64) -> Value {
    let now = site.shared.now();
    let likes = shown(creator.likes_at(now));
    json!({
        "followerCount": shown(creator.followers_at(now)), "followingCount": shown(creator.following),
        "heart": likes, "heartCount": likes, "videoCount": shown(creator.videos_at(now)), "diggCount": 0,
        "friendCount": 0,
    })
}

/// `music`, and `musicInfo.music` of a sound's page.
pub(super) fn music(site: &Site<'_>, sound: &Sound, video: &Video<'_>) -> Value {
    let cover = site.picture(&format!("music-{}", sound.id));
    let name = if sound.is_original { video.creator().display_name } else { "Various Artists".to_owned() };
    json!({
        "id": sound.id.to_string(), "title": sound.title, "authorName": name, "original": sound.is_original,
        "duration": if sound.is_original { video.duration() } else { 60 }, "private": false, "isCopyrighted": false,
        "playUrl": site.film(&format!("music-{}", sound.id)), "coverThumb": cover, "coverMedium": cover,
        "coverLarge": cover,
    })
}

/// One of `challenges`, and `challengeInfo.challenge` of a hashtag's page.
pub(super) fn challenge(tag: &TagInfo) -> Value {
    json!({
        "id": tag.id, "title": tag.name, "desc": tag.description, "coverThumb": "", "coverMedium": "",
        "coverLarger": "", "profileThumb": "", "profileMedium": "", "profileLarger": "",
    })
}

fn medium(site: &Site<'_>, video: &Video<'_>) -> Value {
    let (id, duration) = (video.id().to_string(), video.duration());
    let (cover, play) = (site.picture(&format!("cover-{id}")), site.film(&id));
    let bitrate = 400_000 + i64::from(duration) * 1_000;
    let uri = format!("v{}", id.get(3..).unwrap_or_default());
    let size = bitrate / 8 * i64::from(duration);
    json!({
        "id": id, "duration": duration, "width": 576, "height": 1024, "ratio": "540p", "format": "mp4",
        "definition": "540p", "videoQuality": "normal", "codecType": "h264", "encodedType": "normal",
        "bitrate": bitrate, "cover": cover, "originCover": site.picture(&format!("origin-{id}")),
        "dynamicCover": site.picture(&format!("dynamic-{id}")), "playAddr": play, "downloadAddr": "",
        "shareCover": [""], "volumeInfo": {"Loudness": -18.4, "Peak": 1},
        "bitrateInfo": [{
            "Bitrate": bitrate, "QualityType": 28, "GearName": "normal_540_0", "CodecType": "h264",
            "PlayAddr": {
                "Uri": uri, "UrlKey": format!("{uri}_h264_540p"), "DataSize": size.to_string(), "Width": 576,
                "Height": 1024, "UrlList": [play, site.film(&format!("{id}-b"))],
            },
        }],
    })
}

/// Hashtags in the caption, in UTF-16 code units.
fn text_extra(text: &str, hashtags: &[String]) -> Vec<Value> {
    let mut from = 0;
    let mut spans = Vec::new();
    for name in hashtags {
        let wanted = format!("#{name}");
        let Some(found) = text.get(from..).and_then(|rest| rest.find(&wanted)) else { continue };
        let start = from + found;
        from = start + wanted.len();
        let units = |bytes: usize| text.get(..bytes).map_or(0, |head| head.encode_utf16().count());
        spans.push(json!({
            "awemeId": "", "start": units(start), "end": units(from), "hashtagName": name,
            "hashtagId": TagInfo::of(name).id, "type": 1, "subType": 0, "isCommerce": false,
        }));
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{World, WorldConfig};

    #[test]
    fn sec_uids_lead_back() {
        let world = World::new(WorldConfig::default()).expect("a world");
        for index in [0, 1, 16, 255, 4096] {
            let uid = sec_uid(&world.creator(index).expect("a creator"));
            assert_eq!((uid.len(), index_of_sec_uid(&uid)), (76, Some(index)));
        }
        assert_eq!(index_of_sec_uid("nobody"), None);
    }

    #[test]
    fn counts_are_rounded_and_spans_count_code_units() {
        assert_eq!([9_999, 12_345, 398_456, 1_987_654].map(rounded), [9_999, 12_300, 398_400, 1_900_000]);
        let spans = text_extra("🧁 #one and #one", &["one".into(), "one".into()]);
        let ends: Vec<_> = spans.iter().map(|s| (s["start"].as_u64(), s["end"].as_u64())).collect();
        assert_eq!(ends, [(Some(3), Some(7)), (Some(12), Some(16))]);
    }
}
