//! Mean and deviation of the numbers of motions.

use kinest_nn::layers::statistics::DataStatistics;

/// Mean and standard deviation of each number of `rows`; no deviation is less than `least`.
pub(super) fn statistics<'a, const N: usize>(
    rows: impl Iterator<Item = &'a [f32; N]>,
    least: f64,
) -> DataStatistics {
    let (mut sums, mut count) = (vec![[0.0_f64; 2]; N], 0.0_f64);
    for row in rows {
        count += 1.0;
        for (sums, v) in sums.iter_mut().zip(row) {
            let v = f64::from(*v);
            *sums = [sums[0] + v, sums[1] + v * v];
        }
    }
    let deviation = |[sum, squares]: &[f64; 2]| {
        let mean = sum / count;
        (squares / count - mean * mean).max(0.0).sqrt().max(least) as f32
    };
    DataStatistics {
        input_mean: sums.iter().map(|[sum, _]| (sum / count) as f32).collect(),
        input_std: sums.iter().map(deviation).collect(),
        target_mean: vec![],
    }
}
