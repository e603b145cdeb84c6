//! The files of an item (`itemStruct`) of the website.

use super::{Format, MediaRef};
use crate::reading::{opt_i64, opt_id};
use serde_json::Value;
use tidelake_schemas::MediaKind;

/// Every file of an item: its thumbnail, its film, the pictures of a photo post in order. Empty addresses are left out.
pub fn of_item(item: &Value, page: &str) -> Vec<MediaRef> {
    let Some(video_id) = opt_id(item, "id") else { return Vec::new() };
    let named = |kind, position: usize, formats: Vec<Format>| {
        let position = i32::try_from(position).unwrap_or(i32::MAX);
        (!formats.is_empty()).then(|| MediaRef { video_id, kind, position, formats, renew_from: Some(page.to_owned()) })
    };
    let video = item.get("video").unwrap_or(&Value::Null);
    let images = item.pointer("/imagePost/images").and_then(Value::as_array);
    let slides = images.into_iter().flatten().enumerate();
    let slides = slides.filter_map(|(place, image)| named(MediaKind::Slide, place, slide(image)));
    let single = [named(MediaKind::Thumbnail, 0, covers(video)), named(MediaKind::Video, 0, films(video))];
    single.into_iter().flatten().chain(slides).collect()
}

fn covers(video: &Value) -> Vec<Format> {
    // `dynamicCover` moves, and is left out.
    ["originCover", "cover"].into_iter().filter_map(|key| address(video, key)).collect()
}

/// `bitrateInfo` lists the formats; `playAddr` is one of them, with the item's own measures; `downloadAddr` carries
/// TikTok's mark, and is "" where the creator does not allow downloads.
fn films(video: &Value) -> Vec<Format> {
    let mut found = Vec::new();
    for format in video.get("bitrateInfo").and_then(Value::as_array).into_iter().flatten() {
        let Some(place) = format.get("PlayAddr") else { continue };
        found.extend(texts(place, "UrlList").map(|url| Format {
            width: opt_i64(place, "Width"),
            height: opt_i64(place, "Height"),
            bytes: opt_i64(place, "DataSize"),
            bitrate: opt_i64(format, "Bitrate"),
            codec: text(format, "CodecType"),
            ..Format::at(url)
        }));
    }
    let measured = |format: Format| Format {
        width: opt_i64(video, "width"),
        height: opt_i64(video, "height"),
        codec: text(video, "codecType"),
        ..format
    };
    found.extend(address(video, "playAddr").map(measured));
    found.extend(address(video, "downloadAddr").map(|format| Format { watermark: true, ..measured(format) }));
    let mut seen = std::collections::HashSet::new();
    found.retain(|format| seen.insert(format.url.clone()));
    found
}

fn slide(image: &Value) -> Vec<Format> {
    let (width, height) = (opt_i64(image, "imageWidth"), opt_i64(image, "imageHeight"));
    let Some(place) = image.get("imageURL") else { return Vec::new() };
    texts(place, "urlList").map(|url| Format { width, height, ..Format::at(url) }).collect()
}

fn address(of: &Value, key: &str) -> Option<Format> {
    of.get(key).and_then(Value::as_str).filter(|url| !url.is_empty()).map(Format::at)
}

fn text(of: &Value, key: &str) -> Option<String> {
    of.get(key).and_then(Value::as_str).map(str::to_owned)
}

fn texts<'a>(of: &'a Value, key: &str) -> impl Iterator<Item = &'a str> {
    let list = of.get(key).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).filter(|text| !text.is_empty())
}
