//! What commands that only read the lake share.

use super::Failure;
use super::copies::Watch;
use super::sql::SqlArgs;
use crate::config::Config;
use std::path::PathBuf;
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
    let backend = config.backend();
    let options = QueryOptions { spill_dir: Some(config.data_dir.join("spill")), backend, ..QueryOptions::default() };
    Ok(Engine::open(lake.root(), lake.options(), options).await?)
}

/// Where the prompt remembers what was typed.
pub(crate) fn history(config: &Config) -> PathBuf {
    config.data_dir.join("sql_history")
}

/// `tidelake sql`
pub(crate) async fn sql(args: &SqlArgs, config: &Config) -> Result<(), Failure> {
    let watch = if args.writes() { Some(Watch::begin(&lake(config)?).await?) } else { None };
    let engine = engine(config).await?;
    let engine = if args.pseudonyms {
        engine.pseudonymised(&PseudonymKey::of(&config.privacy.key(&config.data_dir)?)).await?
    } else if let Some(key) = config.privacy.known_key(&config.data_dir)? {
        engine.with_pseudonyms(&PseudonymKey::of(&key)).await?
    } else {
        engine
    };
    super::sql::run(args, engine, watch, &history(config)).await
}
