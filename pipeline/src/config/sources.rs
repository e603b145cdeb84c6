//! Where configuration comes from: the file, the environment, secret files.

use std::fmt;
use std::path::Path;

/// Prefix of environment overrides.
const PREFIX: &str = "TIDELAKE__";

/// One thing that is wrong, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    pub path: String,
    pub why: String,
}

/// Everything that is wrong.
#[derive(Debug)]
pub(crate) struct Mistakes(pub Vec<Mistake>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration has {} mistake(s):", self.0.len())?;
        self.0.iter().try_for_each(|m| write!(f, "\n  {}: {}", m.path, m.why.replace('\n', " ")))
    }
}

impl std::error::Error for Mistakes {}

impl Mistakes {
    fn one(path: impl Into<String>, why: impl Into<String>) -> Self {
        Self(vec![Mistake { path: path.into(), why: why.into() }])
    }
}

/// Reads the file; none gives an empty table.
pub(super) fn read(file: Option<&Path>) -> Result<toml::Table, Mistakes> {
    let Some(path) = file else { return Ok(toml::Table::new()) };
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|e| Mistakes::one(&shown, e.to_string()))?;
    text.parse().map_err(|e: toml::de::Error| Mistakes::one(&shown, e.to_string()))
}

/// Applies `TIDELAKE__SECTION__KEY=value`. A value that reads as TOML (a number, true, a list) is that; any other is text.
pub(super) fn overlay(
    table: &mut toml::Table,
    variables: impl Iterator<Item = (String, String)>,
    mistakes: &mut Vec<Mistake>,
) {
    let mut ours: Vec<(String, String)> = variables.filter(|(name, _)| name.starts_with(PREFIX)).collect();
    ours.sort();
    for (name, text) in ours {
        let path: Vec<String> = name[PREFIX.len()..].split("__").map(str::to_lowercase).collect();
        if !set(table, &path, value_of(&text)) {
            mistakes.push(Mistake { path: name, why: "names a key inside a value that is not a section".into() });
        }
    }
}

fn value_of(text: &str) -> toml::Value {
    let parsed = format!("v = {text}").parse::<toml::Table>().ok().and_then(|mut t| t.remove("v"));
    parsed.unwrap_or_else(|| toml::Value::String(text.to_owned()))
}

fn set(table: &mut toml::Table, path: &[String], value: toml::Value) -> bool {
    match path {
        [] => false,
        [key] => {
            table.insert(key.clone(), value);
            true
        }
        [key, rest @ ..] => {
            let section = table.entry(key.clone()).or_insert_with(|| toml::Value::Table(toml::Table::new()));
            section.as_table_mut().is_some_and(|inner| set(inner, rest, value))
        }
    }
}

/// Replaces every `x_file = "path"` by `x = "<contents>"`, so that secrets need not stand in the file or environment.
pub(super) fn secrets(table: &mut toml::Table, mistakes: &mut Vec<Mistake>) {
    for (section, value) in table.iter_mut() {
        let Some(inner) = value.as_table_mut() else { continue };
        let keys: Vec<String> = inner.keys().filter(|k| k.ends_with("_file")).cloned().collect();
        for key in keys {
            let Some(path) = inner.remove(&key).and_then(|v| v.as_str().map(str::to_owned)) else { continue };
            match std::fs::read_to_string(&path) {
                Ok(text) => {
                    let text = text.trim_end_matches(['\r', '\n']).to_owned();
                    inner.insert(key.trim_end_matches("_file").to_owned(), toml::Value::String(text));
                }
                Err(error) => {
                    mistakes.push(Mistake { path: format!("{section}.{key}"), why: format!("{path}: {error}") })
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_overrides() {
        let mut table: toml::Table = "[log]\nlanes = 4".parse().expect("is TOML");
        let variables = [("TIDELAKE__LOG__LANES", "8"), ("TIDELAKE__LOG__BROKER", "k:9092"), ("PATH", "x")];
        let mut mistakes = Vec::new();
        overlay(&mut table, variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())), &mut mistakes);
        assert!(mistakes.is_empty());
        assert_eq!(table["log"]["lanes"].as_integer(), Some(8));
        assert_eq!(table["log"]["broker"].as_str(), Some("k:9092"));
    }

    #[test]
    fn a_missing_secret_file_is_a_mistake() {
        let mut table: toml::Table = "[research]\nclient_secret_file = \"/nowhere/x\"".parse().expect("is TOML");
        let mut mistakes = Vec::new();
        secrets(&mut table, &mut mistakes);
        assert_eq!(mistakes[0].path, "research.client_secret_file");
    }
}
