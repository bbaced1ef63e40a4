//! Text files with a row of exponential maps per frame: CMU and Human3.6M.

use super::facts::Benchmark;
use super::skeletons::Tree;
use anyhow::{Context, ensure};
use glam::DVec3;
use std::path::Path;

/// Of how many frames one is kept.
const ONE_OF: usize = 2;

/// Reads the positions in every second frame of a file with the joint angles of `tree`.
///
/// A row has the root's translation, which is not used, and the exponential map of each joint.
pub(super) fn read(path: &Path, tree: &Tree, benchmark: &Benchmark) -> anyhow::Result<Vec<f32>> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let text = String::from_utf8_lossy(&bytes);
    let mut positions = vec![];
    let (mut frames, mut row) = (0, vec![]);
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        numbers(line, 3 + 3 * tree.joints(), &mut row)
            .with_context(|| format!("{} line {}", path.display(), number + 1))?;
        if frames % ONE_OF == 0 {
            let maps: Vec<DVec3> = row[3..].chunks_exact(3).map(DVec3::from_slice).collect();
            let all = tree.positions(&maps);
            let used = benchmark.joints.iter().flat_map(|joint| all[*joint].to_array());
            positions.extend(used.map(|number| number as f32));
        }
        frames += 1;
    }
    ensure!(frames > 0, "{}: it has no frames", path.display());
    Ok(positions)
}

/// Parses a row of `width` numbers into `row`.
fn numbers(line: &str, width: usize, row: &mut Vec<f64>) -> anyhow::Result<()> {
    row.clear();
    for (column, cell) in line.split(',').enumerate() {
        let cell = cell.trim();
        let number: f64 = cell
            .parse()
            .ok()
            .with_context(|| format!("column {}: `{cell}` is not a number", column + 1))?;
        ensure!(number.is_finite(), "column {}: {number} is not finite", column + 1);
        row.push(number);
    }
    ensure!(row.len() == width, "{} columns, expected {width}", row.len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::skeletons::CMU;
    use super::*;

    fn read_cmu(path: &Path) -> anyhow::Result<Vec<f32>> {
        read(path, &CMU, Benchmark::ALL[0])
    }

    #[test]
    fn every_second_row_is_kept_and_the_roots_motion_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("walking_1.txt");
        let row = |root: f64, knee: f64| {
            let mut row = vec!["0".to_owned(); 117];
            row[4] = root.to_string();
            row[3 + 3 * 3] = knee.to_string();
            row.join(",")
        };
        let text = [row(1.0, 0.0), row(0.0, 5.0), row(2.0, 0.5)].join("\r\n") + "\r\n\r\n";
        std::fs::write(&path, text).unwrap();
        let positions = read_cmu(&path).unwrap();
        assert_eq!(positions.len(), 2 * 75);
        let (first, second) = positions.split_at(75);
        // The thigh stands; the shank turns about x, against the right hand.
        assert_eq!(first[..3], second[..3]);
        let (y, z) = (second[4] - second[1], second[5] - second[2]);
        let (sin, cos) = 0.5_f32.sin_cos();
        assert!((y + 479.339 * cos).abs() < 1e-2 && (z - 479.339 * sin).abs() < 1e-2);
    }

    #[test]
    fn errors_name_the_file_and_the_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("running_1.txt");
        let good = vec!["0.5"; 117].join(",");
        for (text, expected) in [
            (format!("{good}\n{good},1\n"), "running_1.txt line 2: 118 columns, expected 117"),
            (format!("{good}\n\n{}\n", &good[4..]), "line 3: 116 columns"),
            (format!("{good}\n{}", good.replacen("0.5", "NaN", 1)), "line 2: column 1: NaN"),
            (format!("x{good}"), "line 1: column 1: `x0.5` is not a number"),
            (good.replacen("0.5,", "0.5,,", 1), "column 2: `` is not a number"),
            (String::new(), "running_1.txt: it has no frames"),
            ("\n \n".into(), "no frames"),
        ] {
            std::fs::write(&path, text).unwrap();
            let message = format!("{:#}", read_cmu(&path).unwrap_err());
            assert!(message.contains(expected), "{message} lacks {expected}");
        }
    }
}
