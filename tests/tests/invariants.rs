//! The invariants of absence (ARCHITECTURE.md): what must stand nowhere in the source, and the few places where it may.

use std::fs;
use std::path::{Path, PathBuf};

/// Something that must be absent below some folders, but for the files that are named.
struct Absent {
    why: &'static str,
    below: &'static [&'static str],
    texts: &'static [&'static str],
    but_in: &'static [&'static str],
}

const INVARIANTS: &[Absent] = &[
    Absent {
        why: "schemas and stages do no I/O and never wait",
        below: &["schemas/src", "pipeline/stages/src"],
        texts: &["std::fs", "std::net", "tokio::", ".await", "thread::sleep", "std::env", "reqwest"],
        but_in: &[],
    },
    Absent {
        why: "schemas and stages read no clock",
        below: &["schemas/src", "pipeline/stages/src", "sinks/src", "sinks/serve/src"],
        texts: &["Utc::now", "SystemTime::now"],
        but_in: &[],
    },
    Absent {
        why: "the daemon reads the wall clock in one place",
        below: &["pipeline/src"],
        texts: &["Utc::now", "SystemTime::now"],
        but_in: &["pipeline/src/clock.rs"],
    },
    Absent {
        why: "no channel is unbounded",
        below: &["schemas/src", "connectors/src", "pipeline", "sinks/src", "sinks/serve/src"],
        texts: &["unbounded_channel", "unbounded(", "mpsc::channel()"],
        but_in: &[],
    },
    Absent {
        why: "only main exits",
        below: &["schemas/src", "connectors", "pipeline", "sinks/src", "sinks/serve/src"],
        texts: &["process::exit", "process::abort"],
        but_in: &[],
    },
    Absent {
        why: "connectors and sinks know no Kafka",
        below: &["schemas", "connectors", "sinks", "pipeline/stages"],
        texts: &["rdkafka"],
        but_in: &[],
    },
    Absent {
        why: "nothing hides that a program drives the browser",
        below: &["connectors/src"],
        texts: &["AutomationControlled", "excludeSwitches", "useAutomationExtension", "navigator.webdriver"],
        but_in: &[],
    },
    Absent {
        why: "Kafka's committed offsets never say where land begins",
        below: &["pipeline/src/roles/land", "pipeline/src/roles/land.rs"],
        texts: &["Offset::Stored", "committed_offsets", "Offset::Invalid"],
        but_in: &[],
    },
];

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn sources(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        let mut entries: Vec<_> = fs::read_dir(path).expect("lists").map(|e| e.expect("an entry").path()).collect();
        entries.sort();
        entries.iter().filter(|p| !p.ends_with("target")).for_each(|p| sources(p, found));
    } else if path.extension().is_some_and(|e| e == "rs" || e == "toml") {
        found.push(path.to_owned());
    }
}

/// Lines of a file that are neither comments nor within its tests, which end it.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines: Vec<&str> = text.lines().collect();
    let begins_tests =
        |pair: &[&str]| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ") && pair[1].ends_with('{');
    let end = lines.windows(2).position(begins_tests).unwrap_or(lines.len());
    lines.into_iter().take(end).enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"))
}

fn offences(rule: &Absent) -> Vec<String> {
    let (root, mut files, mut offences) = (root(), Vec::new(), Vec::new());
    rule.below.iter().for_each(|below| sources(&root.join(below), &mut files));
    assert!(!files.is_empty(), "{:?} holds nothing", rule.below);
    for file in files {
        let name = file.strip_prefix(&root).unwrap_or(&file).display().to_string();
        if rule.but_in.contains(&name.as_str()) || name.contains("/tests/") || name.ends_with("tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&file).expect("reads");
        for (number, line) in code(&text) {
            if rule.texts.iter().any(|t| line.contains(t)) {
                offences.push(format!("{name}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    offences
}

#[test]
fn what_must_be_absent_is() {
    let broken: Vec<String> = INVARIANTS
        .iter()
        .flat_map(|rule| offences(rule).into_iter().map(move |offence| format!("{}: {offence}", rule.why)))
        .collect();
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

/// Exceptions that are no longer needed go.
#[test]
fn exceptions_are_in_use() {
    for rule in INVARIANTS {
        for name in rule.but_in {
            let text = fs::read_to_string(root().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
            let used = code(&text).any(|(_, line)| rule.texts.iter().any(|t| line.contains(t)));
            assert!(used, "{name} needs no exception from \"{}\"", rule.why);
        }
    }
}
