//! How sets of points in a space differ: what is generated beside what is real.

use nalgebra::{DMatrix, DVector};

/// A point.
pub type Place = Vec<f64>;

/// Distance of two points.
#[must_use]
pub fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

/// Mean distance of all pairs of points; `None` if there is no pair.
#[must_use]
pub fn spread(points: &[Place]) -> Option<f64> {
    let others = |i: usize| points[i + 1..].iter().map(move |other| distance(&points[i], other));
    let count = points.len() * points.len().saturating_sub(1) / 2;
    (count > 0).then(|| (0..points.len()).flat_map(others).sum::<f64>() / count as f64)
}

/// Fréchet distance of the normal distributions with mean and covariance of two sets of points (FID,
/// Heusel et al. 2017): `|m1 - m2|² + tr(C1 + C2 - 2 (C1 C2)^½)`. `None` if a set has fewer than two.
#[must_use]
pub fn frechet(one: &[Place], other: &[Place]) -> Option<f64> {
    let ((mean, covariance), (other_mean, other_covariance)) = (normal(one)?, normal(other)?);
    // The root of the product has the trace of that of a symmetric matrix.
    let root = root(covariance.clone());
    let between = &root * &other_covariance * &root;
    let shared: f64 = between.symmetric_eigenvalues().iter().map(|v| v.max(0.0).sqrt()).sum();
    let spread = covariance.trace() + other_covariance.trace() - 2.0 * shared;
    Some(((mean - other_mean).norm_squared() + spread).max(0.0))
}

/// Mean and covariance.
fn normal(points: &[Place]) -> Option<(DVector<f64>, DMatrix<f64>)> {
    let (count, width) = (points.len(), points.first()?.len());
    if count < 2 {
        return None;
    }
    let mut rows = DMatrix::from_fn(count, width, |i, j| points[i][j]);
    let mean = rows.row_mean();
    rows.row_iter_mut().for_each(|mut row| row -= &mean);
    Some((mean.transpose(), rows.tr_mul(&rows) / (count - 1) as f64))
}

/// Root of a symmetric matrix without negative eigenvalues but for rounding.
fn root(matrix: DMatrix<f64>) -> DMatrix<f64> {
    let eigen = matrix.symmetric_eigen();
    let roots = eigen.eigenvalues.map(|value| value.max(0.0).sqrt());
    &eigen.eigenvectors * DMatrix::from_diagonal(&roots) * eigen.eigenvectors.transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use rand_distr::{Distribution, StandardNormal};

    fn cloud(seed: u64, count: usize, place: impl Fn(usize, f64) -> f64) -> Vec<Place> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut draw = || -> f64 { StandardNormal.sample(&mut rng) };
        (0..count).map(|_| (0..5).map(|axis| place(axis, draw())).collect()).collect()
    }

    #[test]
    fn equal_sets_are_at_distance_0_and_shifted_ones_at_the_square_of_the_shift() {
        // Fewer points than dimensions, so that the covariance has no full rank.
        for count in [4, 200] {
            let one = cloud(1, count, |axis, draw| draw * (1.0 + axis as f64));
            let shifted: Vec<Place> =
                one.iter().map(|p| vec![p[0] + 0.3, p[1], p[2] - 0.4, p[3], p[4]]).collect();
            assert!(frechet(&one, &one).unwrap() < 1e-6);
            assert!((frechet(&one, &shifted).unwrap() - 0.25).abs() < 1e-6, "{count}");
        }
    }

    /// In each dimension on its own, spreads that differ by a factor cost the square of their difference.
    #[test]
    fn spreads_that_differ_count() {
        let one = cloud(1, 300, |_, draw| draw);
        let wide: Vec<Place> = one.iter().map(|p| p.iter().map(|v| 3.0 * v).collect()).collect();
        let (mean, covariance) = normal(&one).unwrap();
        let expected = 4.0 * covariance.trace() + 4.0 * mean.norm_squared();
        assert!((frechet(&one, &wide).unwrap() - expected).abs() < 1e-6);
        let other = cloud(2, 300, |_, draw| draw);
        let (there, back) = (frechet(&one, &other).unwrap(), frechet(&other, &one).unwrap());
        assert!((there - back).abs() < 1e-9 && (1e-3..0.3).contains(&there), "{there} {back}");
    }

    #[test]
    fn a_set_needs_two_points() {
        let point = vec![1.0, 2.0];
        let two = [point.clone(), vec![4.0, 6.0]];
        assert_eq!(frechet(std::slice::from_ref(&point), &two), None);
        assert_eq!(frechet(&[], &two), None);
        assert_eq!((spread(&[point]), spread(&two)), (None, Some(5.0)));
    }
}
