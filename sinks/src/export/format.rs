//! What files an export can write, by name.

use crate::packing::Packing;
use parquet::basic::{Compression as Codec, GzipLevel, ZstdLevel};
use std::fmt;
use std::str::FromStr;

/// What the files are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// Parquet.
    Parquet,
    /// Comma-separated values with a header, RFC 4180.
    Csv,
    /// One JSON array of objects.
    Json,
    /// One JSON object per line.
    Ndjson,
    /// An Excel workbook.
    Xlsx,
    /// A graph in Gephi's XML, of an answer with the columns `source` and `target`: see [`super::graph`].
    Gexf,
}

impl ExportFormat {
    /// Every format.
    pub const ALL: [Self; 6] = [Self::Parquet, Self::Csv, Self::Json, Self::Ndjson, Self::Xlsx, Self::Gexf];

    /// The name, which is the extension of its files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Xlsx => "xlsx",
            Self::Gexf => "gexf",
        }
    }

    /// The format that a destination's extension names, the one before `.gz` or `.zst`.
    pub fn of_extension(place: &str) -> Option<Self> {
        let (name, _) = Packing::of_name(place.trim_end_matches('/').rsplit('/').next()?);
        match name.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
            "jsonl" => Some(Self::Ndjson),
            "pq" => Some(Self::Parquet),
            extension => extension.parse().ok(),
        }
    }
}

impl fmt::Display for ExportFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ExportFormat {
    type Err = UnknownExportFormat;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|format| format.name().eq_ignore_ascii_case(text.trim()));
        named.ok_or_else(|| UnknownExportFormat(text.to_owned()))
    }
}

/// A name that is no format's.
#[derive(Debug, thiserror::Error)]
#[error("no export format is called {0:?}. Use one of: parquet, csv, json, ndjson, xlsx, gexf")]
pub struct UnknownExportFormat(String);

/// How Parquet's pages are compressed, and text files as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Zstd, level 3.
    #[default]
    Zstd,
    /// Snappy, which every reader knows.
    Snappy,
    /// Gzip, level 6.
    Gzip,
    /// LZ4, as Parquet writes it since 2021 (`LZ4_RAW`).
    Lz4,
    /// None.
    None,
}

impl Compression {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Zstd, Self::Snappy, Self::Gzip, Self::Lz4, Self::None];

    /// What is usual for a destination: of Parquet zstd, of text what the name's `.gz` or `.zst` says.
    pub fn of_place(place: &str, format: ExportFormat) -> Self {
        match (format, Packing::of_name(place.trim_end_matches('/')).1) {
            (ExportFormat::Parquet, _) | (_, Packing::Zstd) => Self::Zstd,
            (_, Packing::Gzip) => Self::Gzip,
            (_, Packing::Plain) => Self::None,
        }
    }

    /// What a file of this format is compressed by as a whole; `None`: it cannot be.
    pub(super) fn packing(self, format: ExportFormat) -> Option<Packing> {
        match (format, self) {
            (ExportFormat::Parquet, _) | (_, Self::None) => Some(Packing::Plain),
            (ExportFormat::Xlsx, _) => None,
            (_, Self::Gzip) => Some(Packing::Gzip),
            (_, Self::Zstd) => Some(Packing::Zstd),
            (_, Self::Snappy | Self::Lz4) => None,
        }
    }

    /// The name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Snappy => "snappy",
            Self::Gzip => "gzip",
            Self::Lz4 => "lz4",
            Self::None => "none",
        }
    }

    pub(super) fn codec(self) -> Codec {
        match self {
            Self::Zstd => Codec::ZSTD(ZstdLevel::try_new(3).unwrap_or_default()),
            Self::Snappy => Codec::SNAPPY,
            Self::Gzip => Codec::GZIP(GzipLevel::default()),
            Self::Lz4 => Codec::LZ4_RAW,
            Self::None => Codec::UNCOMPRESSED,
        }
    }
}

impl FromStr for Compression {
    type Err = UnknownCompression;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|codec| codec.name().eq_ignore_ascii_case(text.trim()));
        named.ok_or_else(|| UnknownCompression(text.to_owned()))
    }
}

/// A name that is no compression's.
#[derive(Debug, thiserror::Error)]
#[error("no compression is called {0:?}. Use one of: zstd, snappy, gzip, lz4, none")]
pub struct UnknownCompression(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_name_formats() {
        for (place, format) in [
            ("a.csv", Some(ExportFormat::Csv)),
            ("s3://b/x.y/a.JSONL", Some(ExportFormat::Ndjson)),
            ("dir.parquet/", Some(ExportFormat::Parquet)),
            ("a.csv.gz", Some(ExportFormat::Csv)),
            ("s3://b/a.jsonl.zst", Some(ExportFormat::Ndjson)),
            ("a.gz", None),
            ("a.d/b", None),
            ("a", None),
        ] {
            assert_eq!(ExportFormat::of_extension(place), format, "{place}");
        }
        for format in ExportFormat::ALL {
            assert_eq!(format.name().parse::<ExportFormat>().unwrap(), format);
        }
    }
}
