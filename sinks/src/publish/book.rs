//! The code book and the suppression report: what a reader of a publication has to know.

use super::cells::{Plan, pairs};
use super::columns::Columns;
use super::{Detail, Publication, PublishError, Suppressed};
use crate::query::{Engine, Origin};
use arrow::datatypes::DataType;
use serde_json::Value;
use std::fmt::Write;
use tidelake_schemas::topics::LANDED;

/// Values that a distribution names.
const VALUES: usize = 12;

/// What the columns are.
pub(super) async fn code_book(
    engine: &Engine,
    publication: &Publication,
    plan: &Plan,
    columns: &Columns,
) -> Result<String, PublishError> {
    let mut book = String::from("# Code book\n\n");
    _ = writeln!(
        book,
        "`data.{}`: one row per {}.\n",
        publication.format,
        match publication.detail {
            Detail::Cells => "combination of the quasi-identifiers",
            Detail::Rows => "row of the query's answer",
        }
    );
    book.push_str("| column | type | unit | meaning |\n| --- | --- | --- | --- |\n");
    for name in &columns.quasi {
        line(
            &mut book,
            name,
            &kind(columns, name, publication),
            "",
            &format!("Quasi-identifier. {}", meaning(columns, name)),
        );
    }
    if publication.detail == Detail::Cells {
        line(&mut book, "rows", "integer", "rows", "Rows of the query's answer in this cell.");
        line(&mut book, "creators", "integer", "creators", "Distinct creators in this cell.");
    }
    for name in &columns.others {
        let of = meaning(columns, name);
        match publication.detail {
            Detail::Rows => line(&mut book, name, &kind(columns, name, publication), unit(name), &of),
            Detail::Cells => {
                let number =
                    if columns.kinds.get(name).is_some_and(DataType::is_integer) { "integer" } else { "number" };
                line(&mut book, &format!("{name}_sum"), number, unit(name), &format!("Sum over the cell's rows. {of}"));
                line(
                    &mut book,
                    &format!("{name}_mean"),
                    "number",
                    unit(name),
                    "Mean over those of them that have a value.",
                );
            }
        }
    }
    if !columns.ids.is_empty() {
        _ = writeln!(
            book,
            "\n`ids.csv`: {} of the rows that were published, in no relation to them.",
            columns.ids.join(", ")
        );
    }
    book.push_str("\nUnknown is empty, never 0. Days and instants are UTC.\n\n## Distributions\n");
    for name in &columns.quasi {
        _ = writeln!(book, "\n`{name}`, rows of published cells:\n");
        for (value, rows) in pairs(engine, &plan.values(name, VALUES + 1)).await?.into_iter().take(VALUES) {
            let value = value.map_or_else(|| "(unknown)".to_owned(), |value| format!("`{}`", value.replace('`', "'")));
            _ = writeln!(book, "* {value}: {}", rows.unwrap_or_default());
        }
    }
    Ok(book)
}

fn line(book: &mut String, name: &str, kind: &str, unit: &str, meaning: &str) {
    _ = writeln!(book, "| `{}` | {kind} | {unit} | {} |", name.replace('|', "\\|"), meaning.replace('|', "\\|"));
}

fn kind(columns: &Columns, name: &str, publication: &Publication) -> String {
    if publication.generalise.iter().any(|generalised| generalised == name) {
        return "text; rare values are `other`".to_owned();
    }
    match columns.kinds.get(name) {
        Some(DataType::Boolean) => "true or false".to_owned(),
        Some(kind) if kind.is_integer() => "integer".to_owned(),
        Some(kind) if kind.is_numeric() => "number".to_owned(),
        Some(DataType::Date32 | DataType::Date64) => "date".to_owned(),
        Some(DataType::Timestamp(..)) => "instant".to_owned(),
        _ => "text".to_owned(),
    }
}

/// Told by the name: the lake's own columns have their unit in it.
fn unit(name: &str) -> &'static str {
    match name {
        name if name.ends_with("_s") => "seconds",
        name if name.ends_with("_hours") => "hours",
        name if name.ends_with("_ms") => "milliseconds",
        "views" | "likes" | "comments" | "shares" | "saves" | "reposts" | "followers" | "following" | "videos" => {
            "count"
        }
        _ => "",
    }
}

/// What the schemas say of the columns that a column comes of.
fn meaning(columns: &Columns, name: &str) -> String {
    let Some(origins) = columns.origins.get(name).filter(|origins| !origins.is_empty()) else {
        return "Computed by the query.".to_owned();
    };
    let told = origins.iter().map(|origin| match doc(origin) {
        Some(doc) => format!("`{origin}`: {doc}"),
        None => format!("`{origin}`"),
    });
    format!("Of {}", told.collect::<Vec<_>>().join(" "))
}

/// The documentation of a field in its table's schema.
fn doc(origin: &Origin) -> Option<String> {
    LANDED.iter().filter(|landed| landed.table == origin.table).find_map(|landed| {
        let schema: Value = serde_json::from_str(landed.schema.json()).ok()?;
        let mut record = &schema;
        let mut doc = None;
        for part in origin.column.split('.') {
            let field = fields(record)?.iter().find(|field| field["name"] == part)?;
            doc = field["doc"].as_str().map(str::to_owned);
            record = &field["type"];
        }
        doc
    })
}

/// The fields of a record, also within a union or an array.
fn fields(kind: &Value) -> Option<&Vec<Value>> {
    match kind {
        Value::Array(union) => union.iter().find_map(fields),
        Value::Object(object) => match object.get("fields") {
            Some(Value::Array(own)) => Some(own),
            _ => object.get("items").or_else(|| object.get("type")).and_then(fields),
        },
        _ => None,
    }
}

/// What was left out, and why.
pub(super) fn report(publication: &Publication, columns: &Columns, suppressed: &Suppressed) -> String {
    let Suppressed { cells, published_cells, rows, published_rows, complementary, dominated } = suppressed;
    let quasi =
        if columns.quasi.is_empty() { "none: all rows are one cell".to_owned() } else { columns.quasi.join(", ") };
    let mut report = format!(
        "# Suppression report\n\n\
         * Quasi-identifiers: {quasi}\n* Creators in a cell at least: {}, counted by `{}`, which is not published\n\
         * Cells: {cells}, of which {published_cells} are published and {} left out\n\
         * Rows: {rows}, of which {published_rows} are in published cells and {} left out\n",
        publication.k,
        columns.subject,
        cells - published_cells,
        rows - published_rows,
    );
    report.push_str(match (cells - published_cells, complementary) {
        (0, _) => "* Nothing was left out\n",
        (_, false) => "* Why: fewer creators than that are in those cells. Together they have at least as many\n",
        (_, true) => {
            "* Why: fewer creators than that are in those cells, and together too few: the smallest of the other cells was \
             left out with them, so that they cannot be told by subtraction from a total\n"
        }
    });
    if publication.detail == Detail::Cells {
        _ = writeln!(
            report,
            "* Sums and means left out in published cells: {dominated}: one creator makes up more than four fifths of the sum, \
             or fewer creators than that have a value"
        );
    } else {
        report.push_str(
            "* Columns that are no quasi-identifiers stand as they are: exact counts can be looked up by whoever knows the \
             platform. Name them in --quasi, or make bands of them\n",
        );
    }
    for name in &publication.generalise {
        _ = writeln!(report, "* `{name}`: values with fewer creators than that became `other`");
    }
    report.push_str(
        "\nAnother publication that parts the same rows in another way can be subtracted from this one: what differs may be \
         fewer people than either tells of. Compare the two before the second is given away.\n",
    );
    report
}
