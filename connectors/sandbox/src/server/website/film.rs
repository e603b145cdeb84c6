//! Films: one second of Motion JPEG in the container that MP4 is (ISO/IEC 14496-12), with as little as players need.

use super::picture;
use crate::world::mix;

const WIDTH: u16 = 144;
const HEIGHT: u16 = 256;
/// Frames, a quarter of a second each.
const FRAMES: u32 = 4;
/// Ticks per second.
const SCALE: u32 = 1000;

/// The film of a number.
pub(super) fn make(look: u64) -> Vec<u8> {
    let frame = |n| picture::jpeg(&picture::paint(mix(look ^ n), u32::from(WIDTH), u32::from(HEIGHT)));
    let frames: Vec<Vec<u8>> = (0..u64::from(FRAMES)).map(frame).collect();
    let sizes: Vec<u32> = frames.iter().map(|frame| frame.len() as u32).collect();
    let ftyp = boxed(b"ftyp", &[b"isom", &word(512), b"isom", b"mp41"]);
    // The place of the frames is told in `moov`, whose length does not depend on it.
    let begin = (ftyp.len() + movie(&sizes, 0).len() + 8) as u32;
    let data = boxed(b"mdat", &frames.iter().map(Vec::as_slice).collect::<Vec<_>>());
    [ftyp, movie(&sizes, begin), data].concat()
}

fn movie(sizes: &[u32], begin: u32) -> Vec<u8> {
    let header =
        [&zeros(12)[..], &word(SCALE), &word(SCALE), &word(0x0001_0000), &[1, 0], &zeros(10), &MATRIX.concat()];
    let mvhd = boxed(b"mvhd", &[&header.concat(), &zeros(24), &word(2)]);
    boxed(b"moov", &[&mvhd, &track(sizes, begin)])
}

fn track(sizes: &[u32], begin: u32) -> Vec<u8> {
    let size = [u32::from(WIDTH) << 16, u32::from(HEIGHT) << 16].map(word).concat();
    let header = [&word(7)[..], &zeros(8), &word(1), &zeros(4), &word(SCALE), &zeros(16), &MATRIX.concat(), &size];
    let tkhd = boxed(b"tkhd", &header);
    let mdhd = boxed(b"mdhd", &[&zeros(12), &word(SCALE), &word(SCALE), &[0x55, 0xC4, 0, 0]]);
    let hdlr = boxed(b"hdlr", &[&zeros(8), b"vide", &zeros(12), b"film\0"]);
    let url = boxed(b"url ", &[&word(1)]);
    let dinf = boxed(b"dinf", &[&boxed(b"dref", &[&zeros(4), &word(1), &url])]);
    let vmhd = boxed(b"vmhd", &[&word(1), &zeros(8)]);
    let minf = boxed(b"minf", &[&vmhd, &dinf, &samples(sizes, begin)]);
    boxed(b"trak", &[&tkhd, &boxed(b"mdia", &[&mdhd, &hdlr, &minf])])
}

/// Where the frames are, how long each is and how long it is shown.
fn samples(sizes: &[u32], begin: u32) -> Vec<u8> {
    let count = word(sizes.len() as u32);
    let measures = [WIDTH.to_be_bytes(), HEIGHT.to_be_bytes()].concat();
    let (resolution, depth) = ([word(0x0048_0000); 2].concat(), [0, 24, 0xFF, 0xFF]);
    let entry = [&zeros(6)[..], &[0, 1], &zeros(16), &measures, &resolution, &zeros(4), &[0, 1], &zeros(32), &depth];
    let stsd = boxed(b"stsd", &[&zeros(4), &word(1), &boxed(b"jpeg", &entry)]);
    let stts = boxed(b"stts", &[&zeros(4), &word(1), &count, &word(SCALE / FRAMES)]);
    let stsc = boxed(b"stsc", &[&zeros(4), &word(1), &word(1), &count, &word(1)]);
    let lengths: Vec<u8> = sizes.iter().flat_map(|size| word(*size)).collect();
    let stsz = boxed(b"stsz", &[&zeros(8), &count, &lengths]);
    let stco = boxed(b"stco", &[&zeros(4), &word(1), &word(begin)]);
    boxed(b"stbl", &[&stsd, &stts, &stsc, &stsz, &stco])
}

/// No turn, no stretch.
const MATRIX: [[u8; 4]; 9] = {
    let mut matrix = [[0; 4]; 9];
    matrix[0] = word(0x0001_0000);
    matrix[4] = word(0x0001_0000);
    matrix[8] = word(0x4000_0000);
    matrix
};

fn boxed(name: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    [&word(content.len() as u32 + 8), &name[..], &content].concat()
}

const fn word(value: u32) -> [u8; 4] {
    value.to_be_bytes()
}

fn zeros(count: usize) -> Vec<u8> {
    vec![0; count]
}
