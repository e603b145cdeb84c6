//! Publications: exports that name nobody.
//!
//! Rows are grouped by quasi-identifiers – what others may know of a person, too: region, size of the account, day. A cell
//! (a combination of their values) is published when at least *k* creators are in it, and left out otherwise. What is left
//! out is never fewer than *k* creators together: else the smallest published cell goes as well, so that nobody who knows a
//! total learns of them by subtraction. Two publications that part the same rows differently can still be subtracted from
//! each other: compare before publishing the second.
//!
//! By default cells are published ([`Detail::Cells`]): how many rows and creators, and of numbers their sum and mean, unless
//! one creator makes up most of it or fewer than *k* have one. Rows ([`Detail::Rows`]) are only published where the zones
//! they came from allow it ([`terms`]).
//!
//! Columns whose values come of personal ones ([`personal`]) are refused whatever they are called: the plan of the query
//! tells where they come from. The same tables, query and settings give the same bytes.

mod book;
mod cells;
mod personal;
mod terms;

pub use personal::is_personal;
pub use terms::{Rule, Term, term};

use crate::export::{Export, ExportError, ExportFormat, ExportedFile, Reached, export, staged};
use crate::format::FormatError;
use crate::place::hex;
use crate::query::{Engine, Origins, QueryError};
use arrow::datatypes::{DataType, SchemaRef};
use aws_lc_rs::digest::{SHA256, digest};
use cells::Plan;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Columns by which rows are counted as creators', in the order in which they are looked for.
const SUBJECTS: [&str; 6] = ["author_id", "author_handle", "creator_id", "handle", "creator_handle", "author"];
/// What those columns come of.
const CREATORS: [&str; 5] = ["author.id", "author.handle", "creator_id", "handle", "author_handle"];
/// The column that says whose terms a row is under.
const ZONE: &str = "zone";

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Detail {
    /// One row per cell.
    Cells,
    /// The rows themselves.
    Rows,
}

/// What is to be published.
#[derive(Clone, Debug)]
pub struct Publication {
    /// The directory, which must not be there yet.
    pub to: PathBuf,
    /// The query. One of its columns says whose a row is; it is counted and not published.
    pub query: String,
    /// Creators that are in a cell at least.
    pub k: u64,
    /// Quasi-identifiers; absent: every column that is not a number, and of [`Detail::Rows`] every column.
    pub quasi: Option<Vec<String>>,
    /// Quasi-identifiers of which values with fewer than *k* creators become `other`.
    pub generalise: Vec<String>,
    /// Cells or rows.
    pub detail: Detail,
    /// Ids of the rows that are published, as a list of its own.
    pub with_ids: bool,
    /// Who approved that rows are handed on, when and for what.
    pub approval: Option<String>,
    /// What it is for.
    pub purpose: Option<String>,
    /// CSV or Parquet.
    pub format: ExportFormat,
}

/// What was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The directory.
    pub location: String,
    /// Its files.
    pub files: Vec<ExportedFile>,
    /// What was left out.
    pub suppressed: Suppressed,
    /// The tables that were read, and their versions.
    pub tables: BTreeMap<String, u64>,
}

/// What was left out, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Suppressed {
    /// Cells of the query's answer.
    pub cells: u64,
    /// … that are published.
    pub published_cells: u64,
    /// Rows of the query's answer.
    pub rows: u64,
    /// … that are in published cells.
    pub published_rows: u64,
    /// Whether a cell with enough creators was left out, too, so that the others cannot be told by subtraction.
    pub complementary: bool,
    /// Sums and means of published cells that were left out: one creator makes up more than four fifths, or fewer than *k*
    /// have a value.
    pub dominated: u64,
}

/// Why nothing is published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Columns that name people.
    #[error(
        "{} would name people: {}. Leave them out, or make groups of them; what is computed from them counts as them, but \
         counts and lengths do not", if columns.len() == 1 { "a column" } else { "columns" },
        columns.iter().map(|(name, of)| format!("{name} (of {of})")).collect::<Vec<_>>().join(", ")
    )]
    Personal {
        /// Each with what it comes of.
        columns: Vec<(String, String)>,
    },
    /// Nobody can be counted.
    #[error(
        "creators cannot be counted: the query gives none of {}. Let it give author_id or author_handle; it is not published",
        SUBJECTS.join(", ")
    )]
    NoSubject,
    /// A zone's terms forbid it.
    #[error("rows of zone {zone} are not published{}: {because}. {advice}", if *rows { " one by one" } else { "" })]
    Zone {
        /// The zone.
        zone: String,
        /// Rows, as opposed to anything at all.
        rows: bool,
        /// Why.
        because: String,
        /// What would help.
        advice: String,
    },
    /// A column that cannot be published.
    #[error("column {column}: {why}")]
    Column {
        /// Its name.
        column: String,
        /// Why, and what to do.
        why: String,
    },
    /// Nothing is left.
    #[error(
        "nothing can be published: no combination of {} has {k} creators. Ask for coarser ones (bands, weeks), fewer, or \
         --generalise them", quasi.join(", ")
    )]
    Nothing {
        /// Asked for.
        k: u64,
        /// The quasi-identifiers.
        quasi: Vec<String>,
    },
    /// The query failed.
    #[error("{0}")]
    Query(#[from] QueryError),
    /// Files could not be written.
    #[error("{0}")]
    Export(#[from] ExportError),
}

/// What of the answer becomes what.
#[derive(Debug)]
pub(crate) struct Columns {
    /// Whose a row is.
    subject: String,
    /// Quasi-identifiers.
    quasi: Vec<String>,
    /// Everything else that is published.
    others: Vec<String>,
    /// Ids, where they were asked for.
    ids: Vec<String>,
    /// There is a column that says the zone.
    zone: bool,
    /// What each published column comes of.
    origins: BTreeMap<String, Origins>,
    /// … and its type.
    kinds: BTreeMap<String, DataType>,
}

/// Publishes. The engine should work on one partition at a time, so that sums of floats come out the same.
///
/// # Errors
/// [`PublishError`]; nothing is at the destination then.
pub async fn publish(
    engine: &Engine,
    publication: &Publication,
    told: impl FnMut(Reached) + Send,
) -> Result<Published, PublishError> {
    let answer = engine.sql(&publication.query).await?;
    let schema = answer.schema.clone();
    drop(answer);
    let columns = Columns::of(&schema, engine.origins(&publication.query).await?, publication)?;
    let tables = engine.reads(&publication.query).await?;
    let zones = zones(engine, publication, &columns, &tables).await?;
    terms::check(&zones, publication)?;
    let plan = Plan::of(publication, &columns);
    let suppressed = plan.suppressed(engine).await?;
    if suppressed.published_cells == 0 {
        return Err(PublishError::Nothing { k: publication.k, quasi: columns.quasi });
    }
    let beside = staged(&publication.to)?;
    let files =
        write(engine, publication, &plan, (&columns, &tables, &zones, &suppressed), beside.path(), told).await?;
    let location = beside.put(&publication.to)?;
    Ok(Published { location, files, suppressed, tables })
}

impl Columns {
    fn of(schema: &SchemaRef, origins: Vec<Origins>, publication: &Publication) -> Result<Self, PublishError> {
        let named: Vec<(&str, &DataType, Origins)> = schema
            .fields()
            .iter()
            .zip(origins)
            .map(|(field, origins)| (field.name().as_str(), field.data_type(), origins))
            .collect();
        let counts = |of: &Origins| of.iter().all(|origin| CREATORS.contains(&origin.as_str())) && !of.is_empty();
        let subject = SUBJECTS.iter().find(|subject| named.iter().any(|(name, _, of)| name == *subject && counts(of)));
        let subject = (*subject.ok_or(PublishError::NoSubject)?).to_owned();
        let mut columns = Self {
            subject,
            quasi: Vec::new(),
            others: Vec::new(),
            ids: Vec::new(),
            zone: false,
            origins: BTreeMap::new(),
            kinds: BTreeMap::new(),
        };
        let mut personal = Vec::new();
        for (name, kind, of) in named {
            if name == columns.subject {
                continue;
            }
            if name == ZONE {
                columns.zone = true;
                continue;
            }
            if let Some(origin) = of.iter().find(|origin| is_personal(origin)) {
                match publication.with_ids && personal::is_id(origin) {
                    true => columns.ids.push(name.to_owned()),
                    false => personal.push((name.to_owned(), origin.clone())),
                }
                continue;
            }
            columns.take(name, kind, publication)?;
            columns.origins.insert(name.to_owned(), of);
            columns.kinds.insert(name.to_owned(), kind.clone());
        }
        if !personal.is_empty() {
            return Err(PublishError::Personal { columns: personal });
        }
        columns.check(publication)?;
        Ok(columns)
    }

    fn take(&mut self, name: &str, kind: &DataType, publication: &Publication) -> Result<(), PublishError> {
        let refuse = |why: &str| Err(PublishError::Column { column: name.to_owned(), why: why.to_owned() });
        if kind.is_nested() {
            return refuse("nested values are not published. Take what you need out of them");
        }
        let number = kind.is_numeric();
        let quasi = match &publication.quasi {
            Some(quasi) => quasi.iter().any(|quasi| quasi == name),
            None => !number || publication.detail == Detail::Rows,
        };
        if !quasi && !number && publication.detail == Detail::Cells {
            return refuse(
                "it is neither a number to be summed up nor a quasi-identifier. Name it in --quasi, or leave it out",
            );
        }
        if quasi {
            self.quasi.push(name.to_owned())
        } else {
            self.others.push(name.to_owned())
        }
        Ok(())
    }

    fn check(&self, publication: &Publication) -> Result<(), PublishError> {
        let named = publication.quasi.iter().flatten().chain(&publication.generalise);
        if let Some(absent) = named.into_iter().find(|name| !self.quasi.contains(name)) {
            let why = format!("it is no quasi-identifier of the answer; those are {}", self.quasi.join(", "));
            return Err(PublishError::Column { column: absent.clone(), why });
        }
        Ok(())
    }
}

/// The zones of the rows, as far as can be told: where the answer does not say, those of every table that it reads.
async fn zones(
    engine: &Engine,
    publication: &Publication,
    columns: &Columns,
    tables: &BTreeMap<String, u64>,
) -> Result<BTreeSet<String>, PublishError> {
    let mut queries = Vec::new();
    if columns.zone {
        queries.push(format!("SELECT DISTINCT CAST(\"{ZONE}\" AS VARCHAR) FROM (\n{}\n)", publication.query));
    } else {
        for table in tables.keys() {
            let has = engine.columns(table).await?.iter().any(|column| column.name == "provenance");
            if has {
                queries.push(format!("SELECT DISTINCT CAST(provenance['zone'] AS VARCHAR) FROM {table}"));
            }
        }
    }
    let mut zones = BTreeSet::new();
    for query in queries {
        zones.extend(cells::texts(engine, &query).await?);
    }
    Ok(zones)
}

/// What the files are told.
type Known<'a> = (&'a Columns, &'a BTreeMap<String, u64>, &'a BTreeSet<String>, &'a Suppressed);

async fn write(
    engine: &Engine,
    publication: &Publication,
    plan: &Plan,
    known: Known<'_>,
    dir: &Path,
    mut told: impl FnMut(Reached) + Send,
) -> Result<Vec<ExportedFile>, PublishError> {
    let data = dir.join(format!("data.{}", publication.format));
    let mut files = Vec::new();
    let to = |path: &Path, format| Export::new(path.display().to_string(), format);
    let answer = engine.sql(&plan.published()).await?;
    files.extend(export(answer, &to(&data, publication.format), &mut told).await?.files);
    if let Some(query) = plan.ids() {
        let ids = dir.join("ids.csv");
        files.extend(export(engine.sql(&query).await?, &to(&ids, ExportFormat::Csv), &mut told).await?.files);
    }
    let (columns, tables, zones, suppressed) = known;
    let book = book::code_book(engine, publication, plan, columns).await?;
    files.push(text(dir, "CODEBOOK.md", &book)?);
    files.push(text(dir, "SUPPRESSION.md", &book::report(publication, columns, suppressed))?);
    let manifest = serde_json::json!({
        "form": 1, "release": env!("CARGO_PKG_VERSION"), "statement": publication.query, "tables": tables,
        "zones": zones, "detail": publication.detail, "k": publication.k, "counted": columns.subject,
        "quasi_identifiers": columns.quasi, "generalised": publication.generalise, "purpose": publication.purpose,
        "approval": publication.approval, "suppressed": suppressed, "files": files,
    });
    let manifest = serde_json::to_string_pretty(&manifest).unwrap_or_default() + "\n";
    files.push(text(dir, "MANIFEST.json", &manifest)?);
    Ok(files)
}

fn text(dir: &Path, name: &str, content: &str) -> Result<ExportedFile, ExportError> {
    let written = std::fs::write(dir.join(name), content);
    written.map_err(|e| ExportError::Format(FormatError::Io(e)))?;
    let sha256 = hex(digest(&SHA256, content.as_bytes()).as_ref());
    Ok(ExportedFile { path: name.to_owned(), rows: 0, bytes: content.len() as u64, sha256 })
}
