//! Adaptive polling: under a budget of requests, each video is polled again when that tells most about its curve.
//!
//! A [`Planner`] is told which videos to [`track`](Planner::track) and what was [seen](Planner::observe) or
//! [missing](Planner::missing), and says what to ask for [next](Planner::next). It reads no clock and does no I/O.
//! What it is worth is measured in `docs/adaptive-polling.md`.
//!
//! # What a poll gains
//!
//! Whoever reads the lake joins the observations of a video by lines in f = log(1 + views). The error E(h) that h hours
//! between two polls leave is the area between the curve and its chord. A video that is polled every h hours costs, with
//! a price λ per poll, (E(h) + λ) / h per hour; that is least where
//!
//! ```text
//! h E'(h) - E(h) = λ
//! ```
//!
//! The left side is the *gain* of a poll after h hours, in log units times hours. With one price for all videos the sum
//! of errors is least for the number of polls that the price admits, so that the whole policy is: poll what gains more
//! than λ, and let λ be what the budget pays for. (Such an index per item, compared with a common price, is Whittle's;
//! for crawlers of ageing content see Avrachenkov and Borkar, "Whittle Index Policy for Crawling Ephemeral Content",
//! arXiv 1503.08558. Their reward is another one; the formulas here are derived for ours.)
//!
//! After an observation at age a, log views are expected to go on as b · ln(x / a), x being the age: views grow like a
//! power of age. The chord's error over h hours is then, with r = 1 + h / a,
//!
//! ```text
//! E(h) = b a ( (r + 1)/2 · ln r - (r - 1) )        ≈ b h³ / (12 a²)
//! gain = b a ( (r - 1/r)/2 - ln r ) = b a ( sinh(ln r) - ln r )
//! ```
//!
//! The slope b falls with age: as it is at the geometric middle of a and a + h, and times (1 + δ) for b ~ x^-δ, since
//! f'' = -(1 + δ) b / x². (Against the exact integral for δ = 1 this is 15 to 40 % too high, 5 to 12 % in h.)
//!
//! * **Age.** Before its first poll a video has a = one minute (about one view) and b = 1 (views in proportion to age).
//! * **Growth.** b = m(video) · β(age) · (v + ½)/(v + 1). β is the mean slope at that age, learned from all videos in
//!   octaves of age; m is the video's own growth over what β expected of the same intervals, each interval counting
//!   half of the next, shrunk towards 1: m = (grown + k) / (expected + k), k = 0.05. The last factor turns log v into
//!   log(1 + v).
//! * **New waves.** b > 1 is growth faster than in proportion to age: such a video is treated as one of age a / b with
//!   b = 1, which has the same growth per hour.
//! * **Surprise.** Growth that nothing announces, ρ log units per hour at an instant within the interval that all are
//!   equally likely, adds E(h) = ρ h² / 3, so ρ h² / 3 to the gain. It bounds the interval of videos that seem dead.
//! * **Source.** Nothing is asked for before the source can have anything new: [`RevisitConfig::delay_s`],
//!   [`RevisitConfig::refresh_s`].
//! * **Floor.** Videos younger than 48 h are polled at least every 12 h, whatever they gain, before all others; where
//!   more floors fall before an instant than the calls until then can serve, some are served early. If the budget is too
//!   small for that, [`RevisitSnapshot::starving`] says so.
//! * **Leaving.** A video that is missing from three answers in a row (after 0, 4 and 16 hours) leaves; others stay for as
//!   long as [`RevisitConfig::retire_age_s`] says.
//!
//! Each video's turn (the instant at which its gain reaches λ) is computed when it is observed, and kept in an ordered
//! set. λ follows the gains of the polls that were made. A turn goes wrong when λ moves meanwhile, but little: turns go
//! with the third root of λ; and with every call some turns are set anew. The first turns of each era of publication are
//! compared by what they gain half-way to the next call, and a request is filled from the span of publication whose best
//! gains add up to most.
//!
//! # How collect uses it
//!
//! A task of kind `track` ([`research::track`](crate::research::track)) has its share of the daily quota. A cycle of it is
//! one request of [`Planner::next`]; the videos of the answer are observed, the others of the batch are missing, and
//! `not_before` spreads the share evenly over the day. Up to a few thousand listed videos, the [`PlannerState`] is in the
//! task's cursor. The videos that other tasks find come from a [`CountFeed`] over the lake: the planner, some 190 bytes a
//! video, is made from it when the task starts, and the cursor holds a few kilobytes whatever the number of videos.

mod batch;
mod config;
mod feed;
mod floors;
mod outlook;
mod pick;
mod planner;
mod prior;
mod queue;
#[cfg(test)]
mod tests;
mod video;

pub use config::{RevisitConfig, RevisitConfigError};
pub use feed::{Count, CountFeed, Wanted};
pub use pick::Pace;
pub use planner::{Planner, PlannerState, RevisitSnapshot};
