//! The shapes of files that are understood.

use std::fmt;

/// A shape of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shape {
    /// One video (`itemStruct`), alone or in its detail wrapper.
    WebItem,
    /// A list of videos: `itemList`, `items`, an array.
    WebItemList,
    /// A search answer.
    WebSearch,
    /// A profile: `userInfo`.
    WebUser,
    /// A hashtag: `challengeInfo`.
    WebChallenge,
    /// A sound: `musicInfo`.
    WebMusic,
    /// Comments.
    WebComments,
    /// A refusal in place of an answer: captcha, login, removed video, empty item.
    SoftBlock,
    /// A whole HTML page.
    WebPage,
    /// The state document of a current page, alone.
    Hydration,
    /// The state document of a page of 2021–2023, alone.
    SigiState,
    /// The state document of a page up to 2021, alone.
    NextData,
    /// The state document of an embed page, alone.
    EmbedState,
    /// The oEmbed answer.
    OEmbed,
    /// Lines or records as captured by Zeeschuimer.
    Zeeschuimer,
    /// Records as written by 4CAT.
    FourCat,
    /// yt-dlp's `.info.json`.
    InfoJson,
    /// A personal archive, as JSON or text, zipped or not.
    Archive,
    /// An answer of the Research API.
    Research,
    /// An answer of the Display API: an account's own videos.
    Display,
    /// A dump with YouTube-like field names.
    ChannelExport,
}

impl Shape {
    /// Every shape.
    pub const ALL: [Self; 21] = [
        Self::WebItem,
        Self::WebItemList,
        Self::WebSearch,
        Self::WebUser,
        Self::WebChallenge,
        Self::WebMusic,
        Self::WebComments,
        Self::SoftBlock,
        Self::WebPage,
        Self::Hydration,
        Self::SigiState,
        Self::NextData,
        Self::EmbedState,
        Self::OEmbed,
        Self::Zeeschuimer,
        Self::FourCat,
        Self::InfoJson,
        Self::Archive,
        Self::Research,
        Self::Display,
        Self::ChannelExport,
    ];

    /// The name, as in the `route` of an observation's provenance.
    pub fn name(self) -> &'static str {
        match self {
            Self::WebItem => "web-item",
            Self::WebItemList => "web-item-list",
            Self::WebSearch => "web-search",
            Self::WebUser => "web-user-detail",
            Self::WebChallenge => "web-challenge-detail",
            Self::WebMusic => "web-music-detail",
            Self::WebComments => "web-comment-list",
            Self::SoftBlock => "soft-block",
            Self::WebPage => "web-page",
            Self::Hydration => "web-hydration",
            Self::SigiState => "sigi-state",
            Self::NextData => "next-data",
            Self::EmbedState => "embed-state",
            Self::OEmbed => "oembed",
            Self::Zeeschuimer => "zeeschuimer",
            Self::FourCat => "4cat",
            Self::InfoJson => "yt-dlp-info",
            Self::Archive => "personal-archive",
            Self::Research => "research-api",
            Self::Display => "display-api",
            Self::ChannelExport => "channel-export",
        }
    }

    /// What it is, for a person.
    pub fn description(self) -> &'static str {
        match self {
            Self::WebItem => "one video as the website describes it (itemStruct)",
            Self::WebItemList => "a list of videos as the website sends it (itemList, items, or an array)",
            Self::WebSearch => "a search answer of the website",
            Self::WebUser => "a profile as the website describes it (userInfo)",
            Self::WebChallenge => "a hashtag as the website describes it (challengeInfo)",
            Self::WebMusic => "a sound as the website describes it (musicInfo)",
            Self::WebComments => "comments as the website sends them",
            Self::SoftBlock => "a refusal of the website: captcha, login, removed video, empty item",
            Self::WebPage => "a saved HTML page of the website",
            Self::Hydration => "the state document of a page since 2023 (__UNIVERSAL_DATA_FOR_REHYDRATION__)",
            Self::SigiState => "the state document of a page of 2021-2023 (SIGI_STATE)",
            Self::NextData => "the state document of a page up to 2021 (__NEXT_DATA__)",
            Self::EmbedState => "the state document of an embed page (__FRONTITY_CONNECT_STATE__)",
            Self::OEmbed => "an oEmbed answer",
            Self::Zeeschuimer => "records captured by the Zeeschuimer browser extension",
            Self::FourCat => "records written by 4CAT",
            Self::InfoJson => "yt-dlp's .info.json",
            Self::Archive => "a personal archive (user_data_tiktok.json, text layout, or its ZIP)",
            Self::Research => "an answer of the Research API",
            Self::Display => "an answer of the Display API",
            Self::ChannelExport => "a dump with YouTube-like field names (videoId, channelTitle, viewCount)",
        }
    }

    /// The licence zone of what it brings.
    pub(super) fn zone(self) -> &'static str {
        match self {
            Self::OEmbed => "oembed",
            Self::Archive => "archive",
            Self::Research => "research",
            Self::Display => "display",
            Self::Zeeschuimer | Self::FourCat | Self::InfoJson | Self::ChannelExport => "import",
            _ => "web",
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
