//! Logs of a run: `metrics.jsonl`, TensorBoard events, and a plot of the loss.

use super::tensorboard::EventFile;
use anyhow::Context;
use kinest::files::write_atomically;
use plotters::prelude::*;
use serde_json::{Map, Value};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The logs of a run.
#[derive(Debug)]
pub struct Log {
    folder: PathBuf,
    lines: File,
    events: EventFile,
    /// Step, training loss, and validation loss if measured.
    curve: Vec<(u64, f64, Option<f64>)>,
}

impl Log {
    /// Opens the logs in `folder` and drops lines of steps after `step`: a run that was killed
    /// after its last save repeats those steps.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn open(folder: &Path, step: u64) -> anyhow::Result<Self> {
        let path = folder.join("metrics.jsonl");
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let mut kept = String::new();
        let mut curve = vec![];
        for line in text.lines() {
            let Some(point) = point(line).filter(|point| point.0 <= step) else { continue };
            kept = kept + line + "\n";
            curve.push(point);
        }
        let cannot = || format!("cannot write {}", path.display());
        write_atomically(&path, kept.as_bytes()).with_context(cannot)?;
        let lines = OpenOptions::new().append(true).open(&path).with_context(cannot)?;
        let events = EventFile::create(folder)
            .with_context(|| format!("cannot write events in {}", folder.display()))?;
        Ok(Self { folder: folder.into(), lines, events, curve })
    }

    /// Writes the figures of a step, including `loss`.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn write(&mut self, step: u64, numbers: &[(String, f64)]) -> anyhow::Result<()> {
        let mut line = Map::new();
        line.insert("step".into(), step.into());
        line.extend(numbers.iter().map(|(name, value)| (name.clone(), Value::from(*value))));
        let line = Value::Object(line).to_string();
        self.curve.extend(point(&line));
        let cannot = || format!("cannot write metrics in {}", self.folder.display());
        writeln!(self.lines, "{line}").with_context(cannot)?;
        let values = numbers.iter().map(|(name, value)| (name.as_str(), *value));
        self.events.scalars(step, values).with_context(cannot)
    }

    /// Draws `loss.svg`.
    ///
    /// # Errors
    /// If it cannot be drawn or written.
    pub fn draw(&self) -> anyhow::Result<()> {
        if self.curve.len() < 2 {
            return Ok(());
        }
        let mut picture = String::new();
        draw(&self.curve, &mut picture)
            .map_err(|e| anyhow::anyhow!("cannot draw the loss: {e}"))?;
        let path = self.folder.join("loss.svg");
        write_atomically(&path, picture.as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

fn point(line: &str) -> Option<(u64, f64, Option<f64>)> {
    let line: Value = serde_json::from_str(line).ok()?;
    Some((line["step"].as_u64()?, line["loss"].as_f64()?, line["validation_loss"].as_f64()))
}

fn draw(
    curve: &[(u64, f64, Option<f64>)],
    picture: &mut String,
) -> Result<(), Box<dyn std::error::Error>> {
    let train = || curve.iter().map(|(step, loss, _)| (*step, *loss));
    let validation = || curve.iter().filter_map(|(step, _, loss)| Some((*step, (*loss)?)));
    // The logarithmic axis needs positive numbers.
    let all = train().chain(validation()).map(|(_, loss)| loss.max(1e-9));
    let (low, high) = all.fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(v), h.max(v)));
    let last = curve.iter().map(|(step, ..)| *step).max().unwrap_or(1);

    let root = SVGBackend::with_string(picture, (900, 420)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(64)
        .build_cartesian_2d(0..last, (low * 0.95..high * 1.05).log_scale())?;
    chart.configure_mesh().x_desc("step").y_desc("loss").light_line_style(WHITE).draw()?;
    for (name, colour, points) in [
        ("training", BLUE, train().collect::<Vec<_>>()),
        ("validation", RED, validation().collect()),
    ] {
        if points.is_empty() {
            continue;
        }
        chart
            .draw_series(LineSeries::new(points, &colour))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .border_style(BLACK)
        .background_style(WHITE)
        .draw()?;
    root.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reopened_log_drops_steps_that_are_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::open(folder.path(), 0).unwrap();
        for step in 1..=4 {
            let mut numbers = vec![("loss".to_owned(), 1.0 / step as f64)];
            numbers.extend((step == 2).then(|| ("validation_loss".to_owned(), 0.7)));
            log.write(step, &numbers).unwrap();
        }
        let mut log = Log::open(folder.path(), 2).unwrap();
        log.write(3, &[("loss".to_owned(), 0.25)]).unwrap();
        let text = std::fs::read_to_string(folder.path().join("metrics.jsonl")).unwrap();
        let steps: Vec<_> = text.lines().map(|l| point(l).unwrap()).collect();
        assert_eq!(steps, [(1, 1.0, None), (2, 0.5, Some(0.7)), (3, 0.25, None)]);
        log.draw().unwrap();
        let picture = std::fs::read_to_string(folder.path().join("loss.svg")).unwrap();
        assert!(picture.contains("validation") && picture.contains("<polyline"), "{picture}");
    }
}
