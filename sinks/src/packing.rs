//! Text files that are compressed as a whole: gzip (`.gz`) and zstd (`.zst`).

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use std::io::{self, Read, Write};

/// What a file is compressed by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Packing {
    /// Nothing.
    #[default]
    Plain,
    /// Gzip, level 6.
    Gzip,
    /// Zstd, level 3.
    Zstd,
}

impl Packing {
    /// A file's name without the extension that says what it is compressed by, and that.
    pub(crate) fn of_name(name: &str) -> (&str, Self) {
        let (rest, extension) = name.rsplit_once('.').unwrap_or((name, ""));
        match extension.to_ascii_lowercase().as_str() {
            "gz" => (rest, Self::Gzip),
            "zst" => (rest, Self::Zstd),
            _ => (name, Self::Plain),
        }
    }

    /// By a file's first bytes, whatever its name says.
    pub(crate) fn of_content(content: &[u8]) -> Self {
        match content {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            _ => Self::Plain,
        }
    }

    /// What comes after the extension of the format.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Gzip => ".gz",
            Self::Zstd => ".zst",
        }
    }

    /// The content that was compressed.
    pub(crate) fn unpack(self, content: Bytes) -> io::Result<Bytes> {
        let mut plain = Vec::new();
        match self {
            Self::Plain => return Ok(content),
            Self::Gzip => MultiGzDecoder::new(content.as_ref()).read_to_end(&mut plain)?,
            Self::Zstd => zstd::Decoder::new(content.as_ref())?.read_to_end(&mut plain)?,
        };
        Ok(plain.into())
    }

    /// A content compressed.
    pub(crate) fn pack(self, content: Vec<u8>) -> io::Result<Vec<u8>> {
        if self == Self::Plain {
            return Ok(content);
        }
        let mut packer = self.packer(Vec::new())?;
        packer.write_all(&content)?;
        packer.finish()
    }

    /// A writer that compresses.
    pub(crate) fn packer<W: Write>(self, out: W) -> io::Result<Packer<W>> {
        Ok(match self {
            Self::Plain => Packer::Plain(out),
            Self::Gzip => Packer::Gzip(GzEncoder::new(out, flate2::Compression::default())),
            Self::Zstd => Packer::Zstd(zstd::Encoder::new(out, zstd::DEFAULT_COMPRESSION_LEVEL)?),
        })
    }
}

/// Compresses what is written. What comes last is only written by [`Self::finish`].
pub(crate) enum Packer<W: Write> {
    Plain(W),
    Gzip(GzEncoder<W>),
    Zstd(zstd::Encoder<'static, W>),
}

impl<W: Write> Packer<W> {
    /// Ends the file; where it was written.
    pub(crate) fn finish(self) -> io::Result<W> {
        match self {
            Self::Plain(out) => Ok(out),
            Self::Gzip(out) => out.finish(),
            Self::Zstd(out) => out.finish(),
        }
    }
}

impl<W: Write> Write for Packer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(out) => out.write(bytes),
            Self::Gzip(out) => out.write(bytes),
            Self::Zstd(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(out) => out.flush(),
            Self::Gzip(out) => out.flush(),
            Self::Zstd(out) => out.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_known_by_name_and_content_and_comes_back() {
        for (name, rest, packing) in [
            ("a.csv", "a.csv", Packing::Plain),
            ("a.csv.gz", "a.csv", Packing::Gzip),
            ("a.b/c.json.ZST", "a.b/c.json", Packing::Zstd),
            ("gz", "gz", Packing::Plain),
        ] {
            assert_eq!(Packing::of_name(name), (rest, packing));
            let content = "a\n1\n".repeat(1_000).into_bytes();
            let packed = packing.pack(content.clone()).unwrap();
            assert_eq!(Packing::of_content(&packed), packing);
            assert!(packing == Packing::Plain || packed.len() < content.len());
            assert_eq!(packing.unpack(packed.into()).unwrap(), content);
        }
        // Files that were joined, as `cat a.gz b.gz` does.
        let joined = [Packing::Gzip.pack(b"a".to_vec()).unwrap(), Packing::Gzip.pack(b"b".to_vec()).unwrap()].concat();
        assert_eq!(Packing::Gzip.unpack(joined.into()).unwrap(), "ab");
        assert!(Packing::Gzip.unpack(Bytes::from_static(&[0x1f, 0x8b, 8, 0])).is_err(), "cut short");
    }
}
