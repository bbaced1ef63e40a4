//! A measure of how much two pictures differ.

use image::{GrayImage, Luma, RgbImage};
use std::fmt;

/// Pictures are compared in square tiles of this many pixels, and the worst tile counts: a body
/// covers a small part of a picture, and a missing hand would be lost in the average.
const PART: u32 = 24;
/// Maximum difference of a tile. Adapters round and antialias edges differently: a limb's edge that
/// moves by 0.2 pixels gives about 4 %. Floor instead of a limb gives more than 20 %.
pub const MOST: f64 = 0.1;

/// The difference between two pictures.
pub struct Difference {
    /// Root mean square difference of the worst tile, as a fraction of a colour channel's range.
    pub worst: f64,
    /// Upper left corner of the worst tile.
    pub place: [u32; 2],
}

impl fmt::Debug for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} % at {:?}", 100.0 * self.worst, self.place)
    }
}

impl Difference {
    /// # Panics
    /// If the sizes differ.
    pub fn between(a: &RgbImage, b: &RgbImage) -> Self {
        assert_eq!(a.dimensions(), b.dimensions());
        let [columns, rows] = [a.width(), a.height()].map(|pixels| pixels.div_ceil(PART));
        let mut sums = vec![(0.0, 0.0); (columns * rows) as usize];
        for (x, y, pixel) in a.enumerate_pixels() {
            let (sum, count) = &mut sums[(y / PART * columns + x / PART) as usize];
            for (a, b) in pixel.0.into_iter().zip(b.get_pixel(x, y).0) {
                *sum += (f64::from(a.abs_diff(b)) / 255.0).powi(2);
                *count += 1.0;
            }
        }
        let parts = sums.iter().map(|(sum, count): &(f64, f64)| (sum / count).sqrt());
        let worst = parts.enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
        let (part, worst) = worst.expect("a picture has pixels");
        let place = [part as u32 % columns, part as u32 / columns].map(|at| at * PART);
        Self { worst, place }
    }
}

/// A picture of the difference; lighter is larger.
pub fn difference_picture(a: &RgbImage, b: &RgbImage) -> GrayImage {
    GrayImage::from_fn(a.width(), a.height(), |x, y| {
        let channels = a.get_pixel(x, y).0.into_iter().zip(b.get_pixel(x, y).0);
        Luma([channels.map(|(a, b)| a.abs_diff(b)).max().unwrap_or(0)])
    })
}

/// The reference picture of a single body, at rest and estimated.
fn reference() -> RgbImage {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/pictures/minimal.png");
    image::open(path).unwrap().to_rgb8()
}

/// Limbs are orange and blue; everything else has little colour.
fn is_limb([r, g, b]: [u8; 3]) -> bool {
    r.max(g).max(b) - r.min(g).min(b) > 60
}

#[test]
fn rounding_differences_between_adapters_are_tolerated() {
    let picture = reference();
    let mut other = picture.clone();
    for (x, y, pixel) in other.enumerate_pixels_mut() {
        pixel.0 = pixel.0.map(|v| v.saturating_add(((x * 7 + y * 3) % 4) as u8));
    }
    let difference = Difference::between(&picture, &other);
    assert!(difference.worst < MOST / 2.0, "{difference:?}");
}

#[test]
fn swapped_left_and_right_differ() {
    let picture = reference();
    let mut swapped = picture.clone();
    for pixel in swapped.pixels_mut().filter(|pixel| is_limb(pixel.0)) {
        pixel.0.reverse();
    }
    let difference = Difference::between(&picture, &swapped);
    assert!(difference.worst > 1.5 * MOST, "{difference:?}");
}

#[test]
fn a_body_without_limbs_differs() {
    let picture = reference();
    let mut bare = picture.clone();
    for pixel in bare.pixels_mut().filter(|pixel| is_limb(pixel.0)) {
        pixel.0 = [180, 185, 190];
    }
    let difference = Difference::between(&picture, &bare);
    assert!(difference.worst > 1.5 * MOST, "{difference:?}");
}

#[test]
fn a_body_that_moved_by_half_a_limb_differs() {
    let picture = reference();
    let moved = RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        *picture.get_pixel(x.saturating_sub(4), y)
    });
    let difference = Difference::between(&picture, &moved);
    assert!(difference.worst > 1.5 * MOST, "{difference:?}");
}
