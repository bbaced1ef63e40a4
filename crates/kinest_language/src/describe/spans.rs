//! Stretches of time, and what can be said about several of them.

/// Stretches of time, seconds: start and end, in order, without overlap.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Spans(Vec<(f64, f64)>);

impl Spans {
    /// From stretches in any order, joined where they overlap or touch.
    pub(super) fn new(spans: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let mut all: Vec<(f64, f64)> = spans.into_iter().collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self(all).bridged(0.0)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.0.iter().copied()
    }

    /// Gaps of at most `gap` seconds closed.
    pub(super) fn bridged(&self, gap: f64) -> Self {
        let mut joined: Vec<(f64, f64)> = vec![];
        for (start, end) in self.iter() {
            match joined.last_mut() {
                Some(last) if start <= last.1 + gap => last.1 = last.1.max(end),
                _ => joined.push((start, end)),
            }
        }
        Self(joined)
    }

    /// Those of at least `least` seconds.
    pub(super) fn lasting(&self, least: f64) -> Self {
        Self(self.iter().filter(|(start, end)| end - start >= least).collect())
    }

    /// Those that are so.
    pub(super) fn only(&self, so: impl Fn((f64, f64)) -> bool) -> Self {
        Self(self.iter().filter(|span| so(*span)).collect())
    }

    /// Times in either.
    pub(super) fn or(&self, other: &Self) -> Self {
        Self::new(self.iter().chain(other.iter()))
    }

    /// Times in both.
    pub(super) fn and(&self, other: &Self) -> Self {
        let both = self.iter().flat_map(|a| {
            let common = move |b: (f64, f64)| (a.0.max(b.0), a.1.min(b.1));
            other.iter().map(common).filter(|(start, end)| start < end).collect::<Vec<_>>()
        });
        Self::new(both)
    }

    /// Times in this one only.
    pub(super) fn without(&self, other: &Self) -> Self {
        let mut left = vec![];
        for (mut start, end) in self.iter() {
            for (from, to) in other.iter() {
                if to <= start || from >= end {
                    continue;
                }
                if from > start {
                    left.push((start, from));
                }
                start = start.max(to);
            }
            if start < end {
                left.push((start, end));
            }
        }
        Self(left)
    }

    /// Seconds of `span` that are in these.
    pub(super) fn within(&self, span: (f64, f64)) -> f64 {
        let common = self.iter().map(|(start, end)| (end.min(span.1) - start.max(span.0)).max(0.0));
        common.sum()
    }

    /// Share of `span` that is in these, 0 to 1.
    pub(super) fn share(&self, span: (f64, f64)) -> f64 {
        let whole = span.1 - span.0;
        if whole > 0.0 { self.within(span) / whole } else { f64::from(self.holds(span.0)) }
    }

    /// Whether they hold at a time.
    pub(super) fn holds(&self, time: f64) -> bool {
        self.iter().any(|(start, end)| (start..=end).contains(&time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(all: &[(f64, f64)]) -> Spans {
        Spans::new(all.iter().copied())
    }

    #[test]
    fn stretches_are_joined_cut_and_measured() {
        let a = spans(&[(3.0, 4.0), (0.0, 1.0), (0.5, 2.0)]);
        assert_eq!(a, spans(&[(0.0, 2.0), (3.0, 4.0)]));
        let b = spans(&[(1.0, 3.5)]);
        assert_eq!(a.and(&b), spans(&[(1.0, 2.0), (3.0, 3.5)]));
        assert_eq!(a.or(&b), spans(&[(0.0, 4.0)]));
        assert_eq!(a.without(&b), spans(&[(0.0, 1.0), (3.5, 4.0)]));
        assert_eq!(b.without(&a), spans(&[(2.0, 3.0)]));
        assert_eq!(a.bridged(1.0), spans(&[(0.0, 4.0)]));
        assert_eq!(a.lasting(1.5), spans(&[(0.0, 2.0)]));
        assert_eq!(a.within((1.0, 3.25)), 1.25);
        assert_eq!((a.share((1.0, 3.0)), a.share((2.5, 2.5))), (0.5, 0.0));
        assert!(a.holds(4.0) && !a.holds(2.5));
    }
}
