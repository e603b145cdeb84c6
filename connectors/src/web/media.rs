//! Pictures and films of an item: where they are, and until when. Their addresses are signed and stop working
//! (tiktok-surfaces §11), so what is kept of them is the id and the content, never the address.

use serde_json::Value;
use tidelake_schemas::Timestamp;
use url::Url;

/// What an address leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaKind {
    /// A still picture.
    Cover,
    /// The film.
    Film,
    /// The film with TikTok's mark on it; absent where the creator does not allow downloads.
    Download,
    /// One picture of a photo post, in order.
    Slide,
    /// The sound alone.
    Sound,
}

/// One address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// What it leads to.
    pub kind: MediaKind,
    /// Where it is.
    pub url: String,
    /// When the address stops working, where it says so.
    pub expires_at: Option<Timestamp>,
    /// Pixels.
    pub width: Option<i64>,
    /// Pixels.
    pub height: Option<i64>,
    /// Bits per second.
    pub bitrate: Option<i64>,
    /// As TikTok names it, e.g. `h264` or `h265_hvc1`.
    pub codec: Option<String>,
}

impl Media {
    fn new(kind: MediaKind, url: &str) -> Self {
        let (url, expires_at) = (url.to_owned(), expires_at(url));
        Self { kind, url, expires_at, width: None, height: None, bitrate: None, codec: None }
    }
}

/// When a signed address stops working: `x-expires` of pictures, `expire` of films, in Unix seconds.
pub fn expires_at(url: &str) -> Option<Timestamp> {
    let url = Url::parse(url).ok()?;
    let given = url.query_pairs().find(|(name, _)| name == "x-expires" || name == "expire");
    let seconds = given.and_then(|(_, seconds)| seconds.parse().ok()).filter(|seconds| *seconds > 0)?;
    Timestamp::from_secs(seconds)
}

/// Every address of an item (`itemStruct`), the best film first. Empty ones are left out.
pub fn of_item(item: &Value) -> Vec<Media> {
    let video = item.get("video").unwrap_or(&Value::Null);
    let mut found = films(video);
    let single = |of: &Value, key: &str, kind: MediaKind| {
        let url = of.get(key).and_then(Value::as_str).filter(|url| !url.is_empty())?;
        Some(Media::new(kind, url))
    };
    found.extend(single(video, "playAddr", MediaKind::Film));
    found.extend(single(video, "downloadAddr", MediaKind::Download));
    for key in ["cover", "originCover", "dynamicCover"] {
        found.extend(single(video, key, MediaKind::Cover));
    }
    found.extend(slides(item));
    found.extend(item.get("music").and_then(|music| single(music, "playUrl", MediaKind::Sound)));
    let mut seen = std::collections::HashSet::new();
    found.retain(|media| seen.insert(media.url.clone()));
    found
}

fn films(video: &Value) -> Vec<Media> {
    let number = |of: &Value, key: &str| crate::reading::opt_i64(of, key);
    let mut found = Vec::new();
    for format in video.get("bitrateInfo").and_then(Value::as_array).into_iter().flatten() {
        let Some(place) = format.get("PlayAddr") else { continue };
        for url in texts(place, "UrlList") {
            found.push(Media {
                width: number(place, "Width"),
                height: number(place, "Height"),
                bitrate: number(format, "Bitrate"),
                codec: format.get("CodecType").and_then(Value::as_str).map(str::to_owned),
                ..Media::new(MediaKind::Film, url)
            });
        }
    }
    found.sort_by_key(|media| std::cmp::Reverse((media.height, media.bitrate)));
    found
}

/// Pictures of a photo post; of each the first address.
fn slides(item: &Value) -> Vec<Media> {
    let images = item.pointer("/imagePost/images").and_then(Value::as_array);
    let first = |image: &Value| {
        let url = image.get("imageURL").and_then(|place| texts(place, "urlList").next().map(str::to_owned))?;
        let size = |key: &str| crate::reading::opt_i64(image, key);
        Some(Media { width: size("imageWidth"), height: size("imageHeight"), ..Media::new(MediaKind::Slide, &url) })
    };
    images.into_iter().flatten().filter_map(first).collect()
}

fn texts<'a>(of: &'a Value, key: &str) -> impl Iterator<Item = &'a str> {
    let list = of.get(key).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn addresses_say_when_they_end() {
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
    }

    #[test]
    fn the_best_film_comes_first_and_empty_addresses_do_not_come() {
        let format = |height: i64, url: &str| json!({"Bitrate": 1, "CodecType": "h264", "PlayAddr": {"Height": height, "UrlList": [url]}});
        let item = json!({
            "video": {"playAddr": "https://v.example/low?expire=10", "downloadAddr": "", "cover": "https://p.example/c?x-expires=20",
                      "bitrateInfo": [format(540, "https://v.example/low?expire=10"), format(1080, "https://v.example/high")]},
            "imagePost": {"images": [{"imageURL": {"urlList": ["https://p.example/1"]}, "imageWidth": 9}, {}]},
            "music": {"playUrl": "https://v.example/m"},
        });
        let found = of_item(&item);
        let urls: Vec<_> =
            found.iter().map(|media| (media.kind, media.url.rsplit('/').next().expect("a part"))).collect();
        assert_eq!(
            urls,
            [
                (MediaKind::Film, "high"),
                (MediaKind::Film, "low?expire=10"),
                (MediaKind::Cover, "c?x-expires=20"),
                (MediaKind::Slide, "1"),
                (MediaKind::Sound, "m"),
            ]
        );
        assert_eq!((found[1].expires_at.map(Timestamp::secs), found[0].expires_at), (Some(10), None));
        assert!(of_item(&json!({})).is_empty());
    }
}
