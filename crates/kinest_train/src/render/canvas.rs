//! A picture in memory: lines, discs, text.

use anyhow::Context;
use embedded_graphics::mono_font::MonoTextStyle;
use embedded_graphics::mono_font::iso_8859_1::FONT_6X13;
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::{
    DrawTarget, Drawable, OriginDimensions, Pixel, Point, RgbColor, Size,
};
use embedded_graphics::text::{Baseline, Text};
use glam::DVec2;
use std::convert::Infallible;
use tiny_skia::{
    Color, FillRule, LineCap, Paint, PathBuilder, Pixmap, PixmapPaint, PremultipliedColorU8,
    Stroke, Transform,
};

/// Height of a line of text, pixels.
pub const TEXT_HEIGHT: u32 = 13;
/// Width of a letter, pixels.
pub const LETTER_WIDTH: u32 = 6;
/// Maximum number of pixels: 256 MiB of memory.
const MOST_PIXELS: u64 = 1 << 26;

/// An opaque picture, initially white. Pixels count from the upper left corner, y down.
pub struct Canvas {
    pixels: Pixmap,
}

impl Canvas {
    /// A white picture.
    ///
    /// # Errors
    /// If it is empty or too large to hold.
    pub fn new(width: u32, height: u32) -> anyhow::Result<Self> {
        let sound = u64::from(width) * u64::from(height) <= MOST_PIXELS;
        let pixels = sound.then(|| Pixmap::new(width, height)).flatten();
        let mut pixels = pixels.with_context(|| {
            format!("a picture of {width} x {height} pixels; it may have 1 to {MOST_PIXELS}")
        })?;
        pixels.fill(Color::WHITE);
        Ok(Self { pixels })
    }

    /// Width, pixels.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.pixels.width()
    }

    /// Height, pixels.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.pixels.height()
    }

    /// Draws a straight line with round ends.
    pub fn line(&mut self, from: DVec2, to: DVec2, width: f64, color: Rgb888) {
        let mut path = PathBuilder::new();
        path.move_to(from.x as f32, from.y as f32);
        path.line_to(to.x as f32, to.y as f32);
        // A line of zero length has no path; its round ends are a disc.
        let Some(path) = path.finish().filter(|_| from.distance(to) > 1e-3) else {
            return self.disc(from, width / 2.0, color);
        };
        let stroke = Stroke { width: width as f32, line_cap: LineCap::Round, ..Stroke::default() };
        self.pixels.stroke_path(&path, &paint(color), &stroke, Transform::identity(), None);
    }

    /// Draws a filled circle.
    pub fn disc(&mut self, centre: DVec2, radius: f64, color: Rgb888) {
        let circle = PathBuilder::from_circle(centre.x as f32, centre.y as f32, radius as f32);
        if let Some(path) = circle {
            let whole = Transform::identity();
            self.pixels.fill_path(&path, &paint(color), FillRule::Winding, whole, None);
        }
    }

    /// Draws a line of text with its upper left corner at `(x, y)`. Letters outside Latin-1 become
    /// `?`.
    pub fn text(&mut self, x: u32, y: u32, text: &str, color: Rgb888) {
        let style = MonoTextStyle::new(&FONT_6X13, color);
        let at = Point::new(x as i32, y as i32);
        let Ok(_) = Text::with_baseline(text, at, style, Baseline::Top).draw(self);
    }

    /// Copies `other` into this picture, with its upper left corner at `(x, y)`.
    pub fn paste(&mut self, x: u32, y: u32, other: &Self) {
        let (x, y) = (x as i32, y as i32);
        let (how, whole) = (PixmapPaint::default(), Transform::identity());
        self.pixels.draw_pixmap(x, y, other.pixels.as_ref(), &how, whole, None);
    }

    /// The picture as a PNG file.
    ///
    /// # Errors
    /// If the encoder fails.
    pub fn png(&self) -> anyhow::Result<Vec<u8>> {
        self.pixels.encode_png().context("cannot encode a PNG")
    }

    /// RGBA of each pixel, row by row, with alpha 255.
    #[must_use]
    pub fn into_rgba(self) -> Vec<u8> {
        // Opaque, so premultiplied and straight colours are the same.
        self.pixels.take()
    }
}

fn paint(color: Rgb888) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color_rgba8(color.r(), color.g(), color.b(), u8::MAX);
    paint
}

impl OriginDimensions for Canvas {
    fn size(&self) -> Size {
        Size::new(self.width(), self.height())
    }
}

/// Lets `embedded-graphics` draw text.
impl DrawTarget for Canvas {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(
        &mut self,
        pixels: I,
    ) -> Result<(), Infallible> {
        let (width, height) = (self.width(), self.height());
        let all = self.pixels.pixels_mut();
        for Pixel(at, color) in pixels {
            let (Ok(x), Ok(y)) = (u32::try_from(at.x), u32::try_from(at.y)) else { continue };
            let color = PremultipliedColorU8::from_rgba(color.r(), color.g(), color.b(), u8::MAX);
            if let Some(color) = color.filter(|_| x < width && y < height) {
                all[y as usize * width as usize + x as usize] = color;
            }
        }
        Ok(())
    }
}
