//! A product's name and its price on a picture.

use ab_glyph::{Font, FontRef, GlyphId, PxScale, ScaleFont, point};
use image::{Rgba, RgbaImage};

/// What is written on a picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Label {
    /// The product.
    pub product: Option<String>,
    /// Its price, as it is to be read.
    pub price: Option<String>,
}

const WHITE: [u8; 3] = [255, 255, 255];
const INK: [u8; 3] = [17, 17, 22];
/// The price stands on this.
const TAG: [u8; 3] = [255, 214, 64];
/// Lines that a product's name may take.
const LINES: usize = 2;

/// Letters in one size.
struct Letters {
    font: FontRef<'static>,
    scale: PxScale,
}

/// Writes on the lower edge, in letters that suit the picture's width. Letters that the font lacks (emoji, Chinese) are
/// left out.
pub(super) fn draw(picture: &mut RgbaImage, label: &Label) {
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    let margin = (width * 0.055).max(4.0);
    let room = width - 2.0 * margin;
    let (Some(names), Some(prices)) =
        (Letters::new(dejavu::sans_condensed::bold(), width * 0.082), Letters::new(dejavu::sans::bold(), width * 0.1))
    else {
        return;
    };
    let lines = label.product.as_deref().map_or_else(Vec::new, |text| names.lines(text, room));
    let price = label.price.as_deref().map(|text| prices.fitted(text, room - margin)).filter(|text| !text.is_empty());
    let tag = price.as_ref().map_or(0.0, |_| prices.line() * 1.35);
    let block = lines.len() as f32 * names.line() * 1.12
        + tag
        + if tag > 0.0 && !lines.is_empty() { margin * 0.6 } else { 0.0 };
    if block == 0.0 || block + 2.0 * margin > height {
        return;
    }
    let top = height - margin - block;
    shade(picture, top - margin * 2.5);
    for (n, line) in lines.iter().enumerate() {
        let y = top + n as f32 * names.line() * 1.12;
        names.write(picture, line, (margin, y), WHITE);
    }
    if let Some(price) = price {
        let (pad, y) = (margin * 0.6, height - margin - tag);
        pill(picture, (margin, y), (prices.width(&price) + 2.0 * pad, tag));
        prices.write(picture, &price, (margin + pad, y + (tag - prices.line()) / 2.0), INK);
    }
}

impl Letters {
    fn new(font: &'static [u8], size: f32) -> Option<Self> {
        // Below 9 pixels nobody reads them.
        Some(Self { font: FontRef::try_from_slice(font).ok()?, scale: PxScale::from(size.max(9.0)) })
    }

    /// The height of a line.
    fn line(&self) -> f32 {
        self.font.as_scaled(self.scale).height()
    }

    /// Only what the font can write, blanks made one.
    fn writable(&self, text: &str) -> String {
        let known = |c: &char| c.is_whitespace() || self.font.glyph_id(*c) != GlyphId(0);
        let text: String = text.chars().filter(known).collect();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn width(&self, text: &str) -> f32 {
        let font = self.font.as_scaled(self.scale);
        let (mut width, mut before) = (0.0, None);
        for id in text.chars().map(|c| font.glyph_id(c)) {
            width += before.map_or(0.0, |before| font.kern(before, id)) + font.h_advance(id);
            before = Some(id);
        }
        width
    }

    /// The text, or as much of its beginning as there is room for.
    fn fitted(&self, text: &str, room: f32) -> String {
        let mut text = self.writable(text);
        if self.width(&text) <= room {
            return text;
        }
        while !text.is_empty() && self.width(&format!("{text}…")) > room {
            text.pop();
        }
        let kept = text.trim_end();
        if kept.is_empty() { String::new() } else { format!("{kept}…") }
    }

    /// The text in lines; what does not go into the last is cut.
    fn lines(&self, text: &str, room: f32) -> Vec<String> {
        let text = self.writable(text);
        let (mut lines, mut rest) = (Vec::new(), text.as_str());
        while !rest.is_empty() && lines.len() + 1 < LINES {
            let ends = rest.match_indices(' ').map(|(at, _)| at).chain([rest.len()]);
            let fits = ends.take_while(|at| self.width(&rest[..*at]) <= room).last();
            let Some(end) = fits else { break };
            lines.push(rest[..end].to_owned());
            rest = rest[end..].trim_start();
        }
        if !rest.is_empty() {
            lines.push(self.fitted(rest, room));
        }
        lines.retain(|line| !line.is_empty());
        lines
    }

    /// Writes a line whose upper left corner is here.
    fn write(&self, picture: &mut RgbaImage, text: &str, (x, y): (f32, f32), colour: [u8; 3]) {
        let font = self.font.as_scaled(self.scale);
        let (mut x, baseline, mut before) = (x, y + font.ascent(), None);
        for id in text.chars().map(|c| font.glyph_id(c)) {
            x += before.map_or(0.0, |before| font.kern(before, id));
            if let Some(glyph) = self.font.outline_glyph(id.with_scale_and_position(self.scale, point(x, baseline))) {
                let corner = glyph.px_bounds().min;
                glyph.draw(|dx, dy, cover| blend(picture, corner.x + dx as f32, corner.y + dy as f32, colour, cover));
            }
            x += font.h_advance(id);
            before = Some(id);
        }
    }
}

/// Darkens the picture towards its lower edge, so that white letters can be read on any.
fn shade(picture: &mut RgbaImage, from: f32) {
    let (width, height) = picture.dimensions();
    let from = from.max(0.0);
    for y in from as u32..height {
        let depth = ((y as f32 - from) / (height as f32 - from)).max(0.0);
        for x in 0..width {
            blend(picture, x as f32, y as f32, [0; 3], 0.78 * depth.powf(0.8));
        }
    }
}

/// A plate with round ends.
fn pill(picture: &mut RgbaImage, (left, top): (f32, f32), (width, height): (f32, f32)) {
    let radius = height / 2.0;
    for y in top.floor() as u32..(top + height).ceil() as u32 {
        for x in left.floor() as u32..(left + width).ceil() as u32 {
            let (px, py) = (x as f32 + 0.5, y as f32 + 0.5);
            let nearest = px.clamp(left + radius, (left + width - radius).max(left + radius));
            let distance = ((px - nearest).powi(2) + (py - top - radius).powi(2)).sqrt();
            blend(picture, x as f32, y as f32, TAG, (radius - distance + 0.5).clamp(0.0, 1.0));
        }
    }
}

/// Lays a colour over a pixel; outside the picture nothing happens.
fn blend(picture: &mut RgbaImage, x: f32, y: f32, colour: [u8; 3], cover: f32) {
    if x < 0.0 || y < 0.0 || x >= picture.width() as f32 || y >= picture.height() as f32 {
        return;
    }
    let Rgba(pixel) = picture.get_pixel_mut(x as u32, y as u32);
    let cover = cover.clamp(0.0, 1.0);
    for (old, new) in pixel.iter_mut().zip(colour) {
        *old = (f32::from(*old) + (f32::from(new) - f32::from(*old)) * cover).round() as u8;
    }
    pixel[3] = pixel[3].max((cover * 255.0).round() as u8);
}
