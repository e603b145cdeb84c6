//! The Research API (tiktok-surfaces §3.2, §1).

use super::bench::{Seen, poll, sandbox};
use super::page::Section;
use super::row::{Case, Row};
use serde_json::{Value, json};
use tidelake_connectors::StopReason::{self, Auth, Fault, Quota};
use tidelake_connectors::client::{Class, Route};
use tidelake_connectors::research::{ResearchConfig, ResearchSource, ResearchTask};
use tidelake_sandbox::Endpoint::{self, CommentList, Token, UserInfo, VideoQuery};
use tidelake_sandbox::{FaultKind, FaultRule, Sandbox};

struct Bench {
    bases: Vec<String>,
    rows: Vec<Row>,
}

fn case(fault: &'static str, answer: &'static str) -> Case {
    Case { route: Route::ResearchApi, fault, answer }
}

fn next(kind: FaultKind, n: u64, endpoint: Endpoint) -> FaultRule {
    FaultRule::next(kind, n).at(endpoint)
}

fn source(base: &str, task: &Value) -> ResearchSource {
    let patience = json!({
        "stale_attempts": 3, "stale_delay": "1ms", "stale_restarts": 2, "server_attempts": 3, "server_delay": "1ms",
        "server_delay_max": "1ms", "request_timeout": "5s",
    });
    let config = json!({"base_url": base, "client_key": "key", "client_secret": "hush", "per_second": 1e6, "patience": patience});
    let config: ResearchConfig = serde_json::from_value(config).expect("a configuration");
    ResearchSource::new(config, ResearchTask::from_value(task).expect("a task")).expect("a source")
}

/// Videos of the last days but one.
fn videos(sandbox: &Sandbox) -> Value {
    let day = |ago: i64| (sandbox.world().end() - chrono::TimeDelta::days(ago)).format("%Y%m%d").to_string();
    let every = json!({"operation": "IN", "field_name": "region_code", "field_values": ["US", "GB", "DE", "BR", "ID"]});
    json!({"kind": "videos", "query": {"and": [every]}, "start": day(27), "end": day(3), "limit": 350})
}

impl Bench {
    async fn meet(&mut self, rule: FaultRule) -> Seen {
        self.meet_with(rule, videos).await
    }

    async fn meet_with(&mut self, rule: FaultRule, task: impl Fn(&Sandbox) -> Value) -> Seen {
        let sandbox = sandbox([rule]).await;
        self.bases.push(sandbox.base_url());
        let task = task(&sandbox);
        let seen = poll(&source(&sandbox.base_url(), &task), sandbox.clock().now().into()).await;
        assert!(!sandbox.stats().faults.is_empty(), "the fault struck: {seen:?}");
        seen
    }

    async fn passes(&mut self, case: Case, rule: FaultRule, class: Class, part: &str) {
        let seen = self.meet(rule).await;
        self.rows.push(case.passes(&seen, class, part));
    }

    async fn stops(&mut self, case: Case, rule: FaultRule, class: Class, reason: StopReason, part: &str) {
        let seen = self.meet(rule).await;
        self.rows.push(match seen.fault {
            Some(_) => case.stops(&seen, (class, reason, part)),
            None => case.pauses(&seen, (class, reason, part)),
        });
    }

    async fn rejects(&mut self, case: Case, kind: FaultKind, reason: &str) {
        let seen = self.meet(next(kind, 1, VideoQuery)).await;
        self.rows.push(case.rejects(&seen, reason));
    }

    async fn understands(&mut self, case: Case, kind: FaultKind, does: &str) {
        let seen = self.meet(next(kind, 1, VideoQuery)).await;
        self.rows.push(case.understands(&seen, does));
    }
}

pub(crate) async fn section() -> Section {
    use FaultKind::{
        ApiRefused, CursorRefused, DailyQuota, EmptyPage, GatewayTimeout, HugeId, InternalError, LoneSurrogate,
        MissingId, NulInUsername, NullStats, OauthRefused, RateLimit, SearchIdRefused, ShortPage, TokenExpired,
        TruncatedBody,
    };
    let mut bench = Bench { bases: Vec::new(), rows: Vec::new() };
    let b = &mut bench;
    let answer = "400 `invalid_params`: Search Id … is invalid or expired, for a good one";
    b.passes(
        case("search id refused (§3.2)", answer),
        next(SearchIdRefused, 1, VideoQuery),
        Class::Server,
        "Search Id",
    )
    .await;
    let answer = "400 `invalid_params`: Invalid count or cursor, for a good one";
    b.passes(
        case("cursor refused (§3.2)", answer),
        next(CursorRefused, 1, VideoQuery),
        Class::Server,
        "count or cursor",
    )
    .await;
    b.passes(
        case("server error (§3.2)", "500 `internal_error`, once"),
        next(InternalError, 1, VideoQuery),
        Class::Server,
        "internal_error",
    )
    .await;
    b.stops(
        case("burst of server errors (§3.2)", "500 `internal_error`, on and on"),
        next(InternalError, 99, VideoQuery),
        Class::Server,
        Fault,
        "internal_error",
    )
    .await;
    let halved = b.meet(next(GatewayTimeout, 1, VideoQuery)).await;
    let row = case("gateway time-out (§3.2)", "504 on a broad query").passes(&halved, Class::Timeout, "halved");
    b.rows.push(Row { does: "Asks again for half of the days, then for the other half.".into(), ..row });
    b.stops(
        case("rate limit (§1)", "429 `rate_limit_exceeded`"),
        next(RateLimit, 99, VideoQuery),
        Class::RateLimited,
        Quota,
        "rate_limit_exceeded",
    )
    .await;
    b.stops(
        case("daily quota (§3.2)", "429 `daily_quota_limit_exceeded`"),
        next(DailyQuota, 99, VideoQuery),
        Class::Quota,
        Quota,
        "",
    )
    .await;
    b.passes(
        case("token expired (§3.2)", "401 `access_token_invalid`, in the middle"),
        next(TokenExpired, 1, VideoQuery),
        Class::AuthExpired,
        "access_token_invalid",
    )
    .await;
    b.stops(
        case("credentials refused (§2)", "token endpoint: 200 `invalid_client`, flat"),
        next(OauthRefused, 99, Token),
        Class::AuthExpired,
        Auth,
        "client_secret",
    )
    .await;
    let scope = next(ApiRefused, 99, VideoQuery).saying(401, "scope_not_authorized");
    b.stops(
        case("scope missing (§1)", "401 `scope_not_authorized`"),
        scope,
        Class::ScopeMissing,
        Auth,
        "research.data.basic",
    )
    .await;
    let request = next(ApiRefused, 99, VideoQuery).saying(400, "invalid_params");
    b.stops(
        case("request refused (§1)", "400 `invalid_params`"),
        request,
        Class::RequestInvalid,
        Fault,
        "Correct the task",
    )
    .await;
    b.passes(
        case("answer cut off", "the connection ends in the middle of the body, once"),
        next(TruncatedBody, 1, VideoQuery),
        Class::Network,
        "",
    )
    .await;
    b.understands(case("empty page (§13.3)", "no items, `has_more` true"), EmptyPage, "Goes on with the next page.")
        .await;
    b.understands(
        case("short page (§13.3)", "half of the items, `has_more` true"),
        ShortPage,
        "Goes on with the next page.",
    )
    .await;
    b.understands(
        case("unknown counts", "null where numbers should be"),
        NullStats,
        "Takes them as unknown (null), never as 0.",
    )
    .await;
    b.understands(
        case("U+0000 in a handle (§3.2)", "a username with a NUL"),
        NulInUsername,
        "Takes the handle without it.",
    )
    .await;
    b.understands(
        case("half a surrogate pair (§13.8)", "`\\ud83d` alone in a caption"),
        LoneSurrogate,
        "Reads the answer with U+FFFD in its place.",
    )
    .await;
    b.rejects(case("item without id", "a video without `id`"), MissingId, "missing_id").await;
    b.rejects(case("id past 64 bits (§13.7)", "a video with an id no 64 bits hold"), HugeId, "id_out_of_range").await;
    entities(b).await;
    let about = "Requests are repeated with growing pauses within a budget, for each of them spends quota.";
    Section { name: "Research API", about, bases: bench.bases, rows: bench.rows }
}

/// What is not shown is told, and the others are taken.
async fn entities(bench: &mut Bench) {
    let nobody = |sandbox: &Sandbox| {
        let somebody = (0..500).filter_map(|n| sandbox.world().creator(n)).find(|creator| !creator.is_restricted);
        json!({"kind": "user", "usernames": ["nobody.at.all", somebody.expect("one").handle]})
    };
    let slow = FaultRule { millis: Some(1), ..next(FaultKind::SlowAnswer, 1, UserInfo) };
    let seen = bench.meet_with(slow.clone(), nobody).await;
    let answer = "400 `invalid_params`: … cannot find the user";
    bench.rows.push(case("unknown account (§3.4)", answer).accepts(&seen, Class::NotFound, "nobody.at.all"));
    let restricted = |sandbox: &Sandbox| {
        let hidden = (0..500).filter_map(|n| sandbox.world().creator(n)).find(|creator| creator.is_restricted);
        json!({"kind": "user", "usernames": [hidden.expect("one").handle]})
    };
    let seen = bench.meet_with(slow, restricted).await;
    let answer = "400: API cannot return this user's information";
    bench.rows.push(case("restricted account (§3.4)", answer).accepts(&seen, Class::Private, "cannot return"));
    let comments =
        |sandbox: &Sandbox| json!({"kind": "comments", "video_ids": [super::bench::visible(sandbox).id().to_string()]});
    let seen = bench.meet_with(next(FaultKind::InternalError, 99, CommentList), comments).await;
    let case = case("comments: server errors", "500 `internal_error`, on and on");
    bench.rows.push(case.stops(&seen, (Class::Server, Fault, "internal_error")));
}
