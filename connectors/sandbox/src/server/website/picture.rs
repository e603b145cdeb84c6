//! Pictures: evening skies over hills, a sun, each as its number says.

use crate::world::mix;
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageFormat, Rgb, RgbImage};
use std::io::Cursor;

/// Pixels, as TikTok's covers have.
pub(super) const WIDTH: u32 = 576;
/// Pixels.
pub(super) const HEIGHT: u32 = 1024;

/// One in so many pictures is one of a few that many share.
const SHARED: u64 = 8;

/// A picture and its type: mostly JPEG, as TikTok's are whatever their names say, at times PNG or WebP.
pub(super) fn draw(look: u64) -> (&'static str, Vec<u8>) {
    let look = if look.is_multiple_of(SHARED) { mix(look / SHARED % 3) } else { look };
    // Painted small: pictures are wanted by the hundred.
    let picture = paint(look, WIDTH / 4, HEIGHT / 4);
    let picture = image::imageops::resize(&picture, WIDTH, HEIGHT, image::imageops::FilterType::Triangle);
    let format = match look >> 8 & 7 {
        0 => ImageFormat::Png,
        1 => ImageFormat::WebP,
        _ => return ("image/jpeg", jpeg(&picture)),
    };
    let mut bytes = Cursor::new(Vec::new());
    // Into memory, in a format that is built in: cannot fail.
    let _ = picture.write_to(&mut bytes, format);
    (format.to_mime_type(), bytes.into_inner())
}

/// A picture as JPEG.
pub(super) fn jpeg(picture: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, 82);
    let _ = image::ImageEncoder::write_image(
        encoder,
        picture.as_raw(),
        picture.width(),
        picture.height(),
        ExtendedColorType::Rgb8,
    );
    bytes
}

/// The scene of a number.
pub(super) fn paint(look: u64, width: u32, height: u32) -> RgbImage {
    let share = |n: u64| (mix(look ^ mix(n)) % 1000) as f32 / 1000.0;
    let hue = share(1);
    let (top, bottom) = (colour(hue, 0.65, 0.35), colour(hue + 0.12 + share(2) * 0.2, 0.75, 0.95));
    let (sun_x, sun_y, sun) = (0.2 + 0.6 * share(3), 0.2 + 0.35 * share(4), 0.08 + 0.1 * share(5));
    let hills = [1, 2, 3].map(|n| (0.5 + 0.14 * n as f32, share(10 + n) * 6.3, 1.0 + 2.0 * share(20 + n)));
    RgbImage::from_fn(width, height, |x, y| {
        let (x, y) = (x as f32 / width as f32, y as f32 / height as f32);
        let mut pixel = mixed(top, bottom, y);
        let distance = ((x - sun_x).powi(2) + ((y - sun_y) * height as f32 / width as f32).powi(2)).sqrt();
        pixel = mixed(pixel, [1.0, 0.96, 0.82], ((sun * 1.06 - distance) / (sun * 0.06)).clamp(0.0, 1.0));
        for (depth, (level, phase, waves)) in hills.into_iter().enumerate() {
            let ridge = level + 0.05 * (x * waves * 6.3 + phase).sin() + 0.02 * (x * waves * 17.0 + phase).sin();
            if y > ridge {
                pixel = colour(hue + 0.05, 0.55, 0.38 - 0.1 * depth as f32);
            }
        }
        Rgb(pixel.map(|part| (part.clamp(0.0, 1.0) * 255.0) as u8))
    })
}

fn mixed(a: [f32; 3], b: [f32; 3], share: f32) -> [f32; 3] {
    std::array::from_fn(|n| a[n] + (b[n] - a[n]) * share)
}

/// HSV, each from 0 to 1.
fn colour(hue: f32, saturation: f32, value: f32) -> [f32; 3] {
    [0.0, 2.0 / 3.0, 1.0 / 3.0].map(|turn| {
        let part = ((hue + turn).fract() * 6.0 - 3.0).abs() - 1.0;
        value * (1.0 - saturation * (1.0 - part.clamp(0.0, 1.0)))
    })
}
