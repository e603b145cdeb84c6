//! GEXF 1.3, the XML by which Gephi and networkx exchange graphs: https://gexf.net/schema.html
//!
//! All nodes stand before all edges, which is how these readers want it. Rows come so, too (see [`crate::export::graph`]), and
//! nothing is held back. Their columns: `source` (of a node its id), `target`, `label`, `kind`, `weight`, and where days are
//! known `first_day` and `last_day`. Of a node `target` is null. Every element has a line of its own.

use super::cells::{Cells, Settings};
use super::{BatchWriter, FormatError};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::Write;

const HEAD: &str = concat!(
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<gexf xmlns=\"http://gexf.net/1.3\" version=\"1.3\">\n<meta><creator>Tidelake ",
    env!("CARGO_PKG_VERSION"),
    "</creator></meta>\n"
);

/// Where in the file the writer is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Head,
    Nodes,
    Edges,
}

/// Writes GEXF.
pub(crate) struct GexfWriter<W> {
    out: W,
    /// Whether edges have days.
    dated: bool,
    at: At,
    edges: u64,
    line: String,
}

impl<W: Write> GexfWriter<W> {
    /// A writer of this schema.
    pub(crate) fn new(out: W, schema: &SchemaRef) -> Self {
        let dated = schema.column_with_name("first_day").is_some();
        Self { out, dated, at: At::Head, edges: 0, line: String::new() }
    }

    /// Ends what is open, and begins what comes next.
    fn go_to(&mut self, next: At) -> Result<(), FormatError> {
        if self.at == At::Head {
            // Whole days, which every reader understands; networkx knows no other dates.
            let mode = if self.dated { "mode=\"dynamic\" timeformat=\"date\"" } else { "mode=\"static\"" };
            write!(self.out, "{HEAD}<graph defaultedgetype=\"directed\" {mode}>\n{ATTRIBUTES}<nodes>\n")?;
            self.at = At::Nodes;
        }
        if self.at == At::Nodes && next == At::Edges {
            self.out.write_all(b"</nodes>\n<edges>\n")?;
            self.at = At::Edges;
        }
        Ok(())
    }

    fn node(&mut self, id: &str, label: Option<&str>, kind: Option<&str>) {
        _ = write!(self.line, "<node id=\"{}\" label=\"{}\">", escaped(id), escaped(label.unwrap_or(id)));
        self.kind(kind);
        self.line.push_str("</node>\n");
    }

    fn edge(&mut self, source: &str, target: &str, [kind, weight, first, last]: [Option<&str>; 4]) {
        let (source, target) = (escaped(source), escaped(target));
        _ = write!(self.line, "<edge id=\"{}\" source=\"{source}\" target=\"{target}\"", self.edges);
        self.edges += 1;
        for (name, value) in [("kind", kind), ("weight", weight), ("start", first), ("end", last)] {
            if let Some(value) = value {
                _ = write!(self.line, " {name}=\"{}\"", escaped(value));
            }
        }
        self.line.push('>');
        self.kind(kind);
        self.line.push_str("</edge>\n");
    }

    fn kind(&mut self, kind: Option<&str>) {
        if let Some(kind) = kind {
            let kind = escaped(kind);
            _ = write!(self.line, "<attvalues><attvalue for=\"kind\" value=\"{kind}\"/></attvalues>");
        }
    }
}

/// What nodes and edges have beside what the format itself gives them.
const ATTRIBUTES: &str = "\
<attributes class=\"node\"><attribute id=\"kind\" title=\"kind\" type=\"string\"/></attributes>
<attributes class=\"edge\"><attribute id=\"kind\" title=\"kind\" type=\"string\"/></attributes>
";

impl<W: Write + Send> BatchWriter for GexfWriter<W> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), FormatError> {
        let (schema, settings) = (batch.schema(), Settings::default());
        let columns = schema.fields().iter().zip(batch.columns());
        let mut columns =
            columns.map(|(field, array)| Cells::of(field, array, &settings)).collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            let mut values = columns.iter_mut().map(|cells| cells.get(row)).collect::<Result<Vec<_>, _>>()?.into_iter();
            let mut next = || values.next().flatten();
            let (source, target, label, kind) = (next().unwrap_or_default(), next(), next(), next());
            let (weight, first, last) = (next(), next(), next());
            self.line.clear();
            if let Some(target) = target {
                self.go_to(At::Edges)?;
                self.edge(&source, &target, [kind.as_deref(), weight.as_deref(), first.as_deref(), last.as_deref()]);
            } else {
                self.go_to(At::Nodes)?;
                self.node(&source, label.as_deref(), kind.as_deref());
            }
            self.out.write_all(self.line.as_bytes())?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), FormatError> {
        self.go_to(At::Edges)?;
        self.out.write_all(b"</edges>\n</graph>\n</gexf>\n")?;
        Ok(self.out.flush()?)
    }
}

/// A text as an attribute's value. Characters that XML cannot have at all become �.
fn escaped(text: &str) -> Cow<'_, str> {
    let plain = |c: char| c >= ' ' && !matches!(c, '&' | '<' | '>' | '"' | '\u{fffe}' | '\u{ffff}');
    if text.chars().all(plain) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            // As they are, readers would make blanks of them. `write!` to a text cannot fail.
            '\t' | '\n' | '\r' => _ = write!(safe, "&#{};", u32::from(c)),
            c if plain(c) => safe.push(c),
            _ => safe.push('\u{fffd}'),
        }
    }
    Cow::Owned(safe)
}
