//! What landed although it was suppressed: a writer may have read it before it heard.

use super::log::objects;
use super::purge::purge;
use super::{Erased, Purged, Why, erase, log, names, tables};
use crate::lake::location::{Lake, LakeError};
use crate::lake::replace::name_of;
use crate::lake::writer::WriterOptions;
use crate::place::Place;
use crate::privacy::Suppressions;
use deltalake::DeltaTable;
use object_store::{ObjectStoreExt, PutPayload};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use tidelake_schemas::Timestamp;

/// Where it is remembered how far tables were looked at, below the lake.
const CHECKED: &str = "_tidelake/erasures/checked.json";
/// The id under which rows are taken out that landed after their erasure.
const ERASURE: &str = "recheck";

/// What was found in a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recheck {
    /// The table.
    pub table: String,
    /// Of its newest version.
    pub erased: Erased,
    /// Of older ones; `None` where there was no need to look.
    pub purged: Option<Purged>,
}

/// How far each table was looked at.
#[derive(Default, Serialize, Deserialize)]
struct Checked {
    /// The suppressions that was done with.
    hashes: usize,
    tables: BTreeMap<String, Seen>,
}

#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Seen {
    version: u64,
    /// Files that a writer could still have committed.
    waiting: usize,
}

/// Looks at the files that have landed since the last time, and takes out what is suppressed. After a new suppression
/// everything is looked at. Cheap when nothing has landed; safe beside writers, other maintenance and itself.
///
/// # Errors
/// [`LakeError`]; the next time begins where this one did.
pub async fn recheck(
    lake: &Lake,
    erased: &Suppressions,
    options: &WriterOptions,
    now: Timestamp,
) -> Result<Vec<Recheck>, LakeError> {
    if erased.is_empty() {
        return Ok(Vec::new());
    }
    let mut checked = load(lake).await?;
    if checked.hashes != erased.len() {
        checked = Checked { hashes: erased.len(), ..Checked::default() };
    }
    let mut found = Vec::new();
    for name in tables(lake).await? {
        let seen = checked.tables.get(&name).copied();
        let Some((recheck, now_seen)) = of_table(lake, &name, erased, options, now, seen).await? else { continue };
        checked.tables.insert(name, now_seen);
        found.extend((recheck.erased.files > 0 || recheck.purged.is_some()).then_some(recheck));
    }
    save(lake, &checked).await?;
    Ok(found)
}

/// Forgets how far tables were looked at: others stand in their place.
///
/// # Errors
/// [`LakeError`].
pub async fn uncheck(lake: &Lake) -> Result<(), LakeError> {
    save(lake, &Checked::default()).await
}

async fn of_table(
    lake: &Lake,
    name: &str,
    erased: &Suppressions,
    options: &WriterOptions,
    now: Timestamp,
    seen: Option<Seen>,
) -> Result<Option<(Recheck, Seen)>, LakeError> {
    let Some(mut table) = lake.open(name).await? else { return Ok(None) };
    let only = match seen {
        Some(seen) if Some(seen.version) == table.version() && seen.waiting == 0 => return Ok(None),
        Some(seen) => added_since(&table, name, seen.version).await?,
        None => None,
    };
    let Some(taken) = erase(lake, name, erased, &Why::of(ERASURE), options, only).await? else { return Ok(None) };
    let again = taken.files > 0 || seen.is_none_or(|seen| seen.waiting > 0);
    let purged = if again { Some(purge(&mut table, name, erased, now).await?) } else { None };
    let waiting = purged.as_ref().map_or(0, |purged| purged.waiting);
    let seen = Seen { version: taken.clean_version, waiting };
    let purged = purged.filter(|purged| !purged.is_nothing() || purged.waiting > 0);
    Ok(Some((Recheck { table: name.to_owned(), erased: taken, purged }, seen)))
}

/// Names of the files that were added after a version; `None` when the log no longer says.
async fn added_since(table: &DeltaTable, name: &str, version: u64) -> Result<Option<BTreeSet<String>>, LakeError> {
    let newest = table.version().unwrap_or(0);
    let entries = objects(table, name).await?.entries;
    let new: Vec<_> = entries.into_iter().filter(|(v, _)| (version + 1..=newest).contains(v)).collect();
    if u64::try_from(new.len()).unwrap_or(0) != newest.saturating_sub(version) {
        return Ok(None);
    }
    let mut added = BTreeSet::new();
    for (_, path) in new {
        let content = log::store(table).get(&path).await.map_err(log::failed(name))?;
        let content = content.bytes().await.map_err(log::failed(name))?;
        for action in serde_json::Deserializer::from_slice(&content).into_iter::<Value>() {
            let action = action.map_err(|e| LakeError::delta(name)(e.into()))?;
            added.extend(action["add"]["path"].as_str().map(|path| name_of(path).to_owned()));
        }
    }
    let there = names(table, name)?;
    Ok(Some(added.intersection(&there).cloned().collect()))
}

fn place(lake: &Lake) -> Result<Place, LakeError> {
    Place::at(lake.root().as_str(), lake.options())
        .map_err(|why| LakeError::Location { location: lake.root().to_string(), why })
}

/// What cannot be read is done again.
async fn load(lake: &Lake) -> Result<Checked, LakeError> {
    let place = place(lake)?;
    let Ok(found) = place.store.get(&place.path(CHECKED)).await else { return Ok(Checked::default()) };
    let content = found.bytes().await.unwrap_or_default();
    Ok(serde_json::from_slice(&content).unwrap_or_default())
}

async fn save(lake: &Lake, checked: &Checked) -> Result<(), LakeError> {
    let place = place(lake)?;
    let content = serde_json::to_vec(checked).unwrap_or_default();
    let written = place.store.put(&place.path(CHECKED), PutPayload::from(content)).await;
    written.map(drop).map_err(|e| LakeError::Location { location: place.shown.clone(), why: e.to_string() })
}
