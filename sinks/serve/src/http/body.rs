//! Rows as they go out, batch by batch: what has been sent is forgotten.

use super::problem::Problem;
use crate::error::ServeError;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::writer::StreamWriter;
use axum::body::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::{Stream, StreamExt};
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use tidelake_sinks::format::{BatchWriter, Format, FormatOptions};

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Arrow's IPC stream.
    Arrow,
    /// One of the formats of files.
    Text(Format),
}

/// What can be asked for, the default first.
const OFFERED: [(&str, Encoding); 5] = [
    ("application/json", Encoding::Text(Format::Json)),
    ("application/x-ndjson", Encoding::Text(Format::Ndjson)),
    ("text/csv", Encoding::Text(Format::Csv)),
    ("application/vnd.apache.arrow.stream", Encoding::Arrow),
    ("application/vnd.apache.parquet", Encoding::Text(Format::Parquet)),
];

impl Encoding {
    /// The one that an `Accept` header prefers; `None` when it can have none.
    pub(super) fn of(accept: Option<&str>) -> Option<Self> {
        let Some(accept) = accept else { return Some(OFFERED[0].1) };
        let mut wanted: Vec<(&str, f32)> = accept.split(',').map(weighed).filter(|(_, weight)| *weight > 0.0).collect();
        // Stable: among equals, the first named.
        wanted.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        wanted.into_iter().find_map(|(kind, _)| {
            let matches = |offered: &str| match kind.split_once('/') {
                Some(("*", "*")) => true,
                Some((main, "*")) => offered.split('/').next() == Some(main),
                _ => kind.eq_ignore_ascii_case(offered) || kind == "application/jsonl" && offered.ends_with("ndjson"),
            };
            OFFERED.iter().find(|(offered, _)| matches(offered)).map(|(_, encoding)| *encoding)
        })
    }

    /// All there are.
    pub(super) fn names() -> String {
        OFFERED.map(|(name, _)| name).join(", ")
    }

    /// The MIME type.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Arrow => "application/vnd.apache.arrow.stream",
            Self::Text(format) => format.content_type(),
        }
    }
}

/// A kind and how much it is wanted.
fn weighed(part: &str) -> (&str, f32) {
    let mut parts = part.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default();
    let weight = parts.find_map(|parameter| parameter.strip_prefix("q=")).and_then(|weight| weight.parse().ok());
    (kind, weight.unwrap_or(1.0))
}

/// Whether the bytes go out compressed by gzip: where an `Accept-Encoding` header takes it, and they are not compressed
/// already.
pub(super) fn is_zipped(accept: Option<&str>, encoding: Encoding) -> bool {
    let wanted: Vec<(&str, f32)> = accept.unwrap_or_default().split(',').map(|part| weighed(part.trim())).collect();
    let weight =
        |name: &str| wanted.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, weight)| *weight);
    let taken = weight("gzip").or_else(|| weight("*")).is_some_and(|weight| weight > 0.0);
    taken && encoding != Encoding::Text(Format::Parquet)
}

/// The answer's bytes. Where the query fails underway the stream ends with an error, so that the connection is cut before
/// the body's end mark: no client takes what it has for the whole.
pub(super) fn stream<R>(
    rows: R,
    schema: &SchemaRef,
    encoding: Encoding,
    zipped: bool,
) -> Result<impl Stream<Item = io::Result<Bytes>> + use<R>, Problem>
where
    R: Stream<Item = Result<RecordBatch, ServeError>> + Unpin,
{
    let written = Written::default();
    // What is dropped last writes the end of what is compressed.
    let out = match zipped {
        true => Out::Zipped(Box::new(GzEncoder::new(written.clone(), Compression::fast()))),
        false => Out::Plain(written.clone()),
    };
    let writer: Box<dyn BatchWriter> = match encoding {
        Encoding::Arrow => StreamWriter::try_new(out, schema)
            .map(|writer| Box::new(Ipc(writer)) as Box<dyn BatchWriter>)
            .map_err(|error| error.into()),
        Encoding::Text(format) => format.writer(out, schema, &FormatOptions::default()),
    }
    .map_err(|error| Problem::from(ServeError::Request(error.to_string())))?;
    let underway = Some((rows, writer));
    Ok(futures::stream::unfold((underway, written), |(underway, written)| async move {
        let (mut rows, mut writer) = underway?;
        loop {
            let step = match rows.next().await {
                Some(Ok(batch)) => writer.write(&batch).map(|()| true).map_err(io::Error::other),
                Some(Err(error)) => Err(io::Error::other(error)),
                None => Ok(false),
            };
            let bytes = match step {
                Ok(true) => match written.take() {
                    empty if empty.is_empty() => continue,
                    bytes => return Some((Ok(bytes), (Some((rows, writer)), written))),
                },
                Ok(false) => writer.finish().map(|()| written.take()).map_err(io::Error::other),
                Err(error) => Err(error),
            };
            return Some((bytes, (None, written)));
        }
    }))
}

/// What a writer has written and nobody has taken.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn take(&self) -> Bytes {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).into()
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Where writers write.
enum Out {
    Plain(Written),
    Zipped(Box<GzEncoder<Written>>),
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(out) => out.write(bytes),
            Self::Zipped(out) => out.write(bytes),
        }
    }

    /// Compression goes on over the ends of batches.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Arrow's IPC stream, as the other formats are written.
struct Ipc(StreamWriter<Out>);

impl BatchWriter for Ipc {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), tidelake_sinks::format::FormatError> {
        Ok(self.0.write(batch)?)
    }

    fn finish(mut self: Box<Self>) -> Result<(), tidelake_sinks::format::FormatError> {
        Ok(self.0.finish()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_that_is_accepted_is_given() {
        let json = Some(Encoding::Text(Format::Json));
        for (accept, given) in [
            (None, json),
            (Some("*/*"), json),
            (Some("text/html, application/json;q=0.9, */*;q=0.1"), json),
            (Some("text/*"), Some(Encoding::Text(Format::Csv))),
            (Some("text/csv;q=0.5, application/vnd.apache.arrow.stream"), Some(Encoding::Arrow)),
            (Some("application/jsonl"), Some(Encoding::Text(Format::Ndjson))),
            (Some("application/json;q=0"), None),
            (Some("image/png"), None),
        ] {
            assert_eq!(Encoding::of(accept), given, "{accept:?}");
        }
    }

    #[test]
    fn what_asks_for_gzip_gets_it() {
        let json = Encoding::Text(Format::Json);
        for accept in ["gzip", "deflate, GZIP;q=0.5, br", "*", "br;q=1.0, *;q=0.1"] {
            assert!(is_zipped(Some(accept), json), "{accept}");
            assert!(!is_zipped(Some(accept), Encoding::Text(Format::Parquet)), "{accept}");
        }
        for accept in [None, Some(""), Some("identity"), Some("gzip;q=0"), Some("gzip;q=0, *")] {
            assert!(!is_zipped(accept, json), "{accept:?}");
        }
    }
}
