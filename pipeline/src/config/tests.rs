//! What a configuration may say, and what it is told otherwise.

use super::*;

fn load(text: &str) -> (Config, Vec<Mistake>) {
    let mut mistakes = Vec::new();
    let config = Config::from_table(toml::from_str(text).expect("is TOML"), &mut mistakes);
    (config, mistakes)
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let (_, mistakes) = load(
        "speling = 1\n[log]\nlanes = 0\nreplication = 0\n[lake]\ncommit_age = \"soon\"\n[logging]\nformat = \"xml\"\n[[tasks]]\nname = 3",
    );
    let paths: Vec<&str> = mistakes.iter().map(|m| m.path.as_str()).collect();
    let expected = ["speling", "lake.commit_age", "tasks[0].name", "log.lanes", "log.replication", "logging.format"];
    assert_eq!(paths, expected);
}

#[test]
fn public_pages_are_off_until_they_are_opened() {
    let task = "[[tasks]]\nname = \"t\"\nconnector = \"web\"\nspec = { kind = \"user\", handles = [\"a\"] }\n";
    let open = "[web]\ncontact = \"https://lab.example\"\nacknowledgement = { approval = \"letter 17\" }\n";
    let why = |text: &str| load(text).1.into_iter().map(|mistake| mistake.why).collect::<Vec<_>>().join("\n");
    assert_eq!(why(&format!("profile = \"web\"\n{open}{task}")), "");
    for (text, part) in [
        (task.to_owned(), "is off"),
        (format!("profile = \"web\"\n{task}"), "is off"),
        (format!("{open}{task}"), "is off"),
        (format!("profile = \"research\"\n{open}{task}"), "whatever is acknowledged"),
        (format!("profile = \"web\"\n[web]\ncontact = \"x\"\n{task}"), "acknowledgement.approval"),
        (format!("profile = \"web\"\n[web]\nacknowledgement = {{ approval = \"l\" }}\n{task}"), "contact"),
        (format!("profile = \"donation\"\n{}", task.replace("\"web\"", "\"youtube\"")), "not in profile"),
        (task.replace("\"web\"", "\"facebook\""), "[facebook] with access_token"),
        (format!("[youtube]\napi_key = \"\"\n{}", task.replace("\"web\"", "\"youtube\"")), "api_key"),
        (format!("profile = \"donation\"\n{}", task.replace("\"web\"", "\"oembed\"")), "not in profile"),
    ] {
        let why = why(&text);
        assert!(why.contains(part), "{part}: {why}");
    }
}

#[test]
fn the_key_of_the_accounts_has_one_place() {
    let section = "[display]\nclient_key = \"k\"\nclient_secret = \"s\"\n";
    let task = "[[tasks]]\nname = \"t\"\nconnector = \"display-api\"\nspec = { kind = \"account\", account = \"a\" }\n";
    let dir = tempfile::tempdir().expect("temp dir");
    let file = dir.path().join("accounts.key");
    std::fs::write(&file, "ab".repeat(32) + "\n").expect("writes");
    let (config, mistakes) = load(&format!("{section}key_file = {:?}\n{task}", file.display().to_string()));
    assert!(mistakes.is_empty(), "{mistakes:?}");
    assert!(!format!("{config:?}").contains("abab"), "a key is shown");
    assert!(load(&format!("{section}key_command = [\"kms\", \"decrypt\"]\n{task}")).1.is_empty());
    for (text, path) in [(section.to_owned(), "display.key_file"), (task.to_owned(), "tasks[0] (t)")] {
        let mistakes = load(&text).1;
        assert!(mistakes.iter().any(|mistake| mistake.path == path), "{path}: {mistakes:?}");
    }
}

/// The example with everything that is commented out.
fn whole_example() -> toml::Table {
    let is_setting = |line: &str| {
        let key =
            line.split_once(" = ").is_some_and(|(key, _)| key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
        key || line.starts_with('[')
    };
    let setting = |line: &'static str| line.strip_prefix("# ").filter(|line| is_setting(line)).unwrap_or(line);
    let text = include_str!("../../../deploy/tidelake.example.toml");
    let lines: Vec<&str> = text.lines().map(setting).collect();
    toml::from_str(&lines.join("\n")).expect("is TOML")
}

#[test]
fn the_example_names_every_key_and_no_other() {
    let mut mistakes = Vec::new();
    let example = whole_example();
    Config::from_table(example.clone(), &mut mistakes);
    mistakes.retain(|mistake| ["unknown", "missing", "invalid"].iter().any(|part| mistake.why.contains(part)));
    assert_eq!(mistakes, []);
    let mut places: Vec<&str> = SECTIONS.into_iter().filter(|section| example[*section].is_table()).collect();
    places.extend(["research.patience", "maintain.every"]);
    for place in places {
        let why = load(&format!("[{place}]\nno_such_key = 1")).1.remove(0).why;
        let known = why.lines().next().unwrap_or_default().split('`').skip(3).step_by(2);
        let section = place.split('.').try_fold(&toml::Value::Table(example.clone()), |at, key| at.get(key)).cloned();
        let section = section.expect("a section");
        for key in known {
            let is_there = section.get(key).or_else(|| section.get(format!("{key}_file")));
            assert!(is_there.is_some(), "[{place}] {key} is not in deploy/tidelake.example.toml");
        }
    }
}

#[test]
fn media_needs_a_connector_that_names_files() {
    let words = "contact = \"https://lab.example\"\nacknowledgement = { approval = \"letter 17\" }\n";
    let open = format!("profile = \"web\"\n[media]\nenabled = true\n[web]\n{words}[browser]\n{words}");
    let task = |connector: &str| {
        let spec = "spec = { kind = \"user\", handles = [\"a\"] }";
        load(&format!("{open}[[tasks]]\nname = \"t\"\nconnector = \"{connector}\"\n{spec}\n")).1
    };
    assert_eq!(task("web"), []);
    let mistakes = task("browser");
    assert_eq!(mistakes.len(), 1, "{mistakes:?}");
    assert!(mistakes[0].why.contains("connector browser (zone web) names no files"), "{mistakes:?}");
}

#[test]
fn units_are_read() {
    let (config, mistakes) =
        load("[lake]\ncommit_age = \"1m30s\"\ncommit_bytes = \"64MiB\"\n[shutdown]\ngrace = \"5s\"");
    assert!(mistakes.is_empty(), "{mistakes:?}");
    assert_eq!(config.lake.commit_age, Duration::from_secs(90));
    assert_eq!(config.lake.commit_bytes, 64 << 20);
}

#[test]
fn files_are_not_vacuumed_before_their_commit_is_due() {
    let short = |grace: &str| {
        let maintain = format!("[maintain]\nallow_short_grace = true\ngrace = \"{grace}\"\n");
        load(&format!("[lake]\ncommit_age = \"1m\"\n{maintain}")).1.into_iter().map(|m| m.path).collect::<Vec<_>>()
    };
    assert_eq!(short("61s"), [""; 0]);
    assert_eq!(short("60s"), ["maintain.grace"]);
}
