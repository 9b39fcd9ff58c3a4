//! How often a value fell between fixed bounds.

use std::sync::atomic::{AtomicU64, Ordering};

/// Bounds for waits of a call or a disk, in seconds.
pub(super) const SECONDS: &[f64] = &[
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0,
];
/// Bounds for what takes seconds.
pub(super) const SECONDS_LONG: &[f64] =
    &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Bounds for numbers of things.
pub(super) const COUNTS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// How often a value fell between fixed bounds, their count and their sum.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [f64],
    /// One per bound, and one for what lies beyond the last.
    buckets: Box<[AtomicU64]>,
    /// In billionths, so that it can be added to without a lock.
    sum_billionths: AtomicU64,
}

/// What a [`Histogram`] came to.
#[derive(Debug, Clone, PartialEq)]
pub struct HistogramReading {
    /// Upper bound and number of values up to it but above the bound before; the last bound is infinite.
    pub buckets: Vec<(f64, u64)>,
    /// How many values there were.
    pub count: u64,
    /// What they add up to.
    pub sum: f64,
}

impl Histogram {
    pub(super) fn new(bounds: &'static [f64]) -> Self {
        Self {
            bounds,
            buckets: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(),
            sum_billionths: AtomicU64::new(0),
        }
    }

    /// Counts a value. One that is negative or not a number counts as zero.
    pub fn observe(&self, value: f64) {
        let value = value.max(0.0);
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum_billionths
            .fetch_add((value * 1e9) as u64, Ordering::Relaxed);
    }

    /// What it came to so far.
    pub fn read(&self) -> HistogramReading {
        let bounds = self.bounds.iter().copied().chain([f64::MAX]);
        let buckets: Vec<_> = bounds
            .zip(&self.buckets)
            .map(|(bound, count)| (bound, count.load(Ordering::Relaxed)))
            .collect();
        HistogramReading {
            count: buckets.iter().map(|(_, count)| count).sum(),
            buckets,
            sum: self.sum_billionths.load(Ordering::Relaxed) as f64 / 1e9,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_fall_into_the_first_bucket_that_holds_them() {
        let histogram = Histogram::new(&[1.0, 10.0]);
        for value in [0.0, 1.0, 1.5, 10.0, 11.0, f64::NAN, -3.0] {
            histogram.observe(value);
        }
        let reading = histogram.read();
        assert_eq!(reading.buckets, [(1.0, 4), (10.0, 2), (f64::MAX, 1)]);
        assert_eq!(reading.count, 7);
        assert!((reading.sum - 23.5).abs() < 1e-6);
    }
}
