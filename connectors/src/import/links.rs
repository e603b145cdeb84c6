//! What a TikTok link points at.

use url::Url;

/// What a link points at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A video or photo post: the digits of its id, and the handle where the link names it.
    Video { id: String, handle: Option<String> },
    /// A hashtag: its name, or its id.
    Hashtag { name: Option<String>, id: Option<String> },
    /// A sound: its id, and the slug of its title.
    Sound { id: String, title: Option<String> },
    /// A short link: where it leads is not to be told without asking.
    Short,
    /// Some other page of TikTok.
    OtherPage,
    /// Not TikTok, or no link.
    Foreign,
}

/// What `link` points at; the address may lack its scheme.
pub(super) fn target(link: &str) -> Target {
    let link = link.trim();
    let with_scheme = if link.contains("://") { link.to_owned() } else { format!("https://{link}") };
    let Ok(url) = Url::parse(&with_scheme) else { return Target::Foreign };
    let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
    if host == "vm.tiktok.com" || host == "vt.tiktok.com" {
        return Target::Short;
    }
    if !["tiktok.com", "tiktokv.com"].iter().any(|site| host == *site || host.ends_with(&format!(".{site}"))) {
        return Target::Foreign;
    }
    let segments: Vec<String> = url.path_segments().into_iter().flatten().map(decoded).collect();
    of_segments(&segments.iter().map(String::as_str).filter(|s| !s.is_empty()).collect::<Vec<_>>())
}

fn of_segments(segments: &[&str]) -> Target {
    match segments {
        ["t", _] => Target::Short,
        [.., "tag", name] => hashtag(page(name)),
        [.., "music", slug] => sound(page(slug)),
        [first, "video" | "photo", id, ..] => video(page(id), handle(first)),
        ["video" | "photo" | "v", id, ..] | ["share", "item", id] => video(page(id), None),
        ["embed", "v2", id] | ["embed", id] | ["player", "v1", id] => video(page(id), None),
        _ => Target::OtherPage,
    }
}

fn video(id: &str, handle: Option<String>) -> Target {
    if id.is_empty() || !id.bytes().all(|b| b.is_ascii_digit()) {
        return Target::OtherPage;
    }
    Target::Video { id: id.into(), handle }
}

fn hashtag(name: &str) -> Target {
    let is_id = !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit());
    if is_id {
        return Target::Hashtag { name: None, id: Some(name.into()) };
    }
    Target::Hashtag { name: Some(name.trim_start_matches('#').into()).filter(|n: &String| !n.is_empty()), id: None }
}

fn sound(slug: &str) -> Target {
    let (title, id) = slug.rsplit_once('-').map_or((None, slug), |(title, id)| (Some(title), id));
    if id.is_empty() || !id.bytes().all(|b| b.is_ascii_digit()) {
        return Target::OtherPage;
    }
    Target::Sound {
        id: id.into(),
        title: title.map(|t| t.replace('-', " ").trim().to_owned()).filter(|t| !t.is_empty()),
    }
}

/// The handle of a profile segment, if it is one: not empty, `_`, a numeric id or a secUid.
pub(super) fn handle(segment: &str) -> Option<String> {
    let name = segment.strip_prefix('@')?;
    let stand_in =
        name.is_empty() || name == "_" || name.bytes().all(|b| b.is_ascii_digit()) || name.starts_with("MS4wLj");
    (!stand_in).then(|| name.to_owned())
}

/// The handle that a profile or video address names.
pub(super) fn handle_of(link: &str) -> Option<String> {
    let url = Url::parse(link.trim()).ok()?;
    url.path_segments()?.map(decoded).find_map(|segment| handle(&segment))
}

/// `48.html` → `48`
fn page(segment: &str) -> &str {
    segment.strip_suffix(".html").unwrap_or(segment)
}

/// Percent-decoded, as UTF-8.
fn decoded(segment: &str) -> String {
    let bytes = segment.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|h| std::str::from_utf8(h).ok());
        match hex.and_then(|h| u8::from_str_radix(h, 16).ok()).filter(|_| bytes[at] == b'%') {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn video_id(link: &str) -> Option<String> {
        match target(link) {
            Target::Video { id, .. } => Some(id),
            _ => None,
        }
    }

    #[test]
    fn every_form_of_video_link() {
        for link in [
            "https://www.tiktok.com/@a.b/video/7198206283571285294?lang=en",
            "https://www.tiktok.com/@/video/7198206283571285294",
            "https://www.tiktok.com/@a/photo/7198206283571285294",
            "https://www.tiktokv.com/share/video/7198206283571285294/",
            "https://m.tiktok.com/v/7198206283571285294.html",
            "https://www.tiktok.com/embed/v2/7198206283571285294",
            "https://www.tiktok.com/embed/7198206283571285294",
            "https://www.tiktok.com/player/v1/7198206283571285294?x=1",
            "www.tiktok.com/@a/video/7198206283571285294",
        ] {
            assert_eq!(video_id(link).as_deref(), Some("7198206283571285294"), "{link}");
        }
    }

    #[test]
    fn what_is_no_video() {
        assert_eq!(target("https://vm.tiktok.com/ZM123/"), Target::Short);
        assert_eq!(target("https://www.tiktok.com/@a/live"), Target::OtherPage);
        assert_eq!(target("https://tiktok.com.example.org/@a/video/7198206283571285294"), Target::Foreign);
        assert_eq!(target("nonsense"), Target::Foreign);
        assert_eq!(
            target("https://www.tiktok.com/tag/fyp%E3%82%B7"),
            Target::Hashtag { name: Some("fypシ".into()), id: None }
        );
        assert_eq!(
            target("https://m.tiktok.com/h5/share/music/6837.html"),
            Target::Sound { id: "6837".into(), title: None }
        );
        assert_eq!(handle_of("https://www.tiktok.com/@nasa/video/1"), Some("nasa".into()));
        assert_eq!(handle_of("https://www.tiktok.com/@MS4wLjABAAAA/video/1"), None);
    }
}
