//! Links in files, as the readers of files need them.

use crate::links::{Link, LinkError, parse_url};

/// What a link in a file points at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A video or photo post: its id, and the handle where the link names it.
    Video { id: i64, handle: Option<String> },
    /// A hashtag: its name, or its id.
    Hashtag { name: Option<String>, id: Option<i64> },
    /// A sound: its id, and its title as far as the address tells it.
    Sound { id: i64, title: Option<String> },
    /// A short link: where it leads is not to be told without asking.
    Short,
    /// A page of a thing whose id is none: the class of the reject, and why.
    BadId(&'static str, &'static str),
    /// Some other page of TikTok.
    OtherPage,
    /// Not TikTok, or no link.
    Foreign,
}

/// What `link` points at; the address may lack its scheme.
pub(super) fn target(link: &str) -> Target {
    match parse_url(link) {
        Ok(Link::Post { id, author, .. }) => {
            Target::Video { id, handle: author.and_then(|author| author.handle().map(str::to_owned)) }
        }
        Ok(Link::Tag(name)) => Target::Hashtag { name: Some(name), id: None },
        Ok(Link::TagId(id)) => Target::Hashtag { name: None, id: Some(id) },
        Ok(Link::Sound { id, slug }) => Target::Sound { id, title: slug.as_deref().and_then(title) },
        Ok(Link::Short { .. }) => Target::Short,
        Ok(_) => Target::OtherPage,
        Err(LinkError::ZeroId { .. }) => Target::BadId("missing_id", "the id in its link is 0"),
        Err(LinkError::IdOutOfRange { .. }) => {
            Target::BadId("id_out_of_range", "the id in its link does not fit into 64 bits with sign")
        }
        Err(error) if error.on_tiktok() => Target::OtherPage,
        Err(_) => Target::Foreign,
    }
}

/// The title of a sound as its address writes it.
fn title(slug: &str) -> Option<String> {
    Some(slug.replace('-', " ").trim().to_owned()).filter(|title| !title.is_empty())
}

/// The handle that a profile or video address names.
pub(super) fn handle_of(link: &str) -> Option<String> {
    parse_url(link).ok()?.handle().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_files() {
        let id = 7_198_206_283_571_285_294;
        assert_eq!(
            target("https://www.tiktokv.com/share/video/7198206283571285294/"),
            Target::Video { id, handle: None }
        );
        assert_eq!(
            target("www.tiktok.com/@a/video/7198206283571285294"),
            Target::Video { id, handle: Some("a".into()) }
        );
        assert_eq!(target("https://vm.tiktok.com/ZM123/"), Target::Short);
        assert_eq!(target("https://www.tiktok.com/@a/live"), Target::OtherPage);
        assert_eq!(target("https://tiktok.com.example.org/@a/video/7198206283571285294"), Target::Foreign);
        assert_eq!(target("nonsense"), Target::Foreign);
        assert_eq!(target("https://m.tiktok.com/h5/share/tag/48.html"), Target::Hashtag { name: None, id: Some(48) });
        assert_eq!(
            target("https://www.tiktok.com/music/original-sound-6837"),
            Target::Sound { id: 6837, title: Some("original sound".into()) }
        );
        assert!(matches!(target("https://www.tiktok.com/@a/video/0"), Target::BadId("missing_id", _)));
    }

    #[test]
    fn words_around_a_link_make_it_none() {
        // The text layout of archives tells links from comments by this.
        assert_eq!(target("look at https://vm.tiktok.com/ZM123/"), Target::Foreign);
        assert_eq!(target("7198206283571285294"), Target::Foreign);
        assert_eq!(handle_of("https://www.tiktok.com/@nasa/video/1"), Some("nasa".into()));
        assert_eq!(handle_of("https://www.tiktok.com/@MS4wLjABAAAA/video/1"), None);
    }
}
