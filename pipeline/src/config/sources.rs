//! Where configuration comes from: the file, the environment, secret files.

use std::ffi::OsString;
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
    text.parse().map_err(|e: toml::de::Error| Mistakes::one(at(&shown, &text, &e), e.message()))
}

/// Where the file is no TOML: the line is not repeated, for it may hold a secret.
fn at(file: &str, text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    before.map_or_else(|| file.to_owned(), |before| format!("{file}, line {}", before.matches('\n').count() + 1))
}

/// Keys whose values are nobody's business.
const SECRETS: [&str; 6] = ["client_secret", "access_token", "api_key", "key", "password", "token"];

/// Does this path lead to a secret?
pub(super) fn is_secret(path: &str) -> bool {
    path.rsplit('.').next().is_some_and(|key| SECRETS.contains(&key))
}

/// Applies `TIDELAKE__SECTION__KEY=value`. A value that reads as TOML (a number, true, a list) is that; any other is text,
/// and so is a secret, which may be all digits.
pub(super) fn overlay(
    table: &mut toml::Table,
    variables: impl Iterator<Item = (OsString, OsString)>,
    mistakes: &mut Vec<Mistake>,
) {
    let named = variables.map(|(name, value)| (name.to_string_lossy().into_owned(), value));
    let mut ours: Vec<(String, OsString)> = named.filter(|(name, _)| name.starts_with(PREFIX)).collect();
    ours.sort();
    for (name, value) in ours {
        let Ok(text) = value.into_string() else {
            mistakes.push(Mistake { path: name, why: "its value is not UTF-8".into() });
            continue;
        };
        let path: Vec<String> = name[PREFIX.len()..].split("__").map(str::to_lowercase).collect();
        let secret = path.last().is_some_and(|key| is_secret(key));
        let value = if secret { toml::Value::String(text) } else { value_of(&text) };
        if !set(table, &path, value) {
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
        if let Some(inner) = value.as_table_mut() {
            secrets_of(section, inner, mistakes);
        }
    }
}

/// As [`secrets`], for the keys of one section.
pub(super) fn secrets_of(section: &str, inner: &mut toml::Table, mistakes: &mut Vec<Mistake>) {
    let keys: Vec<String> = inner.keys().filter(|k| k.ends_with("_file")).cloned().collect();
    for key in keys {
        let Some(path) = inner.remove(&key).and_then(|v| v.as_str().map(str::to_owned)) else { continue };
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                let text = text.trim_end_matches(['\r', '\n']).to_owned();
                inner.insert(key.trim_end_matches("_file").to_owned(), toml::Value::String(text));
            }
            Err(error) => mistakes.push(Mistake { path: format!("{section}.{key}"), why: format!("{path}: {error}") }),
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
        overlay(&mut table, variables.iter().map(|(k, v)| (k.into(), v.into())), &mut mistakes);
        assert!(mistakes.is_empty());
        assert_eq!(table["log"]["lanes"].as_integer(), Some(8));
        assert_eq!(table["log"]["broker"].as_str(), Some("k:9092"));
    }

    #[test]
    fn secrets_are_text_and_are_not_repeated() {
        let mut table = toml::Table::new();
        let variable = ("TIDELAKE__FACEBOOK__ACCESS_TOKEN".into(), "12345678901".into());
        overlay(&mut table, std::iter::once(variable), &mut Vec::new());
        assert_eq!(table["facebook"]["access_token"].as_str(), Some("12345678901"));
        let file = tempfile::NamedTempFile::new().expect("temp file");
        std::fs::write(file.path(), "[facebook]\naccess_token = \"hush-hush\n").expect("writes");
        let told = read(Some(file.path())).expect_err("no TOML").to_string();
        assert!(told.contains("line 2") && !told.contains("hush"), "{told}");
        assert!(is_secret("research.client_secret") && is_secret("display.key") && !is_secret("research.client_key"));
    }

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_no_text_is_a_mistake() {
        use std::os::unix::ffi::OsStringExt;
        let bytes = || OsString::from_vec(vec![b'a', 0xff]);
        let mut mistakes = Vec::new();
        let variables = [("TIDELAKE__LOG__BROKER".into(), bytes()), ("OTHER".into(), bytes()), (bytes(), bytes())];
        overlay(&mut toml::Table::new(), variables.into_iter(), &mut mistakes);
        assert_eq!(mistakes.iter().map(|mistake| mistake.path.as_str()).collect::<Vec<_>>(), ["TIDELAKE__LOG__BROKER"]);
    }

    #[test]
    fn a_missing_secret_file_is_a_mistake() {
        let mut table: toml::Table = "[research]\nclient_secret_file = \"/nowhere/x\"".parse().expect("is TOML");
        let mut mistakes = Vec::new();
        secrets(&mut table, &mut mistakes);
        assert_eq!(mistakes[0].path, "research.client_secret_file");
    }
}
