//! What the columns of an answer are, by the plan of its query.

use super::cells::texts;
use super::people::People;
use super::{Detail, Publication, PublishError};
use crate::query::{Engine, Key, Origins};
use arrow::datatypes::{DataType, SchemaRef};
use std::collections::{BTreeMap, BTreeSet};

/// Columns by which rows are counted as creators', in the order in which they are looked for.
pub(super) const SUBJECTS: [&str; 6] =
    ["author_id", "author_handle", "creator_id", "handle", "creator_handle", "author"];
/// The column that says whose terms a row is under, and what it has to be.
const ZONE: (&str, &str) = ("zone", "provenance.zone");

/// What of the answer becomes what.
#[derive(Debug)]
pub(super) struct Columns {
    /// Whose a row is.
    pub subject: String,
    /// Quasi-identifiers.
    pub quasi: Vec<String>,
    /// Everything else that is published.
    pub others: Vec<String>,
    /// Ids, where they were asked for.
    pub ids: Vec<String>,
    /// There is a column that says the zone.
    zone: bool,
    /// What each published column comes of.
    pub origins: BTreeMap<String, Origins>,
    /// … and its type.
    pub kinds: BTreeMap<String, DataType>,
}

/// A column of the answer.
struct Column<'a> {
    name: &'a str,
    kind: &'a DataType,
    /// What its values are made of.
    origins: Origins,
    /// Which column of a table it is, if it is one.
    key: Option<Key>,
}

impl Columns {
    pub(super) async fn of(
        engine: &Engine,
        schema: &SchemaRef,
        publication: &Publication,
    ) -> Result<Self, PublishError> {
        let (origins, keys) = (engine.origins(&publication.query).await?, engine.keys(&publication.query).await?);
        let people = People::of(engine, origins.iter().flatten()).await?;
        let all = schema.fields().iter().zip(origins).zip(keys);
        let all: Vec<Column<'_>> = all
            .map(|((field, origins), key)| Column { name: field.name(), kind: field.data_type(), origins, key })
            .collect();
        let counts = |name: &str| all.iter().any(|column| column.name == name && column.counts_creators(&people));
        let subject = SUBJECTS.into_iter().find(|name| counts(name)).ok_or(PublishError::NoSubject)?;
        let mut columns = Self {
            subject: subject.to_owned(),
            quasi: Vec::new(),
            others: Vec::new(),
            ids: Vec::new(),
            zone: false,
            origins: BTreeMap::new(),
            kinds: BTreeMap::new(),
        };
        let mut personal = Vec::new();
        for column in all.into_iter().filter(|column| column.name != subject) {
            if column.name == ZONE.0 {
                columns.zone = column.says_the_zone()?;
            } else if let Some(origin) = column.origins.iter().find(|origin| !people.is_open(origin)) {
                match publication.with_ids && column.is_id(&people) {
                    true => columns.ids.push(column.name.to_owned()),
                    false => personal.push((column.name.to_owned(), origin.to_string())),
                }
            } else {
                columns.take(column.name, column.kind, publication)?;
                columns.origins.insert(column.name.to_owned(), column.origins);
                columns.kinds.insert(column.name.to_owned(), column.kind.clone());
            }
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

impl Column<'_> {
    /// Whether it has no more values than creators have names: what is computed in any other way may have as many as there are
    /// rows, and every cell would look as if many shared it.
    fn counts_creators(&self, people: &People) -> bool {
        let Some(key) = &self.key else { return false };
        let tables: BTreeSet<&str> = key.origins.iter().map(|origin| origin.table.as_str()).collect();
        tables.len() == 1 && key.origins.iter().all(|origin| people.is_creator(origin))
    }

    /// Whether it is the id of a thing, of which a list may be published.
    fn is_id(&self, people: &People) -> bool {
        self.key.as_ref().is_some_and(|key| key.as_is && key.origins.iter().all(|origin| people.is_id(origin)))
    }

    /// It decides whose terms are looked at, and may say nothing else than the rows do.
    fn says_the_zone(&self) -> Result<bool, PublishError> {
        let zone = |key: &Key| key.as_is && key.origins.iter().all(|origin| origin.column == ZONE.1);
        match self.key.as_ref().is_some_and(zone) {
            true => Ok(true),
            false => Err(PublishError::Column {
                column: ZONE.0.to_owned(),
                why: "it is not the zone as a table or view has it. Give it another name, or let it be that".to_owned(),
            }),
        }
    }
}

/// The zones of the rows, as far as can be told: where the answer does not say, those of every table that it reads.
pub(super) async fn zones(
    engine: &Engine,
    publication: &Publication,
    columns: &Columns,
    tables: &BTreeMap<String, u64>,
) -> Result<BTreeSet<String>, PublishError> {
    let mut queries = Vec::new();
    if columns.zone {
        queries.push(format!("SELECT DISTINCT CAST({} AS VARCHAR) FROM (\n{}\n)", ZONE.0, publication.query));
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
        zones.extend(texts(engine, &query).await?);
    }
    Ok(zones)
}
