//! `GET /oembed?url=…`: the cards of videos and profiles.

use super::answer::Answer;
use super::shared::Shared;
use super::website::{address, cover};
use crate::world::{Creator, Video};
use crate::{Endpoint, FaultKind};
use serde_json::{Value, json};

/// What an address asks for.
enum Asked<'a> {
    Video(i64),
    Profile(&'a str),
}

/// Answers a request for a card. What cannot be told gets the same 400, whatever the reason.
pub(super) fn answer(shared: &Shared, host: &str, url: Option<&str>) -> Answer {
    if shared.strikes(FaultKind::OembedRefused, Endpoint::Oembed) {
        return went_wrong();
    }
    if shared.strikes(FaultKind::NotFound, Endpoint::Oembed) {
        return Answer::json(404, &json!({"message": "Not Found", "code": 404}));
    }
    let card = url.and_then(asked).and_then(|asked| match asked {
        Asked::Video(id) => {
            let video = shared.world.video_by_id(id).filter(|video| video.is_available(shared.now()))?;
            Some(video_card(shared, host, &video))
        }
        Asked::Profile(handle) => shared.world.creator_by_handle(handle).map(|creator| profile_card(&creator)),
    });
    match card {
        Some(card) => {
            shared.take_website_record();
            Answer::json(200, &card)
        }
        None => went_wrong(),
    }
}

fn went_wrong() -> Answer {
    Answer::json(400, &json!({"message": "Something went wrong", "code": 400}))
}

/// Only tiktok.com itself: links of archives (www.tiktokv.com) and short links get the 400.
fn asked(url: &str) -> Option<Asked<'_>> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let (host, path) = rest.split_once('/')?;
    if !["www.tiktok.com", "m.tiktok.com", "tiktok.com"].contains(&host) {
        return None;
    }
    let path = path.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    match path.split('/').collect::<Vec<_>>()[..] {
        ["share", "video", id] => id.parse().ok().map(Asked::Video),
        [author, "video", id] if author.starts_with('@') => id.parse().ok().map(Asked::Video),
        [author] => author.strip_prefix('@').filter(|handle| !handle.is_empty()).map(Asked::Profile),
        _ => None,
    }
}

fn video_card(shared: &Shared, host: &str, video: &Video<'_>) -> Value {
    let (creator, caption, sound) = (video.creator(), video.caption().text, video.sound());
    let thumbnail = cover(host, video, shared.now().timestamp() / 3600 * 3600 + 172_800);
    let author = format!("https://www.tiktok.com/@{}", creator.handle);
    let html = format!(
        "<blockquote class=\"tiktok-embed\" cite=\"{cite}\" data-video-id=\"{id}\" data-embed-from=\"oembed\" \
         style=\"max-width:605px; min-width:325px;\"> <section> <a target=\"_blank\" title=\"@{handle}\" \
         href=\"{author}?refer=embed\">@{handle}</a> <p>{text}</p> <a target=\"_blank\" title=\"♬ {title}\" \
         href=\"https://www.tiktok.com/music/x-{music}?refer=embed\">♬ {title}</a> </section> </blockquote> \
         <script async src=\"https://www.tiktok.com/embed.js\"></script>",
        cite = address(video),
        id = video.id(),
        handle = creator.handle,
        text = escaped(&caption),
        title = escaped(&sound.title),
        music = sound.id,
    );
    json!({
        "version": "1.0", "type": "video", "title": caption, "author_url": author, "author_name": creator.display_name,
        "width": "100%", "height": "100%", "html": html,
        "thumbnail_width": 576, "thumbnail_height": 1024, "thumbnail_url": thumbnail,
        "provider_url": "https://www.tiktok.com", "provider_name": "TikTok",
        "author_unique_id": creator.handle, "embed_product_id": video.id().to_string(), "embed_type": "video",
    })
}

fn profile_card(creator: &Creator) -> Value {
    let author = format!("https://www.tiktok.com/@{}", creator.handle);
    let html = format!(
        "<blockquote class=\"tiktok-embed\" cite=\"{author}\" data-unique-id=\"{handle}\" data-embed-from=\"oembed\" \
         data-embed-type=\"creator\"> <section> <a target=\"_blank\" href=\"{author}?refer=creator_embed\">@{handle}</a> \
         </section> </blockquote> <script async src=\"https://www.tiktok.com/embed.js\"></script>",
        handle = creator.handle,
    );
    json!({
        "version": "1.0", "type": "rich", "title": format!("{}'s Creator Profile", creator.display_name),
        "author_url": author, "author_name": creator.display_name, "width": "100%", "height": "100%", "html": html,
        "provider_url": "https://www.tiktok.com", "provider_name": "TikTok",
        "author_unique_id": creator.handle, "embed_product_id": creator.handle, "embed_type": "profile",
    })
}

pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
