//! Troubles on demand.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// What can go wrong. Each is documented or reported by users of the real service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// 400 "Search Id … is invalid or expired" for a good search id.
    SearchIdRefused,
    /// 400 "Invalid count or cursor" for a good cursor above 0.
    CursorRefused,
    /// 500 `internal_error`; costs quota. Use `burst` for a row of them.
    InternalError,
    /// 504 with a body that is no JSON.
    GatewayTimeout,
    /// 429 `rate_limit_exceeded`.
    RateLimit,
    /// 429 `daily_quota_limit_exceeded` although the quota is not spent.
    DailyQuota,
    /// 401 `access_token_invalid`; the token is dead from then on.
    TokenExpired,
    /// Display API and refresh tokens: the owner has taken the consent back; every token of it is dead from then on.
    ConsentRevoked,
    /// Display API: 401 `scope_not_authorized` although the scope was granted.
    ScopeMissing,
    /// Display API: 401 `scope_permission_missed`.
    ScopePermission,
    /// The token endpoint refuses with a flat `says` (default `invalid_client`).
    OauthRefused,
    /// APIs: HTTP `code` (default 400) with the error code `says` (default `invalid_params`).
    ApiRefused,
    /// 503, as from a service that is away.
    Unavailable,
    /// A page without items while `has_more` is true. The items come with the next page.
    EmptyPage,
    /// A page with half of its items. The others come with the next page.
    ShortPage,
    /// Every third item of the page has null where numbers should be.
    NullStats,
    /// The first item's username holds U+0000.
    NulInUsername,
    /// The first item's description holds half of a surrogate pair (`\ud83d`): not valid for strict JSON parsers.
    LoneSurrogate,
    /// The page begins with one more item, which has no id.
    MissingId,
    /// Searches: `view_count` is called `play_count`.
    FieldRenamed,
    /// Searches: `like_count` is a text.
    NumberAsText,
    /// Searches: every other item of the page lacks `video_duration`.
    FieldHalved,
    /// Searches: an empty list and no more, with status 200 and code `ok`.
    SilentZero,
    /// The page begins with one more item, whose id does not fit 64 bits.
    HugeId,
    /// The answer comes after `millis` (default 2000).
    SlowAnswer,
    /// The connection is reset before any answer.
    ConnectionReset,
    /// The connection is closed in the middle of the body.
    TruncatedBody,
    /// Lists of accounts: the refusal of a list that its owner does not show.
    ListHidden,
    /// Lists of accounts: the cursor of the answer is the one that was asked for, and there is more.
    CursorStuck,
    /// Lists of accounts: the cursor of the answer is a text.
    CursorAsText,
    /// Liked and reposted videos: 400 for `favourites_count`, which the documentation spells in two ways.
    SpellingRefused,
    /// Reposted videos come under the other of the two documented names.
    OtherListName,
    /// Playlists: the first page whatever the cursor.
    CursorIgnored,
    /// The answer comes with HTTP 500, as playlists were seen to.
    AnswerWithStatus500,
    /// Batch compliance: the task has failed.
    ValidationFailed,
    /// Batch compliance: the task is still processed.
    ValidationSlow,
    /// Batch compliance: the file holds an id that was not submitted.
    ForeignIds,
    /// Website: 400 `{"message":"Something went wrong","code":400}`, as for removed and private videos.
    OembedRefused,
    /// Website: 404 with JSON, which some users report for the same and for removed profiles.
    NotFound,
    /// Website: 403 from the edge.
    Forbidden,
    /// Website and the file of batch compliance: 200 and the firewall's "Please wait…" page instead of an answer.
    HtmlPage,
    /// Website and the file of batch compliance: 200 and not one byte.
    EmptyBody,
    /// Website: a redirect to the login page.
    LoginRedirect,
    /// Website: a short link leads to the home page, as dead ones do.
    ShortExpired,
    /// Website: a short link leads to itself.
    ShortLoop,
    /// Website: 200 and a page in front of which a captcha stands.
    CaptchaPage,
    /// Website's lists: 200 and JSON that asks for a captcha.
    CaptchaJson,
    /// Website: 200 and the page for those who ask too often.
    ThrottledPage,
    /// Website's pages of videos and profiles: counts and times that only a login would show are empty.
    LoginWall,
    /// Website's pages of profiles: a dialog that asks for a login stands over the grid after its first videos, and the
    /// page's script asks for no more.
    LoginDialog,
    /// Website's pages of profiles: the page and its data are good, but a captcha stands over them.
    CaptchaOverlay,
    /// Website's pages: 200, status `code` (default 10204) and the message `says`.
    SoftStatus,
    /// Website: 200, status 0, and `{}` where the item, the profile or the list should be.
    EmptyItem,
    /// Website's lists: 200, status 0, more to come, and no list.
    MissingList,
    /// Website's lists: the first page again, whatever the cursor.
    RepeatedPage,
    /// Website's pages of videos: not shown in this region.
    RegionBlock,
    /// Website's pages of videos: only for grown-ups who are logged in.
    AgeGate,
    /// Pictures and films: half of the file, of the length that is announced.
    HalfFile,
    /// robots.txt forbids everything.
    RobotsClosed,
    /// YouTube: the first video of the list is left out, as those are that went away in between.
    VideoMissing,
    /// YouTube: 403 `commentsDisabled`.
    CommentsDisabled,
    /// Facebook: `X-App-Usage` says that nearly all of the limit is used.
    UsageHigh,
}

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// `POST /v2/oauth/token/`
    Token,
    /// `POST /v2/oauth/revoke/`
    Revoke,
    /// `/v2/auth/authorize/`: the page on which an owner agrees.
    Authorize,
    /// `GET /v2/user/info/`
    OwnInfo,
    /// `POST /v2/video/list/`
    OwnVideos,
    /// `POST /v2/video/query/`
    OwnQuery,
    /// `POST /v2/research/video/query/`
    VideoQuery,
    /// `POST /v2/research/video/comment/list/`
    CommentList,
    /// `POST /v2/research/user/info/`
    UserInfo,
    /// `POST /v2/research/user/followers/`
    Followers,
    /// `POST /v2/research/user/following/`
    Following,
    /// `POST /v2/research/user/liked_videos/`
    LikedVideos,
    /// `POST /v2/research/user/pinned_videos/`
    PinnedVideos,
    /// `POST /v2/research/user/reposted_videos/`
    RepostedVideos,
    /// `POST /v2/research/playlist/info/`
    PlaylistInfo,
    /// `POST /v2/research/validation_task/create/`
    ValidationCreate,
    /// `POST /v2/research/validation_task_status/get/`
    ValidationStatus,
    /// `POST /v2/research/validation_task/download/`
    ValidationDownload,
    /// `GET /oembed?url=…`
    Oembed,
    /// `HEAD /vm/CODE/`, `/vt/CODE/`, `/t/CODE/`
    ShortLink,
    /// Pages of videos and the addresses that redirect to them.
    VideoPage,
    /// `GET /@handle`
    UserPage,
    /// `GET /tag/name`
    TagPage,
    /// `GET /music/slug-ID`
    SoundPage,
    /// `GET /api/post/item_list/` and the lists of hashtags and sounds, which the pages' own scripts call.
    ItemList,
    /// Pictures and films under signed addresses.
    Media,
    /// The page of the login.
    Login,
    /// `GET /robots.txt`
    Robots,
    /// `GET /youtube/v3/channels`
    YoutubeChannels,
    /// `GET /youtube/v3/playlistItems`
    YoutubeUploads,
    /// `GET /youtube/v3/videos`
    YoutubeVideos,
    /// `GET /youtube/v3/search`
    YoutubeSearch,
    /// `GET /youtube/v3/commentThreads`
    YoutubeComments,
    /// `GET /graph/vX.0/PAGE` and what hangs on it.
    Graph,
}

impl Endpoint {
    /// Whether it belongs to the website, which asks for no token.
    pub(crate) fn is_website(self) -> bool {
        self.is_page() || matches!(self, Self::Oembed | Self::ShortLink | Self::Media | Self::Login | Self::Robots)
    }

    /// Whether it asks for an owner's token.
    pub(crate) fn is_display(self) -> bool {
        matches!(self, Self::OwnInfo | Self::OwnVideos | Self::OwnQuery)
    }

    /// Whether it is one of the three of batch compliance, whose bodies and answers have forms of their own.
    pub(crate) fn is_validation(self) -> bool {
        matches!(self, Self::ValidationCreate | Self::ValidationStatus | Self::ValidationDownload)
    }

    /// Whether it is one of YouTube's Data API.
    pub(crate) fn is_youtube(self) -> bool {
        matches!(
            self,
            Self::YoutubeChannels
                | Self::YoutubeUploads
                | Self::YoutubeVideos
                | Self::YoutubeSearch
                | Self::YoutubeComments
        )
    }

    /// Whether it is a page that a browser shows, or what such a page calls.
    pub(crate) fn is_page(self) -> bool {
        matches!(self, Self::VideoPage | Self::UserPage | Self::TagPage | Self::SoundPage | Self::ItemList)
    }
}

/// When one trouble happens. Without `probability`, `every` and `next` it always does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// What happens.
    pub kind: FaultKind,
    /// Only at this endpoint; default: wherever it makes sense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Endpoint>,
    /// To each request with this probability.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// To every n-th request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<u64>,
    /// To the next n requests, then never again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
    /// Once it happens, it happens this many times in a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<u64>,
    /// For [`FaultKind::SlowAnswer`]: how long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub millis: Option<u64>,
    /// For [`FaultKind::SoftStatus`] and [`FaultKind::ApiRefused`]: which status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i64>,
    /// For these and [`FaultKind::OauthRefused`]: which message or error code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub says: Option<String>,
}

impl FaultRule {
    fn new(kind: FaultKind) -> Self {
        Self {
            kind,
            endpoint: None,
            probability: None,
            every: None,
            next: None,
            burst: None,
            millis: None,
            code: None,
            says: None,
        }
    }

    /// To each request with this probability.
    pub fn with_probability(kind: FaultKind, probability: f64) -> Self {
        Self { probability: Some(probability), ..Self::new(kind) }
    }

    /// To every n-th request.
    pub fn every(kind: FaultKind, n: u64) -> Self {
        Self { every: Some(n), ..Self::new(kind) }
    }

    /// To the next n requests.
    pub fn next(kind: FaultKind, n: u64) -> Self {
        Self { next: Some(n), ..Self::new(kind) }
    }

    /// With this status and this message or error code.
    #[must_use]
    pub fn saying(mut self, code: i64, says: &str) -> Self {
        (self.code, self.says) = (Some(code), Some(says.to_owned()));
        self
    }

    /// Only at this endpoint.
    #[must_use]
    pub fn at(mut self, endpoint: Endpoint) -> Self {
        self.endpoint = Some(endpoint);
        self
    }

    fn check(&self) -> Result<(), String> {
        let ways = [self.probability.is_some(), self.every.is_some(), self.next.is_some()];
        if ways.into_iter().filter(|way| *way).count() > 1 {
            return Err(format!("{:?}: probability, every and next exclude each other", self.kind));
        }
        if self.probability.is_some_and(|p| !(0.0..=1.0).contains(&p)) {
            return Err(format!("{:?}: probability lies between 0 and 1", self.kind));
        }
        if self.every == Some(0) || self.burst == Some(0) {
            return Err(format!("{:?}: every and burst must not be 0", self.kind));
        }
        Ok(())
    }
}

/// All troubles. As TOML: `seed = 7`, then `[[fault]]` tables with the fields of [`FaultRule`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaultPlan {
    /// Decides the draws of `probability`: the same requests meet the same troubles.
    pub seed: u64,
    /// The rules. Each request asks all of them.
    #[serde(rename = "fault")]
    pub faults: Vec<FaultRule>,
}

impl FaultPlan {
    /// These rules with seed 0.
    pub fn of(faults: impl IntoIterator<Item = FaultRule>) -> Self {
        Self { seed: 0, faults: faults.into_iter().collect() }
    }

    /// Reads a faults file.
    ///
    /// # Errors
    /// When it is not TOML, or not a plan.
    pub fn from_toml(text: &str) -> Result<Self, crate::SandboxError> {
        let plan: Self = toml::from_str(text).map_err(|e| crate::SandboxError::Faults(e.to_string()))?;
        plan.check()?;
        Ok(plan)
    }

    /// Checks the numbers of all rules.
    ///
    /// # Errors
    /// With the first rule that makes no sense.
    pub fn check(&self) -> Result<(), crate::SandboxError> {
        self.faults.iter().try_for_each(FaultRule::check).map_err(crate::SandboxError::Faults)
    }
}

/// The dice of a plan.
#[derive(Debug, Default)]
pub(crate) struct FaultDice {
    seed: u64,
    rules: Vec<RuleState>,
}

#[derive(Debug)]
struct RuleState {
    rule: FaultRule,
    rng: ChaCha8Rng,
    asked: u64,
    burst_left: u64,
}

impl RuleState {
    fn new(seed: u64, position: usize, rule: FaultRule) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(crate::world::mix(seed ^ crate::world::mix(position as u64)));
        Self { rule, rng, asked: 0, burst_left: 0 }
    }

    fn roll(&mut self) -> bool {
        if self.burst_left > 0 {
            self.burst_left -= 1;
            return true;
        }
        self.asked += 1;
        let happens = match (&self.rule.probability, self.rule.every, self.rule.next) {
            (Some(probability), _, _) => self.rng.random::<f64>() < *probability,
            (_, Some(every), _) => self.asked.is_multiple_of(every),
            (_, _, Some(next)) => self.asked <= next,
            _ => true,
        };
        if happens {
            self.burst_left = self.rule.burst.map_or(0, |burst| burst - 1);
        }
        happens
    }
}

impl FaultDice {
    pub(crate) fn new(plan: &FaultPlan) -> Self {
        let mut dice = Self { seed: plan.seed, rules: Vec::new() };
        dice.add(plan);
        dice
    }

    /// Adds the rules of a plan to those that are there.
    pub(crate) fn add(&mut self, plan: &FaultPlan) {
        for rule in &plan.faults {
            self.rules.push(RuleState::new(self.seed, self.rules.len(), rule.clone()));
        }
    }

    pub(crate) fn plan(&self) -> FaultPlan {
        FaultPlan { seed: self.seed, faults: self.rules.iter().map(|state| state.rule.clone()).collect() }
    }

    /// The first rule of this kind that strikes a request to this endpoint. All rules of the kind are asked.
    pub(crate) fn strike(&mut self, kind: FaultKind, endpoint: Endpoint) -> Option<FaultRule> {
        let mut struck = None;
        for state in self.rules.iter_mut().filter(|state| state.rule.kind == kind) {
            if state.rule.endpoint.is_none_or(|only| only == endpoint) && state.roll() {
                struck.get_or_insert_with(|| state.rule.clone());
            }
        }
        struck
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strikes(rule: FaultRule, n: usize) -> Vec<bool> {
        let mut dice = FaultDice::new(&FaultPlan::of([rule.clone()]));
        (0..n).map(|_| dice.strike(rule.kind, Endpoint::VideoQuery).is_some()).collect()
    }

    #[test]
    fn rules_strike_when_they_say() {
        let kind = FaultKind::InternalError;
        assert_eq!(strikes(FaultRule::every(kind, 3), 6), [false, false, true, false, false, true]);
        assert_eq!(strikes(FaultRule::next(kind, 2), 4), [true, true, false, false]);
        let burst = FaultRule { burst: Some(2), ..FaultRule::every(kind, 2) };
        assert_eq!(strikes(burst, 6), [false, true, true, false, true, true]);
        assert_eq!(strikes(FaultRule::next(kind, 9).at(Endpoint::Token), 2), [false, false]);
        let often = strikes(FaultRule::with_probability(kind, 0.5), 400);
        assert!((150..250).contains(&often.iter().filter(|hit| **hit).count()));
        assert_eq!(often, strikes(FaultRule::with_probability(kind, 0.5), 400));
    }

    #[test]
    fn files_are_read_and_checked() {
        let text = "seed = 7\n[[fault]]\nkind = \"slow_answer\"\nevery = 5\nmillis = 10\nendpoint = \"video_query\"\n";
        let plan = FaultPlan::from_toml(text).expect("a plan");
        assert_eq!((plan.seed, plan.faults[0].millis), (7, Some(10)));
        let example = FaultPlan::from_toml(include_str!("../faults.example.toml")).expect("the example");
        assert_eq!(example.faults.len(), 4);
        assert!(FaultPlan::from_toml("[[fault]]\nkind = \"slow_answer\"\nevery = 0").is_err());
        assert!(FaultPlan::from_toml("[[fault]]\nkind = \"slow\"").is_err());
        assert!(FaultPlan::from_toml("[[fault]]\nkind = \"rate_limit\"\nevery = 2\nnext = 1").is_err());
    }
}
