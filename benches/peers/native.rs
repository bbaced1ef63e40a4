//! Native side of `run`: reads a `state_dict` and a window; then, for each line
//! `THREADS all|newest COUNT`, prints the milliseconds of COUNT runs and, on the next line, the last
//! output.

use kinest::model::Take;
use kinest_native::NativeKinest;
use kinest_nn::import::{ImportOptions, import_pth};
use std::error::Error;
use std::io::{Write, stdin, stdout};
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    // `cargo bench` without arguments runs every benchmark, with `--bench`.
    let mut paths = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let (Some(weights), Some(window)) = (paths.next(), paths.next()) else {
        eprintln!("benches/peers/run starts this with a state_dict and a window");
        return Ok(());
    };
    let checkpoint = import_pth(&weights, ImportOptions::default())?;
    let mut native = NativeKinest::new(&checkpoint.manifest.network, checkpoint.tensors()?)?;
    let bytes = std::fs::read(window)?;
    let window: Vec<f32> = bytes.as_chunks().0.iter().copied().map(f32::from_le_bytes).collect();

    for line in stdin().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let [threads, take, count] = words[..] else { return Err("not a turn".into()) };
        let take = if take == "all" { Take::All } else { Take::Newest };
        let count: usize = count.parse()?;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.parse()?).build()?;
        let mut output = vec![0.0; native.output_size(take)];
        let times: Vec<String> = pool.install(|| {
            let run = |_| {
                let start = Instant::now();
                native.forward(&window, take, &mut output);
                (start.elapsed().as_secs_f64() * 1e3).to_string()
            };
            (0..count).map(run).collect()
        });
        let output: Vec<String> = output.iter().map(f32::to_string).collect();
        writeln!(stdout(), "{}\n{}", times.join(" "), output.join(" "))?;
        stdout().flush()?;
    }
    Ok(())
}
