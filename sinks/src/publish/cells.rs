//! Cells, and which of them are published: as SQL, so that any number of rows and cells can be worked on.

use super::columns::Columns;
use super::{Detail, Publication, PublishError, Suppressed};
use crate::query::{Engine, QueryError};
use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use std::fmt::Write;

/// A sum of which one creator makes up more than this is left out.
const DOMINANT: &str = "0.8";
/// What rare values become where they are generalised.
const OTHER: &str = "other";

/// The queries of a publication.
pub(super) struct Plan {
    /// `WITH` parts that all share: `source`, `by_creator`, `cells`, `judged`.
    with: String,
    quasi: Vec<String>,
    others: Vec<String>,
    ids: Vec<String>,
    detail: Detail,
}

/// A name as SQL.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Plan {
    pub(super) fn of(publication: &Publication, columns: &Columns) -> Self {
        let quote = |names: &[String]| names.iter().map(|name| quoted(name)).collect::<Vec<_>>();
        let (quasi, others) = (quote(&columns.quasi), quote(&columns.others));
        let measures = if publication.detail == Detail::Cells { others.clone() } else { Vec::new() };
        let with = shared(publication, columns, &quasi, &others, &measures);
        Self { with, quasi, others, ids: quote(&columns.ids), detail: publication.detail }
    }

    /// The rows of the published file.
    pub(super) fn published(&self) -> String {
        let key = list(&self.quasi);
        match self.detail {
            Detail::Cells => {
                let mut measures = String::new();
                for (n, other) in self.others.iter().enumerate() {
                    let name = other.trim_matches('"');
                    _ = write!(
                        measures,
                        ", CASE WHEN ok{n} THEN sum{n} END AS \"{name}_sum\", \
                         CASE WHEN ok{n} THEN sum{n} / CAST(n{n} AS DOUBLE) END AS \"{name}_mean\""
                    );
                }
                let order =
                    if self.quasi.is_empty() { String::new() } else { format!(" ORDER BY {}", self.quasi.join(", ")) };
                format!("{} SELECT {key}rows, creators{measures} FROM judged WHERE published{order}", self.with)
            }
            Detail::Rows => {
                let all: Vec<String> = self.quasi.iter().chain(&self.others).cloned().collect();
                let named = all.iter().map(|name| format!("s.{name}")).collect::<Vec<_>>().join(", ");
                format!("{} SELECT {named} FROM {} ORDER BY {}", self.with, self.joined(), all.join(", "))
            }
        }
    }

    /// The list of ids; `None` where none was asked for.
    pub(super) fn ids(&self) -> Option<String> {
        if self.ids.is_empty() {
            return None;
        }
        let named = self.ids.iter().map(|name| format!("s.{name}")).collect::<Vec<_>>().join(", ");
        Some(format!("{} SELECT DISTINCT {named} FROM {} ORDER BY {}", self.with, self.joined(), self.ids.join(", ")))
    }

    /// Rows of published cells.
    fn joined(&self) -> String {
        let same = self.quasi.iter().map(|name| format!("(s.{name} IS NOT DISTINCT FROM j.{name})"));
        let same = same.chain(["j.published".to_owned()]).collect::<Vec<_>>().join(" AND ");
        format!("source s JOIN judged j ON {same}")
    }

    /// What is left out.
    pub(super) async fn suppressed(&self, engine: &Engine) -> Result<Suppressed, PublishError> {
        let mut dominated = String::from("0");
        if self.detail == Detail::Cells {
            for n in 0..self.others.len() {
                _ = write!(dominated, " + count(*) FILTER (WHERE published AND NOT ok{n} AND n{n} > 0)");
            }
        }
        let query = format!(
            "{} SELECT count(*), count(*) FILTER (WHERE published), coalesce(sum(rows), 0), \
             coalesce(sum(rows) FILTER (WHERE published), 0), count(*) FILTER (WHERE enough AND NOT published), \
             {dominated} FROM judged",
            self.with
        );
        let counts = engine.integers(&query).await?;
        let count = |at: usize| counts.get(at).and_then(|n| u64::try_from(*n).ok()).unwrap_or(0);
        Ok(Suppressed {
            cells: count(0),
            published_cells: count(1),
            rows: count(2),
            published_rows: count(3),
            complementary: count(4) > 0,
            dominated: count(5),
        })
    }

    /// The most frequent values of a quasi-identifier, with the rows of published cells that have them.
    pub(super) fn values(&self, name: &str, most: usize) -> String {
        let name = quoted(name);
        format!(
            "{} SELECT CAST(v AS VARCHAR) AS value, CAST(n AS VARCHAR) AS rows FROM (SELECT {name} AS v, sum(rows) AS n \
             FROM judged WHERE published GROUP BY {name}) ORDER BY n DESC, v LIMIT {most}",
            self.with
        )
    }
}

/// Names, each followed by a comma.
fn list(names: &[String]) -> String {
    names.iter().map(|name| format!("{name}, ")).collect()
}

fn shared(
    publication: &Publication,
    columns: &Columns,
    quasi: &[String],
    others: &[String],
    measures: &[String],
) -> String {
    let k = publication.k;
    let who = quoted(&columns.subject);
    let (key, values) = (list(quasi), list(others));
    let ids: String = columns.ids.iter().map(|name| format!("{}, ", quoted(name))).collect();
    // A handle is written in many ways.
    let who = format!("lower(CAST({who} AS VARCHAR))");
    let mut with = format!("WITH asked AS (SELECT {key}{values}{ids}{who} AS who FROM (\n{}\n))", publication.query);
    let (mut told, mut from) = (String::new(), "asked".to_owned());
    for (n, name) in quasi.iter().enumerate() {
        if !publication.generalise.iter().any(|generalised| quoted(generalised) == *name) {
            _ = write!(told, "{name}, ");
            continue;
        }
        _ = write!(
            with,
            ", often{n} AS (SELECT {name} AS often{n} FROM asked GROUP BY {name} HAVING count(DISTINCT who) >= {k})"
        );
        _ = write!(from, " LEFT JOIN often{n} ON {name} = often{n}");
        _ = write!(
            told,
            "CASE WHEN often{n} IS NOT NULL THEN CAST({name} AS VARCHAR) WHEN {name} IS NOT NULL THEN '{OTHER}' END AS {name}, "
        );
    }
    _ = write!(with, ", source AS (SELECT {told}");
    _ = write!(with, "{values}{ids}who FROM {from}), by_creator AS (SELECT {key}who, count(*) AS rows");
    for (n, measure) in measures.iter().enumerate() {
        _ = write!(with, ", sum({measure}) AS s{n}, count({measure}) AS c{n}");
    }
    _ = write!(
        with,
        " FROM source GROUP BY {key}who), cells AS (SELECT {key}sum(rows) AS rows, count(who) AS creators"
    );
    for n in 0..measures.len() {
        _ = write!(
            with,
            ", sum(s{n}) AS sum{n}, sum(c{n}) AS n{n}, \
             count(s{n}) FILTER (WHERE who IS NOT NULL) >= {k} AND max(abs(s{n})) <= {DOMINANT} * sum(abs(s{n})) AS ok{n}"
        );
    }
    _ = write!(with, " FROM by_creator");
    if !quasi.is_empty() {
        _ = write!(with, " GROUP BY {}", quasi.join(", "));
    }
    // What is left out must be of k creators together, or of none. One more cell is always enough: it has k.
    let cell = quasi.iter().map(|name| format!("(b.{name} IS NOT DISTINCT FROM c.{name})"));
    let small = cell.chain([format!("c.creators < {k}")]).collect::<Vec<_>>().join(" AND ");
    let order =
        ["creators", "rows"].into_iter().map(str::to_owned).chain(quasi.iter().cloned()).collect::<Vec<_>>().join(", ");
    _ = write!(
        with,
        "), hidden AS (SELECT count(DISTINCT b.who) AS creators, count(*) AS parts FROM by_creator b JOIN cells c ON {small}), \
         ranked AS (SELECT *, creators >= {k} AS enough, \
         row_number() OVER (PARTITION BY creators >= {k} ORDER BY {order}) AS place FROM cells), \
         judged AS (SELECT r.*, r.enough AND NOT (r.place = 1 AND h.parts > 0 AND h.creators < {k}) AS published \
         FROM ranked r CROSS JOIN hidden h)"
    );
    with
}

/// The values of the first column that are not null, as texts.
pub(super) async fn texts(engine: &Engine, query: &str) -> Result<Vec<String>, QueryError> {
    Ok(pairs(engine, query).await?.into_iter().filter_map(|(first, _)| first).collect())
}

/// The first two columns as texts; the second is absent where there is one.
pub(super) async fn pairs(engine: &Engine, query: &str) -> Result<Vec<(Option<String>, Option<String>)>, QueryError> {
    let mut all = Vec::new();
    for batch in engine.collect(query).await? {
        let text = |at: usize| {
            let column = batch.columns().get(at).map(|column| cast(column, &DataType::Utf8)).transpose();
            column.map_err(|e| QueryError::Execution(e.to_string()))
        };
        let (first, second) = (text(0)?, text(1)?);
        for row in 0..batch.num_rows() {
            let value = |column: &Option<arrow::array::ArrayRef>| {
                let column = column.as_ref().filter(|column| column.is_valid(row))?;
                Some(column.as_string::<i32>().value(row).to_owned())
            };
            all.push((value(&first), value(&second)));
        }
    }
    Ok(all)
}
