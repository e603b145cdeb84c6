//! What commands that only read the lake share.

use super::Failure;
use super::sql::SqlArgs;
use crate::config::Config;
use std::path::{Path, PathBuf};
use tidelake_sinks::lake::Lake;
use tidelake_sinks::privacy::PseudonymKey;
use tidelake_sinks::query::{Engine, QueryOptions};

/// The lake of the configuration.
pub(crate) fn lake(config: &Config) -> Result<Lake, Failure> {
    Ok(Lake::at(&config.lake_location(), config.lake.storage.clone())?)
}

/// A query engine on the lake.
pub(crate) async fn engine(config: &Config) -> Result<Engine, Failure> {
    let lake = lake(config)?;
    Ok(Engine::open(lake.root(), lake.options(), options(config)).await?)
}

/// What queries may use, unless a command says otherwise.
pub(super) fn options(config: &Config) -> QueryOptions {
    let backend = config.backend();
    QueryOptions { spill_dir: Some(config.data_dir.join("spill")), backend, ..QueryOptions::default() }
}

/// An engine for commands that give answers. Where there is no lake they say so: no rows would look like an answer, of a
/// directory that was mistyped.
///
/// A lake is there when one of its tables is, or when its directory has been made and nothing else is in it: then it was set
/// up and nothing has landed yet. A prefix of a bucket cannot be made beforehand; there, tables are made when landing begins.
pub(super) async fn asked(config: &Config, options: QueryOptions) -> Result<Engine, Failure> {
    let dir = directory(&config.lake_location());
    let set_up = dir.as_deref().map(is_set_up);
    if set_up == Some(None) {
        return Err(nowhere(config));
    }
    let engine = Engine::over(lake(config)?, options).await?;
    match engine.has_tables() || set_up == Some(Some(true)) {
        true => Ok(engine),
        false => Err(nowhere(config)),
    }
}

fn nowhere(config: &Config) -> Failure {
    let place = config.lake_location();
    let why = "Check --data-dir, or location in [lake]. `tidelake demo` makes a lake to try, `tidelake run` fills one";
    format!("no lake at {place}: there is no table. {why}").into()
}

/// The directory of a lake that is in one.
fn directory(location: &str) -> Option<PathBuf> {
    match url::Url::parse(location) {
        Ok(url) if url.scheme() == "file" => url.to_file_path().ok(),
        Ok(_) if location.contains("://") => None,
        _ => Some(PathBuf::from(location)),
    }
}

/// Whether there is nothing in a directory but what a lake keeps beside its tables; `None`: there is no directory.
fn is_set_up(dir: &Path) -> Option<bool> {
    let mut entries = std::fs::read_dir(dir).ok()?.filter_map(Result::ok);
    Some(entries.all(|entry| entry.file_name().to_string_lossy().starts_with('_')))
}

/// `tidelake sql`
pub(crate) async fn sql(args: &SqlArgs, config: &Config) -> Result<(), Failure> {
    let engine = asked(config, options(config)).await?;
    let engine = if args.pseudonyms {
        engine.pseudonymised(&PseudonymKey::of(&config.privacy.key(&config.data_dir)?)).await?
    } else if let Some(key) = config.privacy.known_key(&config.data_dir)? {
        engine.with_pseudonyms(&PseudonymKey::of(&key)).await?
    } else {
        engine
    };
    super::sql::run(args, engine, &config.data_dir.join("sql_history")).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_was_made_for_a_lake_is_one() {
        let dir = tempfile::tempdir().expect("temp dir");
        let at = |name: &str| dir.path().join(name);
        assert_eq!(is_set_up(&at("absent")), None);
        std::fs::create_dir_all(at("empty/_tidelake")).expect("is made");
        assert_eq!(is_set_up(&at("empty")), Some(true));
        std::fs::create_dir_all(at("other/photos")).expect("is made");
        assert_eq!(is_set_up(&at("other")), Some(false));
    }

    #[test]
    fn directories_are_told_from_buckets() {
        assert_eq!(directory("/data/lake"), Some(PathBuf::from("/data/lake")));
        assert_eq!(directory("lake"), Some(PathBuf::from("lake")));
        assert_eq!(directory("file:///data/lake"), Some(PathBuf::from("/data/lake")));
        assert_eq!(directory("s3://bucket/lake"), None);
    }
}
