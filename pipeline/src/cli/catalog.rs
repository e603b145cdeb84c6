//! `tidelake catalog`: the user's own products, which captions are searched for.

use super::{Failure, listing};
use crate::config::Config;
use clap::Subcommand;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use tidelake_schemas::CatalogEntry;
use tidelake_schemas::catalog::fingerprint;
use tidelake_sinks::catalog::{self, CatalogTable, Read};
use tidelake_stages::Catalogue;

/// Refused rows that are shown.
const SHOWN: usize = 20;

#[derive(clap::Args)]
pub(crate) struct CatalogArgs {
    #[command(subcommand)]
    command: CatalogCommand,
}

#[derive(Subcommand)]
enum CatalogCommand {
    /// Add or change products by id, from CSV, TSV, JSON, NDJSON, Parquet or a query. Columns: id (or sku, product_id), name (or
    /// title), aliases (separated by |), brand, category, price, currency, url (or link); others are attributes.
    Import {
        /// The file.
        #[arg(required_unless_present = "sql", conflicts_with = "sql", value_name = "FILE")]
        file: Option<PathBuf>,
        /// Take the rows of a query over the lake instead.
        #[arg(long, value_name = "SQL")]
        sql: Option<String>,
        /// Remove every product that is not among them.
        #[arg(long)]
        replace: bool,
    },
    /// List the products.
    List {
        /// At most this many.
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
        /// table, json or csv.
        #[arg(long, default_value = "table")]
        format: String,
    },
    /// List the products with this text in their id, name, aliases, brand or category.
    Search {
        /// In any case.
        text: String,
        /// table, json or csv.
        #[arg(long, default_value = "table")]
        format: String,
    },
    /// Show all of a product.
    Show {
        /// Its id.
        id: String,
        /// table, json or csv.
        #[arg(long, default_value = "table")]
        format: String,
    },
    /// Remove products.
    Remove {
        /// Their ids.
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
    /// Write the products to a file that `import` reads: .csv, .json, .ndjson or .parquet.
    Export {
        /// The file.
        file: PathBuf,
    },
}

pub(crate) async fn run(args: &CatalogArgs, config: &Config) -> Result<(), Failure> {
    match &args.command {
        CatalogCommand::Import { file, sql, replace } => {
            let read = match (file, sql) {
                (Some(file), _) => catalog::of_file(file).await?,
                (None, sql) => {
                    let query = sql.as_deref().unwrap_or_default();
                    catalog::of_answer(super::lake::engine(config).await?.sql(query).await?).await?
                }
            };
            import(read, *replace, config).await
        }
        CatalogCommand::List { limit, format } => {
            let entries = stored(config).await?;
            list(format, entries.values().take(limit.unwrap_or(usize::MAX)))
        }
        CatalogCommand::Search { text, format } => {
            let (entries, text) = (stored(config).await?, text.to_lowercase());
            list(format, entries.values().filter(|entry| mentions(entry, &text)))
        }
        CatalogCommand::Show { id, format } => show(format, stored(config).await?.get(id).ok_or_else(|| unknown(id))?),
        CatalogCommand::Remove { ids } => remove(ids, config).await,
        CatalogCommand::Export { file } => export(file, config).await,
    }
}

/// The catalogue that `enrich --catalog` names: a file, or the lake's.
pub(super) async fn named(name: &str, config: &Config) -> Result<Catalogue, Failure> {
    let entries = if name == "lake" {
        stored(config).await?
    } else {
        let read = catalog::of_file(Path::new(name)).await?;
        report(&read)?;
        read.entries
    };
    crate::catalogue::build(entries.into_values().collect()).await
}

async fn import(read: Read, replace: bool, config: &Config) -> Result<(), Failure> {
    report(&read)?;
    if read.entries.is_empty() {
        return Err("there is no product to import: the catalogue is as it was".into());
    }
    let mut table = CatalogTable::of(super::lake::lake(config)?);
    let mut counts = (0, 0, 0);
    let entries = table.change(|entries| counts = apply(entries, &read.entries, replace)).await?;
    let (added, changed, removed) = counts;
    let removed = if replace { format!(", {removed} removed") } else { String::new() };
    let repeated = if read.repeated == 0 { String::new() } else { format!(", {} repeated", read.repeated) };
    let refused = read.refused.len();
    writeln!(
        std::io::stdout(),
        "{added} added, {changed} changed{removed}; {refused} row(s) refused{repeated}. {}",
        size(&entries)
    )
    .map_err(Failure::from)
}

/// Takes new entries in; how many were added, changed and removed.
fn apply(
    entries: &mut BTreeMap<String, CatalogEntry>,
    new: &BTreeMap<String, CatalogEntry>,
    replace: bool,
) -> (usize, usize, usize) {
    let before = if replace { std::mem::take(entries) } else { entries.clone() };
    entries.extend(new.iter().map(|(id, entry)| (id.clone(), entry.clone())));
    let added = new.keys().filter(|id| !before.contains_key(*id)).count();
    let changed = new.iter().filter(|(id, entry)| before.get(*id).is_some_and(|old| old != *entry)).count();
    (added, changed, before.keys().filter(|id| !entries.contains_key(*id)).count())
}

async fn remove(ids: &[String], config: &Config) -> Result<(), Failure> {
    let mut table = existing(config).await?;
    let before = table.entries().await?;
    if let Some(id) = ids.iter().find(|id| !before.contains_key(*id)) {
        return Err(unknown(id));
    }
    let entries = table.change(|entries| entries.retain(|id, _| !ids.contains(id))).await?;
    writeln!(std::io::stdout(), "{} removed. {}", ids.len(), size(&entries)).map_err(Failure::from)
}

async fn export(file: &Path, config: &Config) -> Result<(), Failure> {
    let query = "SELECT id, name, aliases, brand, category, price, currency, url, attributes FROM catalog ORDER BY id";
    let format = super::sql::by_extension(file)
        .ok_or_else(|| format!("{}: name a .csv, .json, .ndjson or .parquet file", file.display()))?;
    existing(config).await?;
    let rows = super::sql::to_file(super::lake::engine(config).await?.sql(query).await?, format, file).await?;
    writeln!(std::io::stdout(), "{rows} product(s) written to {}", file.display()).map_err(Failure::from)
}

async fn existing(config: &Config) -> Result<CatalogTable, Failure> {
    let mut table = CatalogTable::of(super::lake::lake(config)?);
    if table.refresh().await?.is_none() {
        return Err("this lake has no catalogue yet. Give it one: tidelake catalog import FILE".into());
    }
    Ok(table)
}

async fn stored(config: &Config) -> Result<BTreeMap<String, CatalogEntry>, Failure> {
    Ok(existing(config).await?.entries().await?)
}

/// Says which rows were refused, on standard error.
fn report(read: &Read) -> Result<(), Failure> {
    let mut err = std::io::stderr();
    read.refused.iter().take(SHOWN).try_for_each(|refused| writeln!(err, "refused: {refused}"))?;
    if read.refused.len() > SHOWN {
        writeln!(err, "refused: {} more", read.refused.len() - SHOWN)?;
    }
    Ok(())
}

fn size(entries: &BTreeMap<String, CatalogEntry>) -> String {
    let all: Vec<CatalogEntry> = entries.values().cloned().collect();
    format!("The catalogue has {} product(s), fingerprint {}", all.len(), &fingerprint(&all)[..8])
}

fn unknown(id: &str) -> Failure {
    format!("there is no product {id:?} in the catalogue. Look for it: tidelake catalog search TEXT").into()
}

fn mentions(entry: &CatalogEntry, text: &str) -> bool {
    let other = entry.brand.iter().chain(&entry.category).chain(&entry.aliases);
    [&entry.id, &entry.name].into_iter().chain(other).any(|field| field.to_lowercase().contains(text))
}

fn list<'a>(format: &str, entries: impl Iterator<Item = &'a CatalogEntry> + Clone) -> Result<(), Failure> {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let rows = entries.clone().map(|entry| {
        let price = entry.price.map_or_else(String::new, |price| format!("{price} {}", text(&entry.currency)));
        let price = price.trim_end().to_owned();
        let names = entry.aliases.join(" | ");
        [entry.id.clone(), entry.name.clone(), names, text(&entry.brand), text(&entry.category), price]
    });
    listing::print(format, ["id", "name", "aliases", "brand", "category", "price"], rows, entries.map(object))
}

fn show(format: &str, entry: &CatalogEntry) -> Result<(), Failure> {
    let fields = [("id", Some(entry.id.clone())), ("name", Some(entry.name.clone()))].into_iter();
    let fields = fields.chain(entry.aliases.iter().map(|alias| ("alias", Some(alias.clone()))));
    let fields = fields.chain([
        ("brand", entry.brand.clone()),
        ("category", entry.category.clone()),
        ("price", entry.price.map(|price| price.to_string())),
        ("currency", entry.currency.clone()),
        ("url", entry.url.clone()),
    ]);
    let rows = fields.filter_map(|(name, value)| Some([name.to_owned(), value?]));
    let attributes = entry.attributes.iter().map(|a| [a.name.clone(), a.value.clone()]);
    listing::print(format, ["field", "value"], rows.chain(attributes), [object(entry)])
}

fn object(entry: &CatalogEntry) -> Value {
    json!({
        "id": entry.id, "name": entry.name, "aliases": entry.aliases, "brand": entry.brand, "category": entry.category,
        "price": entry.price.map(|price| price.to_string()), "currency": entry.currency, "url": entry.url,
        "attributes": entry.attributes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(of: &[(&str, &str)]) -> BTreeMap<String, CatalogEntry> {
        let entry =
            |(id, name): &(&str, &str)| CatalogEntry { id: (*id).into(), name: (*name).into(), ..Default::default() };
        of.iter().map(|e| (e.0.to_owned(), entry(e))).collect()
    }

    #[test]
    fn what_an_import_changes_is_counted() {
        let old = entries(&[("1", "a"), ("2", "b"), ("3", "c")]);
        let new = entries(&[("2", "b"), ("3", "C"), ("4", "d")]);
        let (mut merged, mut replaced) = (old.clone(), old);
        assert_eq!(apply(&mut merged, &new, false), (1, 1, 0));
        assert_eq!(merged.len(), 4);
        assert_eq!(apply(&mut replaced, &new, true), (1, 1, 1));
        assert_eq!(replaced, new);
    }

    #[test]
    fn a_search_knows_no_case() {
        let entry = CatalogEntry { brand: Some("DYSON".into()), ..CatalogEntry::default() };
        assert!(mentions(&entry, "dys") && !mentions(&entry, "shark"));
    }
}
