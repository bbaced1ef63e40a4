//! Arranges moving bodies into pictures.

use super::canvas::{Canvas, LETTER_WIDTH, TEXT_HEIGHT};
use super::figure::{LEFT, Lens, RIGHT, View, extent};
use anyhow::{Context, ensure};
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::RgbColor;
use glam::{DVec2, DVec3};
use kinest::coordinates::heading;
use kinest::motion::MotionClip;
use kinest::skeleton::{JointTransforms, Skeleton, SmplJoint};
use rayon::prelude::*;

/// Maximum number of cells in a row of a contact sheet.
const COLUMNS: usize = 12;
/// Margin inside a cell, metres.
const MARGIN: f64 = 0.08;
/// Left margin of text, pixels.
const INDENT: u32 = 4;
/// Height of a line of text with its margins, pixels.
const STRIP: u32 = TEXT_HEIGHT + 3;
const TIME: Rgb888 = Rgb888::new(0x90, 0x90, 0x98);
/// Times closer than this count as equal, seconds.
const ROUNDING: f64 = 1e-6;

/// A moving body.
#[derive(Clone, Debug)]
pub struct Actor {
    /// Its motion, at any rate.
    pub clip: MotionClip,
    /// Time of the first frame, seconds.
    pub start: f64,
    /// Mixes its colours with white (up to 1) or black (down to −1).
    pub shade: f64,
}

impl Actor {
    /// An actor that starts at time 0, in plain colours.
    #[must_use]
    pub fn new(clip: MotionClip) -> Self {
        Self { clip, start: 0.0, shade: 0.0 }
    }

    /// Time of the last frame, seconds.
    #[must_use]
    pub fn end(&self) -> f64 {
        self.start + self.clip.duration()
    }

    /// The body at `time`, if the motion covers it; the first and last poses are held for one more
    /// frame.
    fn at(&self, time: f64, skeleton: &Skeleton) -> Option<JointTransforms> {
        let frame = 1.0 / self.clip.rate_hz + ROUNDING;
        let covered = self.start - frame..=self.end() + frame;
        covered.contains(&time).then(|| skeleton.pose_joints(&self.clip.pose_at(time - self.start)))
    }
}

/// Bodies drawn together.
#[derive(Clone, Debug)]
pub struct Panel {
    /// Text above them.
    pub label: String,
    /// Actors in drawing order; the picture follows the first that is visible.
    pub actors: Vec<Actor>,
}

impl Panel {
    fn bodies(&self, time: f64, skeleton: &Skeleton) -> Vec<(JointTransforms, f64)> {
        self.actors.iter().filter_map(|a| Some((a.at(time, skeleton)?, a.shade))).collect()
    }
}

/// The point of the floor under a body.
fn below(body: &JointTransforms) -> DVec3 {
    body.positions[SmplJoint::Pelvis.index()].with_z(0.0)
}

/// Panels with a common view and scale.
pub struct Scene {
    skeleton: Skeleton,
    panels: Vec<Panel>,
    view: View,
    /// Pixels per metre.
    scale: f64,
    /// Pixel of the floor point under the body in a cell.
    origin: DVec2,
    width: u32,
    height: u32,
}

impl Scene {
    /// Arranges `panels` for pictures at `times`. Cells are `height` pixels high and just wide
    /// enough for all bodies.
    ///
    /// # Errors
    /// If no body is visible at any of the times.
    pub fn new(
        skeleton: Skeleton,
        panels: Vec<Panel>,
        times: &[f64],
        height: u32,
    ) -> anyhow::Result<Self> {
        let mut view = None;
        let (mut low, mut high) = (DVec2::INFINITY, DVec2::NEG_INFINITY);
        for panel in &panels {
            for time in times {
                let bodies = panel.bodies(*time, &skeleton);
                let Some((first, _)) = bodies.first() else { continue };
                let view =
                    *view.get_or_insert_with(|| View::front_left(heading(first.rotations[0])));
                for point in bodies.iter().flat_map(|(body, _)| extent(body)) {
                    let seen = view.project(point - below(first));
                    (low, high) = (low.min(seen), high.max(seen));
                }
            }
        }
        let view = view.context("nobody is there at the times to draw")?;
        ensure!((high - low).is_finite(), "a body is not at a finite place");
        let (low, high) = (low - MARGIN, high + MARGIN);
        let size = high - low;
        let scale = f64::from(height) / size.y;
        let width = (size.x * scale).ceil().max(f64::from(LETTER_WIDTH * 8)) as u32;
        let origin =
            DVec2::new((f64::from(width) - (low.x + high.x) * scale) / 2.0, -low.y * scale);
        Ok(Self { skeleton, panels, view, scale, origin, width, height })
    }

    /// Draws one panel at one time.
    fn cell(&self, panel: &Panel, time: f64) -> anyhow::Result<Canvas> {
        let mut canvas = Canvas::new(self.width, self.height)?;
        let bodies = panel.bodies(time, &self.skeleton);
        if let Some((first, _)) = bodies.first() {
            let centre = below(first);
            let lens = Lens { view: self.view, centre, pixel: self.origin, scale: self.scale };
            lens.draw_floor(&mut canvas);
            for (body, shade) in &bodies {
                lens.draw_body(&mut canvas, body, *shade);
            }
        }
        canvas.text(INDENT, 1, &format!("{time:.2} s"), TIME);
        Ok(canvas)
    }

    /// A contact sheet: one row per panel, time to the right.
    ///
    /// # Errors
    /// If the picture would be too large.
    pub fn sheet(&self, times: &[f64]) -> anyhow::Result<Canvas> {
        let rows: Vec<(&Panel, &[f64])> = times
            .chunks(COLUMNS)
            .flat_map(|times| self.panels.iter().map(move |panel| (panel, times)))
            .collect();
        let columns = times.len().min(COLUMNS) as u32;
        let row_height = STRIP + self.height;
        let mut sheet = Canvas::new(columns * self.width, rows.len() as u32 * row_height)?;
        for (row, (panel, times)) in (0..).zip(rows) {
            let y = row * row_height;
            let cells: Vec<Canvas> =
                times.par_iter().map(|t| self.cell(panel, *t)).collect::<anyhow::Result<_>>()?;
            for (column, cell) in (0..).zip(&cells) {
                sheet.paste(column * self.width, y + STRIP, cell);
            }
            caption(&mut sheet, 0, y, panel);
        }
        Ok(sheet)
    }

    /// Width and height of the pictures from [`Self::moment`], pixels.
    #[must_use]
    pub fn moment_size(&self) -> (u32, u32) {
        (self.panels.len() as u32 * self.width, STRIP + self.height)
    }

    /// All panels side by side at one time.
    ///
    /// # Errors
    /// If the picture would be too large.
    pub fn moment(&self, time: f64) -> anyhow::Result<Canvas> {
        let (width, height) = self.moment_size();
        let mut picture = Canvas::new(width, height)?;
        for (x, panel) in (0..).step_by(self.width as usize).zip(&self.panels) {
            picture.paste(x, STRIP, &self.cell(panel, time)?);
            // The next panel is drawn later, over a label that is too long.
            caption(&mut picture, x, 0, panel);
        }
        Ok(picture)
    }
}

/// Text above a row: its label, and the colours of the sides.
fn caption(canvas: &mut Canvas, x: u32, y: u32, panel: &Panel) {
    let mut x = x + INDENT;
    for (text, color) in [(&*panel.label, Rgb888::BLACK), ("left", LEFT), ("right", RIGHT)] {
        canvas.text(x, y + 2, text, color);
        x += (text.chars().count() as u32 + 2) * LETTER_WIDTH;
    }
}

/// `count` times from 0 to `end`, inclusive.
#[must_use]
pub fn spread(end: f64, count: usize) -> Vec<f64> {
    let steps = count.saturating_sub(1).max(1);
    (0..count).map(|i| end * i as f64 / steps as f64).collect()
}

/// Times from 0 to `end`, `step` apart.
#[must_use]
pub fn every(end: f64, step: f64) -> Vec<f64> {
    (0..=(end / step + ROUNDING) as usize).map(|i| i as f64 * step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kinest::motion::ClipFrame;
    use kinest::skeleton::Pose;

    /// A body in rest pose that slides along x at 1 m/s for 2 s.
    fn slide(rate_hz: f64) -> MotionClip {
        let frame = |i: usize| {
            let translation = DVec3::new(i as f64 / rate_hz, 0.0, 0.93);
            ClipFrame::from(&Pose { translation, ..Pose::rest() })
        };
        MotionClip { rate_hz, frames: (0..=2 * rate_hz as usize).map(frame).collect() }
    }

    #[test]
    fn motions_of_any_rate_and_start_are_synchronised() {
        let skeleton = Skeleton::default();
        for rate in [24.0, 60.0, 90.0] {
            let actor = Actor { start: 0.5, ..Actor::new(slide(rate)) };
            for time in [0.5, 1.23, 2.5] {
                let body = actor.at(time, &skeleton).unwrap();
                assert!((below(&body) - DVec3::X * (time - 0.5)).length() < 1e-9, "{rate} {time}");
            }
            assert!(actor.at(0.4, &skeleton).is_none() && actor.at(2.6, &skeleton).is_none());
        }
    }

    #[test]
    fn a_sheet_wraps_rows_and_a_moment_has_all_panels_side_by_side() {
        let panel =
            |label: &str| Panel { label: label.into(), actors: vec![Actor::new(slide(60.0))] };
        let times = spread(2.0, COLUMNS + 1);
        let scene =
            Scene::new(Skeleton::default(), vec![panel("a"), panel("b")], &times, 64).unwrap();
        let sheet = scene.sheet(&times).unwrap();
        let size = (COLUMNS as u32 * scene.width, 4 * (STRIP + 64));
        assert_eq!((sheet.width(), sheet.height()), size);
        let moment = scene.moment(1.0).unwrap();
        assert_eq!((moment.width(), moment.height()), (2 * scene.width, STRIP + 64));
        assert!(Scene::new(Skeleton::default(), vec![panel("a")], &[3.0], 64).is_err());
    }

    #[test]
    fn times_include_both_ends() {
        assert_eq!(spread(2.0, 3), [0.0, 1.0, 2.0]);
        assert_eq!(spread(2.0, 1), [0.0]);
        assert_eq!(every(1.0, 0.25), [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(every(0.9, 0.5), [0.0, 0.5]);
    }
}
