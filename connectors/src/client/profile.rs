//! Profiles: which routes may be taken at all. TikTok's terms decide (DESIGN, "Allowed routes"; tiktok-peers §4, §7).

use super::fault::{Class, ClientFault};
use serde::{Deserialize, Serialize};

/// A way to get data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Route {
    /// The Research API.
    ResearchApi,
    /// The Display API, for accounts whose owners agreed.
    DisplayApi,
    /// oEmbed: what TikTok publishes for embedding a link.
    Oembed,
    /// Following a short link to what it points at, without reading the page.
    ShortLink,
    /// Files: archives, exports.
    Import,
    /// YouTube's Data API.
    Youtube,
    /// Facebook's Graph API, for pages whose owners agreed.
    Facebook,
    /// Public pages over HTTP.
    Web,
    /// Public pages in a browser.
    Browser,
}

impl Route {
    /// Every route, in the order in which they are tried: official first.
    pub const ALL: [Self; 9] = [
        Self::ResearchApi,
        Self::DisplayApi,
        Self::Oembed,
        Self::ShortLink,
        Self::Import,
        Self::Youtube,
        Self::Facebook,
        Self::Web,
        Self::Browser,
    ];

    /// As in configuration, provenance and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::ResearchApi => "research-api",
            Self::DisplayApi => "display-api",
            Self::Oembed => "oembed",
            Self::ShortLink => "short-link",
            Self::Import => "import",
            Self::Youtube => "youtube",
            Self::Facebook => "facebook",
            Self::Web => "web",
            Self::Browser => "browser",
        }
    }

    /// The route of a connector of this name.
    pub fn of_connector(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|route| route.name() == name)
    }

    /// The platform it leads to. No route stands in for one of another platform.
    pub fn platform(self) -> &'static str {
        match self {
            Self::Youtube => "youtube",
            Self::Facebook => "facebook",
            _ => crate::reading::PLATFORM,
        }
    }

    /// Reads public pages: obeys robots.txt, and needs an acknowledgement.
    pub fn is_web(self) -> bool {
        matches!(self, Self::Web | Self::Browser)
    }
}

impl std::fmt::Display for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// What tidelake is run for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// An approved research project. Its data may not be mixed with scraped data (tiktok-peers §4.1).
    Research,
    /// Accounts of one's own, or whose owners agreed.
    Creator,
    /// Links that people submit.
    LinkOnly,
    /// Archives that people donate.
    Donation,
    /// Public pages, with TikTok's approval.
    Web,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 5] = [Self::Research, Self::Creator, Self::LinkOnly, Self::Donation, Self::Web];

    /// As in configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Research => "research",
            Self::Creator => "creator",
            Self::LinkOnly => "link-only",
            Self::Donation => "donation",
            Self::Web => "web",
        }
    }

    /// The routes that this profile lists, in the order in which they are tried. TikTok's terms say nothing of other
    /// platforms' official APIs, so that these are left out only where the profile means to ask nobody: link-only and
    /// donation.
    fn listed(self) -> &'static [Route] {
        match self {
            Self::Research => {
                &[Route::ResearchApi, Route::Oembed, Route::ShortLink, Route::Import, Route::Youtube, Route::Facebook]
            }
            Self::Creator => {
                &[Route::DisplayApi, Route::Oembed, Route::ShortLink, Route::Import, Route::Youtube, Route::Facebook]
            }
            Self::LinkOnly => &[Route::Oembed, Route::ShortLink],
            Self::Donation => &[Route::Import],
            Self::Web => &[
                Route::Oembed,
                Route::ShortLink,
                Route::Import,
                Route::Youtube,
                Route::Facebook,
                Route::Web,
                Route::Browser,
            ],
        }
    }

    /// The routes that may be taken, in the order in which they are tried.
    pub fn routes(self, acknowledged: Option<&Acknowledgement>) -> Vec<Route> {
        let routes = self.listed().iter().copied();
        routes.filter(|route| self.grant(*route, acknowledged).is_ok()).collect()
    }

    /// Leave to take a route.
    ///
    /// # Errors
    /// Why not, and what would help.
    pub fn grant(self, route: Route, acknowledged: Option<&Acknowledgement>) -> Result<Grant, NotAllowed> {
        if self == Self::Research && route.is_web() {
            return Err(NotAllowed::Research(route));
        }
        if !self.listed().contains(&route) {
            return Err(NotAllowed::Route(route, self));
        }
        if route.is_web() && acknowledged.is_none_or(|words| words.approval.trim().is_empty()) {
            return Err(NotAllowed::Unacknowledged(route));
        }
        Ok(Grant(route))
    }
}

impl std::fmt::Display for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The operator's word that public pages may be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acknowledgement {
    /// Who approved it, when and for what; kept with the data.
    pub approval: String,
}

/// Leave to take a route. Only a [`Profile`] gives it, so that no client exists for a route that is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant(Route);

impl Grant {
    /// The route.
    pub fn route(self) -> Route {
        self.0
    }
}

/// Why a route may not be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAllowed {
    /// Research and public pages do not go together.
    #[error(
        "the route `{0}` is refused in profile `research`, whatever is acknowledged: data of an approved project must \
         not be mixed with data read from public pages. Use `research-api`, `oembed` or `import`"
    )]
    Research(Route),
    /// The profile does not list it.
    #[error(
        "the route `{0}` is not in profile `{1}`, which allows {list}. Choose one of these, or another profile",
        list = names(*.1)
    )]
    Route(Route, Profile),
    /// Nobody said that it may be taken.
    #[error(
        "the route `{0}` reads public pages, which TikTok's terms forbid without written approval. If there is one, \
         name it in `acknowledgement.approval`; if not, use `oembed` or `import`"
    )]
    Unacknowledged(Route),
}

impl NotAllowed {
    /// The same as the fault of an operation.
    pub fn fault(self, operation: &str) -> ClientFault {
        let (Self::Research(route) | Self::Route(route, _) | Self::Unacknowledged(route)) = self;
        ClientFault::new(Class::Policy, route, operation, String::new(), &self.to_string())
    }
}

fn names(profile: Profile) -> String {
    let names: Vec<_> = profile.listed().iter().map(|route| format!("`{route}`")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn approved() -> Acknowledgement {
        Acknowledgement { approval: "TikTok, 2026-10-01, letter 17".into() }
    }

    #[test]
    fn what_each_profile_allows() {
        let routes = |profile: Profile, words: Option<&Acknowledgement>| {
            let names: Vec<_> = profile.routes(words).iter().map(|route| route.name()).collect();
            names.join(" ")
        };
        let words = Some(&approved()).cloned();
        for (profile, without, with) in [
            (Profile::Research, "research-api oembed short-link import youtube facebook", ""),
            (Profile::Creator, "display-api oembed short-link import youtube facebook", ""),
            (Profile::LinkOnly, "oembed short-link", ""),
            (Profile::Donation, "import", ""),
            (Profile::Web, "oembed short-link import youtube facebook", " web browser"),
        ] {
            assert_eq!(routes(profile, None), without, "{profile}");
            assert_eq!(routes(profile, words.as_ref()), format!("{without}{with}"), "{profile}");
        }
    }

    #[test]
    fn refusals_say_what_would_help() {
        let say = |profile: Profile, route, words: Option<&Acknowledgement>| match profile.grant(route, words) {
            Ok(grant) => panic!("{grant:?}"),
            Err(error) => error.to_string(),
        };
        for route in [Route::Web, Route::Browser] {
            let text = say(Profile::Research, route, Some(&approved()));
            assert!(text.contains("whatever is acknowledged") && text.contains(route.name()), "{text}");
            assert!(say(Profile::Web, route, None).contains("acknowledgement.approval"));
            let empty = Acknowledgement { approval: "  ".into() };
            assert!(say(Profile::Web, route, Some(&empty)).contains("written approval"));
        }
        let text = say(Profile::LinkOnly, Route::ResearchApi, None);
        assert!(text.contains("allows `oembed`, `short-link`"), "{text}");
        let fault = NotAllowed::Unacknowledged(Route::Web).fault("web video");
        assert_eq!((fault.class, fault.context.route), (Class::Policy, Route::Web));
    }

    #[test]
    fn names_are_those_of_the_configuration() {
        for route in Route::ALL {
            assert_eq!(serde_json::to_value(route).expect("JSON"), route.name());
        }
        for profile in Profile::ALL {
            assert_eq!(serde_json::to_value(profile).expect("JSON"), profile.name());
        }
        // Official routes are always tried before public pages.
        for profile in Profile::ALL {
            assert!(profile.routes(Some(&approved())).is_sorted(), "{profile}");
        }
    }
}
