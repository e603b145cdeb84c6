//! Films are stored as they came; that they are whole is told by the boxes of their container (ISO/IEC 14496-12).

use super::{Corrupt, Made};
use bytes::Bytes;

/// How deep boxes lie in boxes where measures are looked for: `moov` / `trak` / `tkhd`.
const PATH: [&[u8; 4]; 2] = [b"moov", b"trak"];

/// A box: its name and content.
type Boxed<'a> = ([u8; 4], &'a [u8]);

/// The boxes of a stretch, one after the other; a cut one is an error and the last.
struct Boxes<'a>(&'a [u8]);

impl<'a> Iterator for Boxes<'a> {
    type Item = Result<Boxed<'a>, &'static str>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let (boxed, rest) = match split(self.0) {
            Some((boxed, rest)) => (Ok(boxed), rest),
            None => (Err("a box is cut"), &[][..]),
        };
        self.0 = rest;
        Some(boxed)
    }
}

/// The first box, and what follows it. A size of 1 announces a long one, 0 means to the end.
fn split(from: &[u8]) -> Option<(Boxed<'_>, &[u8])> {
    let word = |at: usize| from.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes);
    let name = from.get(4..8)?.try_into().ok()?;
    let (begin, size) = match word(0)? {
        0 => (8, from.len()),
        1 => (16, usize::try_from(u64::from(word(8)?) << 32 | u64::from(word(12)?)).ok()?),
        size => (8, usize::try_from(size).ok()?),
    };
    let content = from.get(begin..size)?;
    Some(((name, content), from.get(size..)?))
}

/// A film whose boxes are all there: the index (`moov`) and the frames (`mdat`, or fragments).
pub(super) fn check(file: &Bytes) -> Result<Made, Corrupt> {
    let corrupt = |why: &str| Corrupt(format!("{} bytes that are no whole MP4 film: {why}", file.len()));
    let boxes: Vec<Boxed<'_>> = Boxes(file).collect::<Result<_, _>>().map_err(corrupt)?;
    let has = |name: &[u8; 4]| boxes.iter().any(|(found, content)| found == name && !content.is_empty());
    if boxes.first().is_none_or(|(name, _)| !matches!(name, b"ftyp" | b"styp")) {
        return Err(corrupt("it does not begin as one"));
    }
    if !has(b"moov") {
        return Err(corrupt("the index is missing"));
    }
    if !has(b"mdat") {
        return Err(corrupt("the frames are missing"));
    }
    let size = measures(file, &PATH);
    Ok(Made {
        bytes: file.clone(),
        format: "mp4",
        width: size.map(|(width, _)| width),
        height: size.map(|(_, height)| height),
    })
}

/// Width and height of the first track that is seen: the last two fields of `tkhd`, in 1/65536 pixels.
fn measures(content: &[u8], path: &[&[u8; 4]]) -> Option<(u32, u32)> {
    let Some((wanted, deeper)) = path.split_first() else {
        let header = Boxes(content).flatten().find(|(name, _)| name == b"tkhd")?.1;
        let last: [u8; 8] = header.get(header.len().checked_sub(8)?..)?.try_into().ok()?;
        let [a, b, _, _, c, d, _, _] = last;
        let size = (u32::from(u16::from_be_bytes([a, b])), u32::from(u16::from_be_bytes([c, d])));
        return (size.0 > 0 && size.1 > 0).then_some(size);
    };
    Boxes(content).flatten().filter(|(name, _)| name == *wanted).find_map(|(_, inner)| measures(inner, deeper))
}
