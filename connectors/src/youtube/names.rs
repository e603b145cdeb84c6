//! How people name videos and channels: ids, handles, addresses.

use super::id::number_of;
use url::Url;

/// A channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    /// `UC…`
    Id(String),
    /// Without `@`.
    Handle(String),
}

/// Hosts of addresses; `youtu.be` only of videos.
const HOSTS: [&str; 4] = ["www.youtube.com", "youtube.com", "m.youtube.com", "music.youtube.com"];

/// The id of a video that is named by it, or by an address.
pub(super) fn video(text: &str) -> Option<String> {
    let is_id = |id: &&str| number_of(id).is_some();
    let text = text.trim();
    let Some((url, path)) = address(text) else { return Some(text).filter(is_id).map(str::to_owned) };
    let id = match (url.host_str()?, &path.iter().map(String::as_str).collect::<Vec<_>>()[..]) {
        ("youtu.be", [id, ..]) => (*id).to_owned(),
        (host, ["watch"]) if HOSTS.contains(&host) => url.query_pairs().find(|(name, _)| name == "v")?.1.into_owned(),
        (host, ["shorts" | "live" | "embed" | "v", id, ..]) if HOSTS.contains(&host) => (*id).to_owned(),
        _ => return None,
    };
    Some(id).filter(|id| is_id(&id.as_str()))
}

/// A channel that is named by its id, its handle, or an address.
pub(super) fn channel(text: &str) -> Option<Channel> {
    let text = text.trim();
    let named = |name: &str| match name.strip_prefix('@') {
        Some(handle) => Some(Channel::Handle(handle.to_owned())).filter(|_| is_handle(handle)),
        None => Some(Channel::Id(name.to_owned())).filter(|_| is_channel_id(name)),
    };
    let Some((url, path)) = address(text) else { return named(text) };
    match &path.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        _ if !HOSTS.contains(&url.host_str()?) => None,
        ["channel", id, ..] => named(id),
        [handle, ..] if handle.starts_with('@') => named(handle),
        _ => None,
    }
}

/// An address and the parts of its path.
fn address(text: &str) -> Option<(Url, Vec<String>)> {
    if !text.contains('/') {
        return None;
    }
    let full = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let url = Url::parse(&full).ok()?;
    let path = url.path_segments()?.filter(|part| !part.is_empty()).map(str::to_owned).collect();
    Some((url, path))
}

/// `UC` and 22 characters of base64url: 128 bits. Not documented; so all ids look.
fn is_channel_id(text: &str) -> bool {
    let rest = text.strip_prefix("UC").unwrap_or_default();
    rest.len() == 22 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

/// 3 to 30 letters and digits of any script, `_`, `-`, `.` and `·` (support.google.com/youtube/answer/11585688).
fn is_handle(text: &str) -> bool {
    (1..=60).contains(&text.chars().count()) && text.chars().all(|c| c.is_alphanumeric() || "_-.·".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn videos_of_every_form() {
        for text in [
            "dQw4w9WgXcQ",
            " dQw4w9WgXcQ ",
            "https://www.youtube.com/watch?v=dQw4w9WgXcQ&t=42s",
            "https://www.youtube.com/watch?list=PL1&v=dQw4w9WgXcQ",
            "https://youtu.be/dQw4w9WgXcQ?si=x",
            "youtu.be/dQw4w9WgXcQ",
            "https://m.youtube.com/shorts/dQw4w9WgXcQ",
            "https://www.youtube.com/embed/dQw4w9WgXcQ",
            "https://www.youtube.com/live/dQw4w9WgXcQ?feature=share",
        ] {
            assert_eq!(video(text).as_deref(), Some("dQw4w9WgXcQ"), "{text}");
        }
        for text in
            ["", "dQw4w9WgXcR", "https://www.youtube.com/watch", "https://evil.example/watch?v=dQw4w9WgXcQ", "/"]
        {
            assert_eq!(video(text), None, "{text}");
        }
    }

    #[test]
    fn channels_of_every_form() {
        let id = "UC_x5XG1OV2P6uZZ5FSM9Ttw";
        for text in [id, "https://www.youtube.com/channel/UC_x5XG1OV2P6uZZ5FSM9Ttw/videos"] {
            assert_eq!(channel(text), Some(Channel::Id(id.into())), "{text}");
        }
        for text in ["@GoogleDevelopers", "https://www.youtube.com/@GoogleDevelopers/shorts"] {
            assert_eq!(channel(text), Some(Channel::Handle("GoogleDevelopers".into())), "{text}");
        }
        for text in ["", "@", "GoogleDevelopers", "UCx", "https://www.youtube.com/c/Google", "https://vimeo.com/@a"] {
            assert_eq!(channel(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in any::<String>(), path in "(https://www.youtube.com/)?[a-z@/?=&%]{0,20}") {
            _ = (video(&text), channel(&text), video(&path), channel(&path));
        }
    }
}
