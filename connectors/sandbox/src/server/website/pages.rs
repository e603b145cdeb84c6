//! Pages of videos, profiles, hashtags and sounds. What cannot be seen has a page, too: the website's errors are soft.

use super::super::answer::Answer;
use super::super::oembed::escaped;
use super::super::shared::Shared;
use super::Site;
use super::item::{Form, author, author_stats, challenge, item, music, rounded, sec_uid, texts};
use super::lists::{of_creator, of_sound, of_tag_name};
use super::page::{OVERLAY, Page, empty_grid};
use crate::world::{Creator, Fate, TagInfo, Video};
use crate::{Endpoint, FaultKind};
use serde_json::{Value, json};

/// The address of a video's page.
pub(in super::super) fn address(video: &Video<'_>) -> String {
    format!("https://www.tiktok.com/@{}/video/{}", crate::world::handle_of(video), video.id())
}

/// `/share/video/ID` and `/v/ID.html` lead to `/@/video/ID`, which is a page, as is `/@handle/video/ID`.
pub(super) fn video(site: &Site<'_>, path: &str, last: &str) -> Answer {
    let id = last.strip_suffix(".html").unwrap_or(last);
    if !path.starts_with("/@") {
        return Answer::redirect(301, format!("https://www.tiktok.com/@/video/{id}"));
    }
    let strikes = |kind| site.shared.strikes(kind, Endpoint::VideoPage);
    let video = id.parse().ok().and_then(|id| site.shared.world.video_by_id(id));
    let detail = match video {
        _ if strikes(FaultKind::EmptyItem) => json!({"itemInfo": {"itemStruct": {}}, "statusCode": 0}),
        _ if strikes(FaultKind::RegionBlock) => refused(10231, ""),
        _ if strikes(FaultKind::AgeGate) => refused(10215, "content_classification"),
        Some(video) if video.is_available(site.shared.now()) => {
            let mut item = item(site, &video, Form::Page);
            if strikes(FaultKind::LoginWall) {
                item["createTime"] = json!("0");
            }
            let shown = json!({"title": item["desc"], "desc": item["desc"]});
            return video_page(
                site,
                &video,
                json!({"itemInfo": {"itemStruct": item}, "shareMeta": shown, "statusCode": 0}),
            );
        }
        Some(video) if video.created_at() > site.shared.now() => refused(10204, "item doesn't exist"),
        Some(video) => match video.fate() {
            Fate::PrivateFrom(..) => refused(10216, "status_self_see"),
            _ => refused(10204, "status_deleted"),
        },
        None => refused(10204, "item doesn't exist"),
    };
    soft("webapp.video-detail", detail, "Video currently unavailable")
}

fn video_page(site: &Site<'_>, video: &Video<'_>, detail: Value) -> Answer {
    site.shared.take_website_record();
    let creator = video.creator();
    let caption = escaped(&video.caption().text);
    let views = abbreviated(video.stats_at(site.shared.now()).views);
    let body = format!(
        "<div id=\"main-content-video_detail\"><div data-e2e=\"video-player\"></div><a href=\"/@{handle}\">@{handle}</a>\
         <h1 data-e2e=\"video-desc\">{caption}</h1><strong data-e2e=\"video-views\">{views}</strong></div>",
        handle = creator.handle,
    );
    let title = format!("{} | TikTok", creator.display_name);
    let page = Page { title, canonical: address(video), detail: ("webapp.video-detail", detail), body, grid: None };
    page.answer()
}

/// `/@handle`
pub(super) fn user(site: &Site<'_>, last: &str) -> Answer {
    let name = "webapp.user-detail";
    let strikes = |kind| site.shared.strikes(kind, Endpoint::UserPage);
    let creator = site.shared.world.creator_by_handle(last.trim_start_matches('@'));
    let Some(creator) = creator else { return soft(name, refused(10221, ""), "Couldn't find this account") };
    if strikes(FaultKind::EmptyItem) {
        return soft(name, json!({"userInfo": {}, "statusCode": 0}), "");
    }
    if creator.is_restricted {
        return soft(name, refused(10222, "author_secret"), "This account is private");
    }
    site.shared.take_website_record();
    let hollow = strikes(FaultKind::LoginWall);
    let exact = author_stats(site, &creator, std::convert::identity);
    let (stats, exact) =
        if hollow { (json!({}), json!({})) } else { (author_stats(site, &creator, rounded), texts(exact)) };
    let detail = json!({
        "userInfo": {"user": author(site, &creator), "stats": stats, "statsV2": exact, "itemList": []},
        "shareMeta": {"title": creator.display_name, "desc": creator.bio}, "statusCode": 0, "statusMsg": "",
        "needFix": true,
    });
    let some = !of_creator(site.shared, creator.index).is_empty();
    let login = strikes(FaultKind::LoginDialog);
    let overlay = if strikes(FaultKind::CaptchaOverlay) { OVERLAY } else { "" };
    let grid = (some && !hollow).then(|| {
        json!({
            "list": "user-post-item-list", "card": "user-post-item", "path": "/api/post/item_list/",
            "parameters": {"secUid": sec_uid(&creator)}, "login": login,
        })
    });
    let page = Page {
        title: format!("{} (@{}) | TikTok", creator.display_name, creator.handle),
        canonical: format!("https://www.tiktok.com/@{}", creator.handle),
        detail: (name, detail),
        body: profile(site, &creator, some) + overlay,
        grid,
    };
    page.answer()
}

fn profile(site: &Site<'_>, creator: &Creator, some: bool) -> String {
    let now = site.shared.now();
    let grid = if some {
        empty_grid("user-post-item-list")
    } else {
        "<div id=\"empty\" class=\"notice\">No content</div>".to_owned()
    };
    let count = |name: &str, label: &str, count: i64| {
        format!("<span><strong data-e2e=\"{name}-count\">{}</strong> {label}</span>", abbreviated(count))
    };
    format!(
        "<div id=\"main-content-others_homepage\"><div class=\"profile\"><img src=\"{}\" alt=\"\"><div>\
         <h1 data-e2e=\"user-title\">{}</h1><h2 data-e2e=\"user-subtitle\">{}</h2><p class=\"counts\">{}{}{}</p>\
         <p data-e2e=\"user-bio\">{}</p></div></div><div class=\"tabs\"><span>Videos</span></div>{grid}</div>",
        escaped(&site.picture(&format!("avatar-{}", creator.id))),
        escaped(&creator.handle),
        escaped(&creator.display_name),
        count("following", "Following", creator.following),
        count("followers", "Followers", creator.followers_at(now)),
        count("likes", "Likes", creator.likes_at(now)),
        escaped(&creator.bio),
    )
}

/// A count as it is shown: `1.2M` (tiktok-surfaces §6.6).
fn abbreviated(count: i64) -> String {
    let (unit, letter) = match count {
        ..1_000 => return count.to_string(),
        1_000..1_000_000 => (1_000, "K"),
        1_000_000..1_000_000_000 => (1_000_000, "M"),
        _ => (1_000_000_000, "B"),
    };
    match count * 10 / unit % 10 {
        0 => format!("{}{letter}", count / unit),
        tenths => format!("{}.{tenths}{letter}", count / unit),
    }
}

/// `/tag/name`
pub(super) fn tag(site: &Site<'_>, last: &str) -> Answer {
    let name = "webapp.challenge-detail";
    let wanted = last.to_lowercase();
    let videos = of_tag_name(site.shared, &wanted);
    let spelt = videos
        .first()
        .and_then(|video| video.caption().hashtags.into_iter().find(|tag| tag.eq_ignore_ascii_case(&wanted)));
    let Some(spelt) = spelt else { return soft(name, refused(100_002, ""), "Couldn't find this hashtag") };
    if site.shared.strikes(FaultKind::EmptyItem, Endpoint::TagPage) {
        return soft(name, json!({"challengeInfo": {}, "statusCode": 0}), "");
    }
    let tag = TagInfo::of(&spelt);
    let views: i64 = videos.iter().map(|video| video.stats_at(site.shared.now()).views).sum();
    // TikTok mostly says 0 for the number of videos.
    let stats = json!({"videoCount": 0, "viewCount": rounded(views)});
    let info = json!({"challenge": challenge(&tag), "stats": stats, "statsV2": texts(stats.clone())});
    let grid = json!({
        "list": "challenge-item-list", "card": "challenge-item", "path": "/api/challenge/item_list/",
        "parameters": {"challengeID": tag.id},
    });
    let body =
        format!("<h1 data-e2e=\"challenge-title\">#{}</h1>{}", escaped(&tag.name), empty_grid("challenge-item-list"));
    let page = Page {
        title: format!("#{} | TikTok", tag.name),
        canonical: format!("https://www.tiktok.com/tag/{}", tag.name),
        detail: (name, json!({"challengeInfo": info, "statusCode": 0})),
        body,
        grid: Some(grid),
    };
    page.answer()
}

/// `/music/slug-ID`
pub(super) fn sound(site: &Site<'_>, last: &str) -> Answer {
    let name = "webapp.music-detail";
    let id: Option<i64> = last.rsplit('-').next().and_then(|id| id.parse().ok());
    let videos = of_sound(site.shared, id);
    let Some(first) = videos.first() else { return soft(name, refused(100_002, ""), "Couldn't find this sound") };
    if site.shared.strikes(FaultKind::EmptyItem, Endpoint::SoundPage) {
        return soft(name, json!({"musicInfo": {}, "statusCode": 0}), "");
    }
    let sound = first.sound();
    let info = json!({"music": music(site, &sound, first), "stats": {"videoCount": videos.len()}});
    let grid = json!({
        "list": "challenge-item-list", "card": "challenge-item", "path": "/api/music/item_list/",
        "parameters": {"musicID": sound.id.to_string()},
    });
    let page = Page {
        title: format!("{} | TikTok", sound.title),
        canonical: format!("https://www.tiktok.com/music/x-{}", sound.id),
        detail: (name, json!({"musicInfo": info, "statusCode": 0})),
        body: format!(
            "<h1 data-e2e=\"music-title\">{}</h1>{}",
            escaped(&sound.title),
            empty_grid("challenge-item-list")
        ),
        grid: Some(grid),
    };
    page.answer()
}

/// What a soft error holds.
fn refused(code: i64, says: &str) -> Value {
    json!({"statusCode": code, "statusMsg": says})
}

/// A page that says with a status of its own that there is nothing to see.
pub(super) fn soft_status(shared: &Shared, endpoint: Endpoint) -> Option<Answer> {
    let name = match endpoint {
        Endpoint::VideoPage => "webapp.video-detail",
        Endpoint::UserPage => "webapp.user-detail",
        Endpoint::TagPage => "webapp.challenge-detail",
        Endpoint::SoundPage => "webapp.music-detail",
        _ => return None,
    };
    let rule = shared.strike(FaultKind::SoftStatus, endpoint)?;
    let says = rule.says.unwrap_or_default();
    Some(soft(name, refused(rule.code.unwrap_or(10204), &says), "Something went wrong"))
}

/// A page without what it is about.
fn soft(name: &'static str, detail: Value, says: &str) -> Answer {
    let body = format!("<p class=\"notice\">{}</p>", escaped(says));
    let canonical = "https://www.tiktok.com/".to_owned();
    let page = Page { title: "TikTok - Make Your Day".into(), canonical, detail: (name, detail), body, grid: None };
    page.answer()
}

#[cfg(test)]
mod tests {
    use super::abbreviated;

    #[test]
    fn counts_are_shown_short() {
        let shown = [0, 999, 1_000, 12_345, 1_987_654, 999_999_999, 2_000_000_000].map(abbreviated);
        assert_eq!(shown, ["0", "999", "1K", "12.3K", "1.9M", "999.9M", "2B"]);
    }
}
