//! What a user wants collected, in the words of a connector: a hashtag becomes a query, links become a list.

use clap::ValueEnum;
use serde_json::{Value, json};
use tidelake_connectors::{display, facebook, oembed, research, youtube};

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

/// Which platform it is on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Platform {
    /// The connector that fits the kind.
    #[default]
    Tiktok,
    /// YouTube's Data API: creator (ids or @handles), keyword, links, comments.
    Youtube,
    /// Facebook's Graph API: creator (a page's id or name), own (the token's page: `own me`).
    Facebook,
}

/// Bounds of what is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
pub(crate) fn plan(
    platform: Platform,
    kind: Kind,
    values: &[String],
    bounds: &Bounds,
) -> Result<(&'static str, Value), String> {
    match platform {
        Platform::Tiktok => tiktok(kind, values, bounds),
        Platform::Youtube => Ok((youtube::CONNECTOR, on_youtube(kind, values, bounds)?)),
        Platform::Facebook => Ok((facebook::CONNECTOR, on_facebook(kind, values, bounds)?)),
    }
}

fn on_youtube(kind: Kind, values: &[String], bounds: &Bounds) -> Result<Value, String> {
    if kind != Kind::Keyword && bounded(bounds) {
        return Err("on youtube, regions and days bound keyword only".into());
    }
    let spec = match kind {
        Kind::Creator => json!({ "kind": "channel", "channels": values.iter().map(channel).collect::<Vec<_>>() }),
        Kind::Keyword => youtube_search(values, bounds)?,
        Kind::Comments => json!({ "kind": "comments", "videos": values }),
        Kind::Links if bounds.limit.is_some() => return Err("this kind takes no limit".into()),
        Kind::Links => json!({ "kind": "videos", "videos": values }),
        Kind::Hashtag | Kind::Sound | Kind::Own | Kind::Compliance => {
            return Err("youtube takes creator, keyword, links and comments".into());
        }
    };
    Ok(limited(spec, bounds))
}

/// Handles may be written without `@`, as elsewhere.
fn channel(name: &String) -> String {
    let is_id = name.starts_with("UC") && name.len() == 24;
    if is_id || name.contains(['/', '@']) { name.clone() } else { format!("@{name}") }
}

fn youtube_search(values: &[String], bounds: &Bounds) -> Result<Value, String> {
    if bounds.trailing_days.is_some() {
        return Err("youtube's searches know no trailing days; use --from and --to".into());
    }
    if bounds.regions.len() > 1 {
        return Err("youtube searches one region at a time; declare a source for each".into());
    }
    let mut spec = json!({ "kind": "search", "query": values.join("|") });
    let bounds = [("region", bounds.regions.first()), ("from", bounds.from.as_ref()), ("to", bounds.to.as_ref())];
    for (name, value) in bounds.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        spec[name] = json!(value);
    }
    Ok(spec)
}

fn on_facebook(kind: Kind, values: &[String], bounds: &Bounds) -> Result<Value, String> {
    if bounded(bounds) {
        return Err("on facebook, there are no regions and days to bound".into());
    }
    match (kind, values) {
        (Kind::Creator, [page]) => Ok(limited(json!({ "kind": "page", "page": page.trim_start_matches('@') }), bounds)),
        (Kind::Creator, _) => Err("facebook takes one page per source; declare a source for each".into()),
        (Kind::Own, [me]) if me == "me" => Ok(limited(json!({ "kind": "page" }), bounds)),
        _ => Err("facebook takes creator with a page's id or name, and `own me` for the page of the token".into()),
    }
}

/// By regions or days.
fn bounded(bounds: &Bounds) -> bool {
    let dated = bounds.from.is_some() || bounds.to.is_some() || bounds.trailing_days.is_some();
    dated || !bounds.regions.is_empty()
}

fn tiktok(kind: Kind, values: &[String], bounds: &Bounds) -> Result<(&'static str, Value), String> {
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
    if bounded(bounds) {
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
            let (connector, spec) =
                plan(Platform::Tiktok, kind, &texts(&["#7012345678901234567"]), &bounds).expect("a plan");
            assert_eq!(connector, research::CONNECTOR);
            assert_eq!(spec["query"]["and"][1]["field_values"], json!(["US", "GB"]));
            serde_json::from_value::<ResearchTask>(spec).expect("a task");
        }
    }

    #[test]
    fn without_days_the_last_week_is_asked_for() {
        let (_, spec) =
            plan(Platform::Tiktok, Kind::Hashtag, &texts(&["skincare", "makeup"]), &Bounds::default()).expect("a plan");
        assert_eq!(spec["trailing_days"], 7);
        assert_eq!(spec["query"]["and"][0]["operation"], "IN");
    }

    #[test]
    fn what_is_stored_is_refreshed_by_category() {
        for category in ["video", "comment"] {
            let (connector, spec) =
                plan(Platform::Tiktok, Kind::Compliance, &texts(&[category]), &Bounds::default()).expect("a plan");
            assert!(crate::refresh::is_refresh(connector, &spec), "{category}");
        }
        assert!(plan(Platform::Tiktok, Kind::Compliance, &texts(&["video", "comment"]), &Bounds::default()).is_err());
    }

    #[test]
    fn other_platforms_have_words_of_their_own() {
        let youtube = |kind, values: &[&str], bounds: &Bounds| plan(Platform::Youtube, kind, &texts(values), bounds);
        let few = Bounds { limit: Some(5), ..Bounds::default() };
        let (connector, spec) =
            youtube(Kind::Creator, &["a.b", "@c", "UC_x5XG1OV2P6uZZ5FSM9Ttw"], &few).expect("a plan");
        assert_eq!((connector, &spec["limit"]), ("youtube", &json!(5)));
        assert_eq!(spec["channels"], json!(["@a.b", "@c", "UC_x5XG1OV2P6uZZ5FSM9Ttw"]));
        let dated = Bounds { from: Some("2026-01-01".into()), regions: texts(&["US"]), ..Bounds::default() };
        let (_, spec) = youtube(Kind::Keyword, &["skin care", "makeup"], &dated).expect("a plan");
        assert_eq!(spec, json!({"kind": "search", "query": "skin care|makeup", "from": "2026-01-01", "region": "US"}));
        for kind in [Kind::Links, Kind::Comments] {
            let (_, spec) = youtube(kind, &["https://youtu.be/dQw4w9WgXcQ"], &Bounds::default()).expect("a plan");
            serde_json::from_value::<tidelake_connectors::youtube::YoutubeTask>(spec).expect("a task");
        }
        assert!(youtube(Kind::Creator, &["a"], &dated).is_err_and(|why| why.contains("keyword")));
        assert!(youtube(Kind::Sound, &["7"], &Bounds::default()).is_err());
        let facebook = |kind, values: &[&str]| plan(Platform::Facebook, kind, &texts(values), &Bounds::default());
        assert_eq!(facebook(Kind::Creator, &["@page"]).expect("a plan").1, json!({"kind": "page", "page": "page"}));
        assert_eq!(facebook(Kind::Own, &["me"]).expect("a plan").1, json!({"kind": "page"}));
        assert!(facebook(Kind::Creator, &["a", "b"]).is_err() && facebook(Kind::Keyword, &["a"]).is_err());
    }

    #[test]
    fn bounds_that_cannot_be_kept_are_refused() {
        let bounds = Bounds { regions: texts(&["US"]), ..Bounds::default() };
        assert!(plan(Platform::Tiktok, Kind::Links, &texts(&["https://vm.tiktok.com/x"]), &bounds).is_err());
        assert!(plan(Platform::Tiktok, Kind::Own, &texts(&["a", "b"]), &Bounds::default()).is_err());
    }
}
