//! Scores and how they are counted.

use serde_json::Value;
use std::fmt;

/// A figure of the page.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) goal: &'static str,
    pub(crate) anchor: &'static str,
    /// File of our own cases, and the least that is accepted there.
    pub(crate) own: Option<(&'static str, f64)>,
    /// The same of a public suite.
    pub(crate) suite: Option<(&'static str, f64)>,
    pub(crate) of: fn(&[Value]) -> Score,
}

/// How good, over how many cases, and what was missed.
#[derive(Debug, Default)]
pub(crate) struct Score {
    pub(crate) value: f64,
    pub(crate) cases: usize,
    pub(crate) missed: Vec<String>,
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} over {} cases", self.value, self.cases)
    }
}

#[allow(clippy::cast_precision_loss, reason = "counts of cases")]
fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

/// The share of cases that are right. `check` says what is wrong with one; `None` leaves the case out.
pub(crate) fn share<'a>(cases: &'a [Value], check: impl Fn(&'a Value) -> Option<Result<(), String>>) -> Score {
    let checked: Vec<_> = cases.iter().filter_map(check).collect();
    let missed: Vec<String> = checked.iter().filter_map(|outcome| outcome.clone().err()).collect();
    Score { value: ratio(checked.len() - missed.len(), checked.len()), cases: checked.len(), missed }
}

/// Micro-averaged F1 of lists: each case gives what was found and what was wanted.
pub(crate) fn f1<'a>(cases: &'a [Value], lists: impl Fn(&'a Value) -> Option<(Vec<String>, Vec<String>)>) -> Score {
    let (mut hits, mut found_all, mut wanted_all) = (0, 0, 0);
    let mut score = Score::default();
    for case in cases {
        let Some((found, wanted)) = lists(case) else { continue };
        let mut left = wanted.clone();
        for one in &found {
            if let Some(at) = left.iter().position(|other| other == one) {
                left.swap_remove(at);
                hits += 1;
            }
        }
        if found != wanted {
            score.missed.push(format!("{}: found {found:?}, wanted {wanted:?}", case["text"]));
        }
        (found_all, wanted_all) = (found_all + found.len(), wanted_all + wanted.len());
        score.cases += 1;
    }
    score.value = ratio(2 * hits, found_all + wanted_all);
    score
}

/// Pearson's r of pairs.
#[allow(clippy::cast_precision_loss, reason = "counts of cases")]
pub(crate) fn correlation(pairs: &[(f64, f64)]) -> f64 {
    let n = pairs.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / n;
    let (mx, my) = (mean(|p| p.0), mean(|p| p.1));
    let sum = |of: &dyn Fn(f64, f64) -> f64| pairs.iter().map(|(x, y)| of(x - mx, y - my)).sum::<f64>();
    sum(&|x, y| x * y) / (sum(&|x, _| x * x) * sum(&|_, y| y * y)).sqrt()
}
