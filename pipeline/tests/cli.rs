//! The command line as a stranger meets it.

use std::process::{Command, Output};

fn tidelake(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tidelake")).args(arguments).env("RUST_LOG", "error").output().expect("runs")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn help_names_every_command() {
    let help = tidelake(&["--help"]);
    let text = String::from_utf8_lossy(&help.stdout);
    for command in ["run", "check", "demo", "import", "enrich", "resolve", "sql", "tables", "tap", "why", "audit"] {
        assert!(text.contains(command), "{command} is missing in\n{text}");
    }
}

#[test]
fn all_configuration_mistakes_are_reported_with_exit_code_2() {
    let dir = tempfile::tempdir().expect("temp dir");
    let file = dir.path().join("bad.toml");
    std::fs::write(&file, "speling = 1\n[log]\nlanes = 0\n[lake]\ncommit_age = \"soon\"\n").expect("writes");
    let output = tidelake(&["check", "--offline", "--config", file.to_str().expect("UTF-8")]);
    assert_eq!(output.status.code(), Some(2));
    for path in ["speling", "log.lanes", "lake.commit_age"] {
        assert!(stderr(&output).contains(path), "{path} is missing in\n{}", stderr(&output));
    }
}

#[test]
fn enrich_keeps_order_and_one_object_a_line() {
    let dir = tempfile::tempdir().expect("temp dir");
    let file = dir.path().join("lines.txt");
    std::fs::write(&file, "hello #world\n\n{\"text\":\"hola @ana 😀\"}\n").expect("writes");
    let output = tidelake(&["enrich", file.to_str().expect("UTF-8")]);
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let lines: Vec<serde_json::Value> = text.lines().map(|l| serde_json::from_str(l).expect(l)).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["hashtags"], serde_json::json!(["world"]));
    assert_eq!(lines[1]["language"]["code"], "und");
    assert_eq!(lines[2]["mentions"], serde_json::json!(["ana"]));
    assert_eq!(lines[2]["emojis"], serde_json::json!(["😀"]));
}

#[test]
fn one_data_directory_has_one_broker() {
    let dir = tempfile::tempdir().expect("temp dir");
    let data = dir.path().to_str().expect("UTF-8");
    std::fs::create_dir_all(dir.path().join("broker")).expect("makes");
    let lock = std::fs::File::create(dir.path().join("broker/lock")).expect("makes");
    lock.lock().expect("locks");
    let output = tidelake(&["check", "--data-dir", data]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("in use"), "{}", stderr(&output));
    drop(lock);
    // A lock file without its process is no lock.
    let output = tidelake(&["check", "--data-dir", data]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn resolve_tells_links_apart_without_asking_anybody() {
    let video = "https://m.tiktok.com/v/6806030056956251397.html?_d=x";
    let output = tidelake(&[
        "resolve",
        "--offline",
        "--format",
        "json",
        video,
        "https://vm.tiktok.com/ZSe4FqkKd",
        "6806030056956251397",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let lines: Vec<serde_json::Value> = text.lines().map(|l| serde_json::from_str(l).expect(l)).collect();
    assert_eq!((&lines[0]["kind"], &lines[0]["id"]), (&"video".into(), &"6806030056956251397".into()));
    assert_eq!(lines[0]["identity"], lines[2]["identity"]);
    assert_eq!(lines[0]["not_older_than"], "2020-03-19T21:12:38Z");
    assert_eq!(lines[0]["handle"], serde_json::Value::Null);
    assert_eq!((&lines[1]["kind"], &lines[1]["outcome"]), (&"short".into(), &"not_asked".into()));
}

#[test]
fn resolve_refuses_what_only_looks_like_tiktok() {
    let output =
        tidelake(&["resolve", "--offline", "https://www.tiktok.com.evil.example/@a/video/6806030056956251397"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &stderr(&output);
    assert!(text.contains("resembles"), "{text}");
}
