//! Pictures: decoded within limits, made smaller, encoded.

use super::{Corrupt, Made, PictureRecipe, overlay};
use bytes::Bytes;
use fast_image_resize::{ResizeOptions, Resizer};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{
    DynamicImage, ExtendedColorType, ImageEncoder, ImageError, ImageFormat, ImageReader, Limits, Rgba, RgbaImage,
};
use std::io::Cursor;

/// Longer sides are refused, in pixels.
const MAX_SIDE: u32 = 16_384;
/// A decoder may use so much memory: a header may promise any size.
const MAX_MEMORY: u64 = 192 << 20;

/// The formats pictures are stored in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PictureFormat {
    /// The smallest, and shown by every browser.
    #[default]
    WebP,
    /// Read by everything.
    Jpeg,
    /// Loses nothing.
    Png,
}

impl PictureFormat {
    /// Every format.
    pub const ALL: [Self; 3] = [Self::WebP, Self::Jpeg, Self::Png];

    /// As in the configuration and the table; the extension too.
    pub fn name(self) -> &'static str {
        match self {
            Self::WebP => "webp",
            Self::Jpeg => "jpeg",
            Self::Png => "png",
        }
    }
}

/// Makes a picture of a picture.
pub(super) fn make(file: &Bytes, recipe: &PictureRecipe) -> Result<Made, Corrupt> {
    let (picture, _) = open(file)?;
    let mut picture = smaller(&picture, recipe.width)?;
    if let Some(label) = &recipe.label {
        overlay::draw(&mut picture, label);
    }
    let bytes = encode(&picture, recipe)?;
    let format = recipe.format.name();
    Ok(Made { bytes, format, width: Some(picture.width()), height: Some(picture.height()) })
}

/// A picture that is stored as it came.
pub(super) fn check(file: &Bytes) -> Result<Made, Corrupt> {
    let (picture, format) = open(file)?;
    let format = match format {
        ImageFormat::Gif => "gif",
        ImageFormat::Jpeg => "jpeg",
        ImageFormat::Png => "png",
        _ => "webp",
    };
    Ok(Made { bytes: file.clone(), format, width: Some(picture.width()), height: Some(picture.height()) })
}

fn open(file: &[u8]) -> Result<(DynamicImage, ImageFormat), Corrupt> {
    let unknown = || Corrupt(format!("{} bytes that are no JPEG, PNG, WebP or GIF picture", file.len()));
    let format = image::guess_format(file).map_err(|_| unknown())?;
    let known = [ImageFormat::Gif, ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP];
    if !known.contains(&format) {
        return Err(unknown());
    }
    if !is_whole(file, format) {
        return Err(Corrupt(format!("a {} picture that is cut after {} bytes", format.to_mime_type(), file.len())));
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_MEMORY);
    let mut reader = ImageReader::with_format(Cursor::new(file), format);
    reader.limits(limits);
    let picture = reader.decode().map_err(|error| match error {
        ImageError::Limits(_) => {
            Corrupt(format!("a picture larger than {MAX_SIDE} pixels a side, or {} MiB", MAX_MEMORY >> 20))
        }
        error => Corrupt(format!("a {} picture that cannot be decoded: {error}", format.to_mime_type())),
    })?;
    Ok((picture, format))
}

/// Decoders paint what is missing of a cut JPEG grey: look for the end.
fn is_whole(file: &[u8], format: ImageFormat) -> bool {
    let ends_with = |mark: &[u8]| file.trim_ascii_end().ends_with(mark) || file[..trimmed(file)].ends_with(mark);
    match format {
        ImageFormat::Jpeg => ends_with(&[0xFF, 0xD9]),
        ImageFormat::Png => file.windows(4).rev().take(4096).any(|four| four == b"IEND"),
        ImageFormat::Gif => ends_with(&[0x3B]),
        // RIFF: the length of what follows its first 8 bytes.
        _ => file.get(4..8).and_then(|four| four.try_into().ok()).is_some_and(|four| {
            usize::try_from(u32::from_le_bytes(four)).is_ok_and(|length| length.saturating_add(8) <= file.len())
        }),
    }
}

/// The length without zeros at the end, which some writers pad files with.
fn trimmed(file: &[u8]) -> usize {
    file.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}

/// At most so wide, 8 bits a channel.
fn smaller(picture: &DynamicImage, width: u32) -> Result<RgbaImage, Corrupt> {
    let source = DynamicImage::ImageRgba8(picture.to_rgba8());
    if source.width() <= width {
        return Ok(source.into_rgba8());
    }
    let height = u64::from(source.height()) * u64::from(width) / u64::from(source.width());
    let height = u32::try_from(height).unwrap_or(u32::MAX).max(1);
    let mut target = DynamicImage::ImageRgba8(RgbaImage::new(width, height));
    let resized = Resizer::new().resize(&source, &mut target, &ResizeOptions::new());
    resized.map_err(|error| Corrupt(format!("a picture that cannot be made smaller: {error}")))?;
    Ok(target.into_rgba8())
}

fn encode(picture: &RgbaImage, recipe: &PictureRecipe) -> Result<Bytes, Corrupt> {
    let (width, height) = picture.dimensions();
    let refused =
        |error: String| Corrupt(format!("a picture that cannot be encoded as {}: {error}", recipe.format.name()));
    let plain = is_opaque(picture).then(|| DynamicImage::ImageRgba8(picture.clone()).into_rgb8());
    let mut out = Vec::new();
    let written = match (recipe.format, &plain) {
        (PictureFormat::WebP, _) => {
            let encoder = match &plain {
                Some(plain) => webp::Encoder::from_rgb(plain, width, height),
                None => webp::Encoder::from_rgba(picture, width, height),
            };
            let encoded = encoder.encode_simple(false, f32::from(recipe.quality));
            return encoded
                .map(|memory| Bytes::copy_from_slice(&memory))
                .map_err(|error| refused(format!("{error:?}")));
        }
        (PictureFormat::Jpeg, plain) => {
            let plain = plain.clone().unwrap_or_else(|| DynamicImage::ImageRgba8(on_white(picture)).into_rgb8());
            let encoder = JpegEncoder::new_with_quality(&mut out, recipe.quality);
            encoder.write_image(&plain, width, height, ExtendedColorType::Rgb8)
        }
        (PictureFormat::Png, plain) => {
            let encoder = PngEncoder::new_with_quality(&mut out, CompressionType::Best, FilterType::Adaptive);
            match plain {
                Some(plain) => encoder.write_image(plain, width, height, ExtendedColorType::Rgb8),
                None => encoder.write_image(picture, width, height, ExtendedColorType::Rgba8),
            }
        }
    };
    written.map_err(|error| refused(error.to_string()))?;
    Ok(out.into())
}

fn is_opaque(picture: &RgbaImage) -> bool {
    picture.pixels().all(|pixel| pixel.0[3] == u8::MAX)
}

/// JPEG knows no transparency.
fn on_white(picture: &RgbaImage) -> RgbaImage {
    let mut ground = RgbaImage::from_pixel(picture.width(), picture.height(), Rgba([u8::MAX; 4]));
    image::imageops::overlay(&mut ground, picture, 0, 0);
    ground
}
