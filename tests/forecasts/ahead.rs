//! Bodies shown ahead of late estimates.

use super::common::*;
use bevy_kinest::kinest::live::{Ahead, ForecastSettings, PlayerSettings};
use bevy_kinest::kinest::refine::RefineSettings;
use std::time::Duration;

#[test]
#[ignore = "measures figures"]
fn figures() {
    let mut network = Network::open();
    let all: Vec<_> = clips()
        .into_iter()
        .map(|clip| {
            let frames = trackers(&clip, &vec![[false; 3]; clip.frames.len()]);
            let estimates = network.estimates(&frames);
            (clip, frames, estimates)
        })
        .collect();
    let by = |ms| Some(Ahead::By(Duration::from_millis(ms)));
    println!("{} clips", all.len());
    println!("| late | smoothed | ahead | legs mm | trunk mm | elbows mm | jitter |");
    println!("|---|---|---|---|---|---|---|");
    for late in [0, 2, 4, 8] {
        for smooth in [true, false] {
            for (name, ahead) in [
                ("off", None),
                ("age", Some(Ahead::Age)),
                ("17 ms", by(17)),
                ("33 ms", by(33)),
                ("67 ms", by(67)),
                ("100 ms", by(100)),
            ] {
                let forecast =
                    ahead.map(|ahead| ForecastSettings { ahead, ..ForecastSettings::default() });
                let refine = RefineSettings { smooth, ..RefineSettings::default() };
                let settings = PlayerSettings { forecast, refine, ..PlayerSettings::default() };
                let mut errors = [Mean::default(); 3];
                let mut trembling = Mean::default();
                for (clip, frames, estimates) in &all {
                    let shown = network.show(settings, frames, estimates, late);
                    let shown: Vec<_> = shown.iter().map(positions).collect();
                    // The first second settles the delay of the shown estimates.
                    for (i, shown) in shown.iter().enumerate().skip(60) {
                        let truth = positions(&(&clip.frames[i]).into());
                        for (mean, joints) in
                            errors.iter_mut().zip([&LEGS[..], &TRUNK[..], &ELBOWS[..]])
                        {
                            mean.add(1e3 * distance(shown, &truth, joints));
                        }
                    }
                    trembling.add(jitter(&shown[60..]));
                }
                let [legs, trunk, elbows] = errors.map(|mean| mean.value());
                println!(
                    "| {:.0} ms | {smooth} | {name} | {legs:.1} | {trunk:.1} | {elbows:.1} | {:.1} |",
                    1e3 * late as f64 * DT,
                    trembling.value()
                );
                // The documentation has half of these errors at most.
                let close = legs < 420.0 && trunk < 120.0 && elbows < 100.0;
                assert!(close, "{late} late, {name}: {legs} {trunk} {elbows} mm");
            }
        }
    }
}
