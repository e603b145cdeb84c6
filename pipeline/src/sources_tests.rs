//! The connectors of a task, as configurations name them.

use super::*;

const WEB: &str = "profile = \"web\"\n[web]\ncontact = \"https://lab.example\"\n\
                   acknowledgement = { approval = \"letter 17\" }\n";

fn settled(text: &str) -> Result<Task, String> {
    let dir = tempfile::tempdir().expect("temp dir");
    let file = dir.path().join("tidelake.toml");
    std::fs::write(&file, text).expect("writes");
    let config = Config::load(Some(&file)).map_err(|mistakes| mistakes.to_string())?;
    Ok(record(&config.tasks[0], Timestamp::default()))
}

fn task(rest: &str) -> String {
    format!("{WEB}[[tasks]]\nname = \"t\"\n{rest}\n")
}

#[test]
fn a_name_is_enough_where_the_same_can_be_asked_for() {
    let pages = "connector = \"web\"\nspec = { kind = \"user\", handles = [\"a\"] }\n";
    let record = settled(&task(&format!("{pages}fallback = [\"oembed\"]"))).expect("a task");
    assert_eq!((record.connector.as_str(), record.fallback.len()), ("web", 1));
    let then = &record.fallback[0];
    assert_eq!(then.connector, "oembed");
    assert!(then.spec.contains("https://www.tiktok.com/@a"), "{}", then.spec);
    let other = "fallback = [{ connector = \"oembed\", spec = { kind = \"links\", links = [\"1\"] } }]";
    assert!(settled(&task(&format!("{pages}{other}"))).expect("a task").fallback[0].spec.contains("\"1\""));
    for (fallback, part) in [
        ("[\"web\"]", "named twice"),
        ("[\"display-api\"]", "it is not known how"),
        ("[\"browser\"]", "fallback browser: connector browser reads public pages and is off"),
        ("[\"oembed\", \"oembed\"]", "named twice"),
    ] {
        let why = settled(&task(&format!("{pages}fallback = {fallback}"))).expect_err("a mistake");
        assert!(why.contains(part), "{part}: {why}");
    }
}

#[test]
fn a_target_goes_by_the_routes_of_the_profile() {
    let record = settled(&task("target = { creator = [\"a\"] }")).expect("a task");
    let names: Vec<&str> = record.fallback.iter().map(|route| route.connector.as_str()).collect();
    assert_eq!(
        (record.connector.as_str(), names),
        ("oembed", vec!["web"]),
        "official first, browser is not configured"
    );
    for (rest, part) in [
        ("target = { creator = [\"a\"] }\nconnector = \"web\"", "exclude each other"),
        ("target = { creator = [\"a\"] }\nfallback = [\"web\"]", "exclude each other"),
        ("spec = {}", "connector is missing"),
    ] {
        let why = settled(&task(rest)).expect_err("a mistake");
        assert!(why.contains(part), "{part}: {why}");
    }
    let donated = "profile = \"donation\"\n[[tasks]]\nname = \"t\"\ntarget = { links = [\"1\"] }\n";
    assert!(settled(donated).expect_err("a mistake").contains("no connector that the profile allows"));
}

#[test]
fn a_route_that_is_gone_does_not_stop_the_others() {
    let record = settled(&task("target = { links = [\"1\"] }")).expect("a task");
    let file = tempfile::NamedTempFile::new().expect("temp file");
    let make = maker(&Config::load(Some(file.path())).expect("an empty configuration"));
    let routes = make(&record).expect("oembed needs nothing");
    let names: Vec<_> = routes.iter().map(|source| source.capabilities().connector).collect();
    assert_eq!(names, ["oembed"], "web is closed now");
}
