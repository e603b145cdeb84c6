//! The connectors of a task, as configurations name them.

use super::*;

const WEB: &str = "profile = \"web\"\n[web]\ncontact = \"https://lab.example\"\n\
                   acknowledgement = { approval = \"letter 17\" }\n";

fn settled(text: &str) -> Result<Task, String> {
    let dir = tempfile::tempdir().expect("temp dir");
    let file = dir.path().join("tidelake.toml");
    std::fs::write(&file, text).expect("writes");
    let config = Config::load(Some(&file)).map_err(|mistakes| mistakes.to_string())?;
    Ok(records(&config.tasks[0], Timestamp::default()).remove(0))
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
    let config = Config::load(Some(file.path())).expect("an empty configuration");
    let make = maker(Arc::new(Clients::alone(&config)));
    let routes = make(&record).expect("oembed needs nothing");
    let names: Vec<_> = routes.iter().map(|source| source.capabilities().connector).collect();
    assert_eq!(names, ["oembed"], "web is closed now");
}

fn floors(canary: &str) -> Vec<(String, i64, Option<i64>, String)> {
    let text = format!("name = \"t\"\nconnector = \"oembed\"\nevery = \"1h\"\nspec = {{ a = 1 }}\n{canary}");
    let task: TaskConfig = toml::from_str(&text).expect("a task");
    let records = records(&task, Timestamp::default());
    records.into_iter().map(|task| (task.task, task.cadence_s, task.at_least, task.spec)).collect()
}

#[test]
fn a_canary_is_a_floor_or_a_task_of_its_own() {
    let own = |floor| ("t".to_owned(), 3600, floor, r#"{"a":1}"#.to_owned());
    let second = |every, floor, spec: &str| ("t/canary".to_owned(), every, Some(floor), spec.to_owned());
    assert_eq!(floors(""), [own(None)]);
    assert_eq!(floors("canary = { at_least = 3 }"), [own(Some(3))]);
    assert_eq!(floors("canary = { every = \"2h\" }"), [own(None), second(7200, 1, r#"{"a":1}"#)]);
    let known = floors("canary = { spec = { b = 2 }, at_least = 5 }");
    assert_eq!(known, [own(None), second(21_600, 5, r#"{"b":2}"#)]);
}
