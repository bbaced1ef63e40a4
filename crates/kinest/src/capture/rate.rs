//! Frame rates that are meant by rounded numbers.

/// Whole rates of video, which runs at 1000/1001 of them since television has colours.
const OF_VIDEO: [f64; 6] = [24.0, 30.0, 48.0, 60.0, 120.0, 240.0];
/// A rate this close to one of video, relatively, means that one. It is a thousandth from a whole one, so frame times
/// of four digits still mean the whole one.
const VIDEO_TOLERANCE: f64 = 1e-4;

/// The rate that `measured` means: one of video, or the whole one that is no further off than `tolerance`, relatively,
/// or else itself.
pub(super) fn usual_rate(measured: f64, tolerance: f64) -> f64 {
    let is_near = |rate: f64, tolerance: f64| (measured / rate - 1.0).abs() < tolerance;
    let mut of_video = OF_VIDEO.into_iter().map(|whole| whole * 1000.0 / 1001.0);
    if let Some(rate) = of_video.find(|rate| is_near(*rate, VIDEO_TOLERANCE)) {
        return rate;
    }
    let whole = measured.round();
    if is_near(whole, tolerance) { whole } else { measured }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_times_mean_the_rates_of_cameras() {
        let of_video = |whole: f64| whole * 1000.0 / 1001.0;
        for (seconds, rate) in [
            (0.0333333, 30.0),
            (0.0333667, of_video(30.0)),
            (0.033366667, of_video(30.0)),
            (0.0333, 30.0),
            (0.016667, 60.0),
            (0.0167, 60.0),
            (0.0166, 60.0),
            (0.016683333, of_video(60.0)),
            (0.016683, of_video(60.0)),
            (0.0416667, 24.0),
            (0.0417, 24.0),
            (0.0417083, of_video(24.0)),
            (0.0083333, 120.0),
            (0.00834167, of_video(120.0)),
            (0.01, 100.0),
            (0.0154, 65.0),
            (0.04, 25.0),
        ] {
            assert_eq!(usual_rate(1.0 / seconds, 5e-3), rate, "{seconds} s");
        }
        assert_eq!(usual_rate(59.9, 1e-3), 59.9);
        for odd in [0.0, -30.0, f64::INFINITY] {
            assert!(!(1.0..1e4).contains(&usual_rate(odd, 5e-3)), "{odd}");
        }
    }
}
