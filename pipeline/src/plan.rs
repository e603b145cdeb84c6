//! What a user wants collected, in the words of a connector: a hashtag becomes a query, links become a list.

use clap::ValueEnum;
use serde_json::{Value, json};
use tidelake_connectors::{display, oembed, research};

/// What can be declared without writing a connector's own settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Videos of accounts, by handle.
    Creator,
    /// Videos with a hashtag.
    Hashtag,
    /// Videos whose text has a keyword.
    Keyword,
    /// Videos that use a sound, by id.
    Sound,
    /// Videos by link, short links too.
    Links,
    /// Comments of videos, by video id.
    Comments,
    /// Videos of an account that is logged in (`tidelake login`).
    Own,
    /// Which stored ones are gone: video or comment, from the Research API.
    Compliance,
}

/// Bounds of what is asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bounds {
    /// Two-letter codes; none means everywhere.
    pub regions: Vec<String>,
    /// First UTC day, `YYYYMMDD`.
    pub from: Option<String>,
    /// Last UTC day, inclusive.
    pub to: Option<String>,
    /// Days before the last one that every cycle asks for again.
    pub trailing_days: Option<u32>,
    /// Records per cycle at most.
    pub limit: Option<u64>,
}

/// The connector that does it, and its settings.
pub(crate) fn plan(kind: Kind, values: &[String], bounds: &Bounds) -> Result<(&'static str, Value), String> {
    let search = |field: &str| Ok((research::CONNECTOR, videos(field, values, bounds)));
    if kind != Kind::Keyword {
        refuse_bounds(kind, bounds)?;
    }
    match kind {
        Kind::Creator => search("username"),
        Kind::Hashtag => search("hashtag_name"),
        Kind::Keyword => search("keyword"),
        Kind::Sound => search("music_id"),
        Kind::Links => Ok((oembed::CONNECTOR, json!({ "kind": "links", "links": values }))),
        Kind::Comments => {
            Ok((research::CONNECTOR, limited(json!({ "kind": "comments", "video_ids": values }), bounds)))
        }
        Kind::Own => match values {
            [account] => Ok((display::CONNECTOR, json!({ "kind": "own_videos", "account": account }))),
            _ => Err("own takes one account, as named at login".into()),
        },
        Kind::Compliance => match values {
            [category] => Ok((research::CONNECTOR, json!({ "kind": "compliance", "category": category }))),
            _ => Err("compliance takes one of video and comment; declare another source for the other".into()),
        },
    }
}

/// Bounds that this kind cannot keep are refused rather than forgotten.
fn refuse_bounds(kind: Kind, bounds: &Bounds) -> Result<(), String> {
    let searched = matches!(kind, Kind::Creator | Kind::Hashtag | Kind::Sound);
    if searched {
        return Ok(());
    }
    let dated = bounds.from.is_some() || bounds.to.is_some() || bounds.trailing_days.is_some();
    if dated || !bounds.regions.is_empty() {
        return Err("regions and days bound searches only: creator, hashtag, keyword, sound".into());
    }
    if bounds.limit.is_some() && kind != Kind::Comments {
        return Err("this kind takes no limit".into());
    }
    Ok(())
}

fn videos(field: &str, values: &[String], bounds: &Bounds) -> Value {
    let strip = |v: &String| v.trim_start_matches(['#', '@']).to_owned();
    let values: Vec<String> = values.iter().map(strip).collect();
    let mut and = vec![condition(field, &values)];
    if !bounds.regions.is_empty() {
        let codes: Vec<String> = bounds.regions.iter().map(|r| r.to_uppercase()).collect();
        and.push(condition("region_code", &codes));
    }
    let mut spec = json!({ "kind": "videos", "query": { "and": and } });
    let days = [("start", &bounds.from), ("end", &bounds.to)];
    for (name, day) in days {
        if let Some(day) = day {
            spec[name] = json!(day.replace('-', ""));
        }
    }
    if bounds.from.is_none() || bounds.trailing_days.is_some() {
        spec["trailing_days"] = json!(bounds.trailing_days.unwrap_or(7));
    }
    limited(spec, bounds)
}

fn condition(field: &str, values: &[String]) -> Value {
    let operation = if values.len() == 1 { "EQ" } else { "IN" };
    json!({ "operation": operation, "field_name": field, "field_values": values })
}

fn limited(mut spec: Value, bounds: &Bounds) -> Value {
    if let Some(limit) = bounds.limit {
        spec["limit"] = json!(limit);
    }
    spec
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidelake_connectors::research::ResearchTask;

    fn texts(values: &[&str]) -> Vec<String> {
        values.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn searches_are_tasks_of_the_research_api() {
        let bounds = Bounds {
            regions: texts(&["us", "GB"]),
            from: Some("2026-01-01".into()),
            trailing_days: Some(3),
            limit: Some(500),
            ..Bounds::default()
        };
        for kind in [Kind::Creator, Kind::Hashtag, Kind::Keyword, Kind::Sound] {
            let (connector, spec) = plan(kind, &texts(&["#7012345678901234567"]), &bounds).expect("a plan");
            assert_eq!(connector, research::CONNECTOR);
            assert_eq!(spec["query"]["and"][1]["field_values"], json!(["US", "GB"]));
            serde_json::from_value::<ResearchTask>(spec).expect("a task");
        }
    }

    #[test]
    fn without_days_the_last_week_is_asked_for() {
        let (_, spec) = plan(Kind::Hashtag, &texts(&["skincare", "makeup"]), &Bounds::default()).expect("a plan");
        assert_eq!(spec["trailing_days"], 7);
        assert_eq!(spec["query"]["and"][0]["operation"], "IN");
    }

    #[test]
    fn what_is_stored_is_refreshed_by_category() {
        for category in ["video", "comment"] {
            let (connector, spec) = plan(Kind::Compliance, &texts(&[category]), &Bounds::default()).expect("a plan");
            assert!(crate::refresh::is_refresh(connector, &spec), "{category}");
        }
        assert!(plan(Kind::Compliance, &texts(&["video", "comment"]), &Bounds::default()).is_err());
    }

    #[test]
    fn bounds_that_cannot_be_kept_are_refused() {
        let bounds = Bounds { regions: texts(&["US"]), ..Bounds::default() };
        assert!(plan(Kind::Links, &texts(&["https://vm.tiktok.com/x"]), &bounds).is_err());
        assert!(plan(Kind::Own, &texts(&["a", "b"]), &Bounds::default()).is_err());
    }
}
