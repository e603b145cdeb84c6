//! `POST /v2/research/playlist/info/`

use super::answer::Refusal;
use super::body::{Range, read_id};
use super::shared::Shared;
use crate::world::Video;
use crate::{Endpoint, FaultKind};
use serde_json::{Value, json};

const ENDPOINT: Endpoint = Endpoint::PlaylistInfo;

/// Answers a request for a playlist. It has no `fields`: the documentation's example sends some and gets everything.
pub(super) fn answer(shared: &Shared, body: &Value) -> Result<Value, Refusal> {
    let id = read_id(body, "playlist_id")?.ok_or_else(|| Refusal::params("playlist_id is required"))?;
    let range = Range::read(body, 20)?;
    if range.cursor > 0 && shared.strikes(FaultKind::CursorRefused, ENDPOINT) {
        return Err(Refusal::count_or_cursor());
    }
    let (all, updated) = (videos(shared, id), shared.now());
    let last = all.first().ok_or_else(|| Refusal::params("Invalid playlist_id"))?;
    let updated = last.created_at().min(updated).timestamp();
    let ignored = shared.strikes(FaultKind::CursorIgnored, ENDPOINT);
    let skipped = if ignored { 0 } else { usize::try_from(range.cursor).unwrap_or(usize::MAX) };
    let page = all.iter().skip(skipped).take(usize::try_from(range.count).unwrap_or(usize::MAX));
    let ids: Vec<_> = page.filter(|video| video.is_available(shared.now())).map(Video::id).collect();
    shared.take_records(ids.len() as u64);
    let has_more = if ignored { range.count < all.len() as u64 } else { range.next() < all.len() as u64 };
    Ok(json!({
        "playlist_id": id,
        "playlist_name": format!("Part {}", id % 4 + 1),
        "playlist_item_total": all.len(),
        "playlist_last_updated": updated,
        "playlist_video_ids": ids,
        "cursor": range.next(),
        "has_more": has_more,
    }))
}

/// The published videos of a playlist, newest first.
fn videos(shared: &Shared, id: i64) -> Vec<Video<'_>> {
    let (world, now) = (&shared.world, shared.now());
    let videos = (0..world.config().videos).rev().filter_map(|index| world.video(index));
    videos.filter(|video| video.playlist_id() == Some(id) && video.created_at() <= now).collect()
}
