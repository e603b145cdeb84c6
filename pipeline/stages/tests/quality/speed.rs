//! How many captions a second one core does. Only release builds mean anything.

use crate::cases;
use std::time::{Duration, Instant};
use tidelake_stages::{Caption, Stages};

/// Captions a second, over captions that are all different, and the memory that the process took.
pub(crate) struct Speed {
    pub(crate) captions_per_second: f64,
    pub(crate) languages_per_second: Option<f64>,
    pub(crate) resident_mib: Option<f64>,
}

/// Over the public captions; `None` without them, or unoptimised.
pub(crate) fn measure() -> Option<Speed> {
    if cfg!(debug_assertions) {
        println!("skipped: speed is measured in release builds");
        return None;
    }
    let captions = texts(&cases::public("captions")?, "caption");
    let languages = texts(&cases::public("langid")?, "text");
    let stages = Stages::standard();
    let run = |caption: &String| _ = std::hint::black_box(stages.run(&Caption::plain(caption)));
    captions.iter().for_each(run);
    let only = Stages::new(vec![Box::new(tidelake_stages::LanguageOf)]);
    let tell = |text: &String| _ = std::hint::black_box(only.run(&Caption::plain(text)));
    Some(Speed {
        captions_per_second: rate(&captions, run),
        languages_per_second: Some(rate(&languages, tell)),
        resident_mib: resident_mib(),
    })
}

fn texts(cases: &[serde_json::Value], field: &str) -> Vec<String> {
    cases.iter().map(|case| cases::text(case, field).to_owned()).collect()
}

/// The best of several rounds: the others were disturbed.
#[allow(clippy::cast_precision_loss, reason = "a count of captions")]
fn rate(texts: &[String], mut work: impl FnMut(&String)) -> f64 {
    let round = |work: &mut dyn FnMut(&String)| {
        let (start, mut done) = (Instant::now(), 0);
        while start.elapsed() < Duration::from_millis(500) {
            texts.iter().for_each(&mut *work);
            done += texts.len();
        }
        done as f64 / start.elapsed().as_secs_f64()
    };
    (0..5).map(|_| round(&mut work)).fold(0.0, f64::max)
}

/// What the system says this process holds.
fn resident_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").trim().parse::<f64>().ok().map(|kib| kib / 1024.0)
}

/// What each stage takes, for whoever makes them faster:
/// `cargo test --release -p tidelake-stages --test quality each_stage -- --ignored --nocapture`.
#[test]
#[ignore = "prints timings"]
fn each_stage() {
    let Some(cases) = cases::public("captions") else { return };
    let captions = texts(&cases, "caption");
    let stages = Stages::standard();
    let findings: Vec<_> = captions.iter().map(|text| stages.run(&Caption::plain(text)).findings).collect();
    for stage in stages.iter() {
        let start = Instant::now();
        for (text, found) in captions.iter().zip(&findings) {
            stage.apply(&Caption::plain(text), &mut found.clone());
        }
        let copied = Instant::now();
        findings.iter().for_each(|found| drop(std::hint::black_box(found.clone())));
        let took = (copied - start).saturating_sub(copied.elapsed());
        println!("{:16} {:?} a caption", stage.name(), took / u32::try_from(captions.len()).unwrap_or(1));
    }
}
