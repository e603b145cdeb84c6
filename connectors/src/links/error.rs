//! Why a text is no link that this project can use.

/// What is supported: said to whoever offers something else.
pub const SUPPORTED: &str = "Supported are links to videos, photos, profiles, lives, sounds, effects, hashtags, playlists, \
                         collections and searches on tiktok.com, embeds, short links (vm., vt., /t/) and bare video ids";

/// How many characters of the text are quoted.
const QUOTED: usize = 120;

/// A site that is known, and is not TikTok.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Platform {
    /// youtube.com, youtu.be
    YouTube,
    /// facebook.com, fb.watch
    Facebook,
    /// instagram.com
    Instagram,
    /// douyin.com: TikTok's sister in China, with videos and ids of its own.
    Douyin,
}

impl Platform {
    /// As people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::YouTube => "YouTube",
            Self::Facebook => "Facebook",
            Self::Instagram => "Instagram",
            Self::Douyin => "Douyin",
        }
    }
}

/// Why a text is refused: what was seen, and what is supported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// No address at all.
    #[error("\"{seen}\" is no link. {SUPPORTED}")]
    NotALink {
        /// The text.
        seen: String,
    },
    /// An address that cannot be read.
    #[error("\"{seen}\" cannot be read as an address: {why}. {SUPPORTED}")]
    Malformed {
        /// The text.
        seen: String,
        /// What is wrong with it.
        why: String,
    },
    /// An address of another kind.
    #[error("\"{seen}\" is a {scheme}: address; a link begins with https:// or http://")]
    Scheme {
        /// The text.
        seen: String,
        /// Its scheme.
        scheme: String,
    },
    /// A user name or password before the host: a trick that shows one host and leads to another.
    #[error("\"{seen}\" has a user name before its host and leads to {host}; TikTok's links never do")]
    Credentials {
        /// The text.
        seen: String,
        /// Where it really leads.
        host: String,
    },
    /// A port that TikTok does not serve.
    #[error("\"{seen}\" names port {port}; TikTok's links name none")]
    Port {
        /// The text.
        seen: String,
        /// The port.
        port: u16,
    },
    /// A host that resembles TikTok's, or hides its letters in punycode.
    #[error("\"{seen}\" leads to {host}, which resembles a host of TikTok's links and is none. {SUPPORTED}")]
    LookAlike {
        /// The text.
        seen: String,
        /// The host.
        host: String,
    },
    /// A link of another platform.
    #[error("\"{seen}\" is a link of {}, which has no connector. {SUPPORTED}", platform.name())]
    OtherPlatform {
        /// The text.
        seen: String,
        /// Which.
        platform: Platform,
    },
    /// A host that is nobody we know.
    #[error("\"{seen}\" leads to {host}, not to TikTok. {SUPPORTED}")]
    OtherHost {
        /// The text.
        seen: String,
        /// The host.
        host: String,
    },
    /// A form that names something, without its id or name.
    #[error("\"{seen}\" has the form of a {what} link but names no {what}: expected {expected}")]
    Incomplete {
        /// The text.
        seen: String,
        /// `video`, `sound`, …
        what: &'static str,
        /// What should stand there.
        expected: &'static str,
    },
    /// An id of 0.
    #[error("\"{seen}\" names the id 0, which is nobody's")]
    ZeroId {
        /// The text.
        seen: String,
    },
    /// An id that no 64 bits with sign can hold.
    #[error("\"{seen}\" names an id that does not fit into 64 bits with sign; TikTok's ids have up to 19 digits")]
    IdOutOfRange {
        /// The text.
        seen: String,
    },
    /// Characters that no handle has.
    #[error("\"{seen}\" is no handle: letters, digits, _ and . are expected")]
    BadHandle {
        /// The text after the `@`.
        seen: String,
    },
    /// TikTok, but no form that is known.
    #[error("\"{seen}\" leads to TikTok, but has no known form. {SUPPORTED}")]
    UnknownForm {
        /// The text.
        seen: String,
    },
}

impl LinkError {
    /// What was seen, without what is supported: for places where many errors stand side by side.
    pub fn brief(&self) -> String {
        let text = self.to_string();
        text.strip_suffix(SUPPORTED).unwrap_or(&text).trim_end_matches(". ").to_owned()
    }

    /// Whether the address leads to TikTok all the same.
    pub fn on_tiktok(&self) -> bool {
        matches!(
            self,
            Self::Incomplete { .. }
                | Self::ZeroId { .. }
                | Self::IdOutOfRange { .. }
                | Self::BadHandle { .. }
                | Self::UnknownForm { .. }
        )
    }
}

/// A text cut to what an error quotes, without control characters.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted: String = text.chars().take(QUOTED).flat_map(|c| c.escape_debug()).collect();
    if text.chars().nth(QUOTED).is_some() {
        quoted.push('…');
    }
    quoted
}
