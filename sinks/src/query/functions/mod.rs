//! Functions that SQL over the lake has beside DataFusion's own: [`FUNCTIONS`].
//!
//! None of them reads a clock or draws a number that the query does not determine: the same rows give the same answer.

mod bootstrap;
mod bounded;
mod ids;
mod local;
mod scalar;
mod tables;
mod text;
mod value_at;

use datafusion::error::Result;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF};
use datafusion::prelude::SessionContext;
use serde::Serialize;

/// What a function is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FunctionKind {
    /// A value from values of one row.
    Scalar,
    /// A value from many rows.
    Aggregate,
    /// Rows, in FROM.
    Table,
}

impl std::fmt::Display for FunctionKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Scalar => "scalar",
            Self::Aggregate => "aggregate",
            Self::Table => "table",
        })
    }
}

/// A function, for listings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FunctionInfo {
    /// The name.
    pub name: &'static str,
    /// What it is.
    pub kind: FunctionKind,
    /// How it is called.
    pub syntax: &'static str,
    /// What it returns.
    pub about: &'static str,
}

const fn scalar(name: &'static str, syntax: &'static str, about: &'static str) -> FunctionInfo {
    FunctionInfo { name, kind: FunctionKind::Scalar, syntax, about }
}

const ID_TO_TIME: FunctionInfo = scalar(
    "id_to_time",
    "id_to_time(id)",
    "When the TikTok video, comment, sound or account with this id was made, to the second: a lower bound of when it was \
     published. Null for ids that carry no time",
);
const TIME_TO_ID: FunctionInfo = scalar(
    "time_to_id",
    "time_to_id(timestamp)",
    "The lowest TikTok id of this second: filters on ids instead of times use the files' statistics",
);
const VIDEO_URL: FunctionInfo =
    scalar("video_url", "video_url(handle, id)", "The address of a TikTok video. Null without a handle");
const URL_TO_ID: FunctionInfo = scalar(
    "url_to_id",
    "url_to_id(url)",
    "The id in the address of a TikTok video or photo post, of any canonical form (also embeds, shares and the mobile \
     site). Null for short links, which only TikTok can resolve, and for everything else",
);
const TO_LOCAL: FunctionInfo = scalar(
    "to_local",
    "to_local(timestamp, region)",
    "The wall clock in the region's main time zone at this instant, summer time included. Null for regions without one",
);
const FOLD: FunctionInfo =
    scalar("fold", "fold(text)", "The text as tags are compared: Unicode's compatibility form (NFKC), lower case");
const ENGAGEMENT_RATE: FunctionInfo = scalar(
    "engagement_rate",
    "engagement_rate(likes, comments, shares, views)",
    "(likes + comments + shares) / views. Null when one of them is unknown or views are 0",
);
const VALUE_AT: FunctionInfo = scalar(
    "value_at",
    "value_at(times, values, timestamp)",
    "Of values at times, in any order, the one at the newest time not after the timestamp; without one, that at the earliest \
     time within 7 days after it. Of several at one time the largest. Null where there is none",
);
const BOOTSTRAP_INTERVAL: FunctionInfo = FunctionInfo {
    name: "bootstrap_interval",
    kind: FunctionKind::Aggregate,
    syntax: "bootstrap_interval(x, level, seed)",
    about: "The bootstrap interval of the median of x, a struct of low and high: the percentiles of 2,000 medians, drawn by \
            ChaCha8 from the seed. The order of the rows does not matter; nulls are left out",
};
const STATS_AT: FunctionInfo = FunctionInfo {
    name: "stats_at",
    kind: FunctionKind::Table,
    syntax: "stats_at(INTERVAL '48 hours')",
    about: "A video's counts at an age: the last observation not after it, if it is not before half of it. Videos without one \
            are absent: nothing is extrapolated",
};
const CREATOR_BASELINE: FunctionInfo = FunctionInfo {
    name: "creator_baseline",
    kind: FunctionKind::Table,
    syntax: "creator_baseline([INTERVAL '30 days' [, now]])",
    about: "What is usual for a creator: videos of the last days (30) before an instant (the current one), their median views \
            at 72 hours and 7 days of age, and their median engagement rate at 72 hours",
};

/// Every function, by name.
pub const FUNCTIONS: [FunctionInfo; 11] = [
    BOOTSTRAP_INTERVAL,
    CREATOR_BASELINE,
    ENGAGEMENT_RATE,
    FOLD,
    ID_TO_TIME,
    STATS_AT,
    TIME_TO_ID,
    TO_LOCAL,
    URL_TO_ID,
    VALUE_AT,
    VIDEO_URL,
];

/// The functions of values of one row, and those of DataFusion's that are bounded here.
pub fn scalar_functions() -> Vec<ScalarUDF> {
    let ours = ids::functions().into_iter().chain(text::functions()).chain([local::to_local(), value_at::function()]);
    ours.chain(bounded::functions()).collect()
}

/// The functions of many rows.
pub fn aggregate_functions() -> Vec<AggregateUDF> {
    vec![bootstrap::function()]
}

/// Registers all but the table functions.
pub fn register(session: &SessionContext) {
    scalar_functions().into_iter().for_each(|function| session.register_udf(function));
    aggregate_functions().into_iter().for_each(|function| session.register_udaf(function));
}

/// Registers the table functions that need no further view than this one, which has just been registered.
pub(super) async fn register_over(session: &SessionContext, view: &str) -> Result<()> {
    tables::register_over(session, view).await
}

#[cfg(test)]
mod tests;
