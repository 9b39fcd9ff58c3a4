//! Medians and percentiles.

use std::time::Duration;

/// The value below which `share` (0 to 1) of the values lie; 0 of none.
pub(crate) fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    let at = (share * last as f64).round() as usize;
    values.get(at).copied().unwrap_or(0.0)
}

pub(crate) fn median(values: &mut [f64]) -> f64 {
    percentile(values, 0.5)
}

/// Milliseconds as a fraction.
pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Rounds of two things measured in turn, A B A B …, since the machine's speed changes within minutes.
#[derive(Default)]
pub(crate) struct Pairs {
    a: Vec<f64>,
    b: Vec<f64>,
}

impl Pairs {
    pub(crate) fn push(&mut self, a: f64, b: f64) {
        self.a.push(a);
        self.b.push(b);
    }

    pub(crate) fn len(&self) -> usize {
        self.a.len()
    }

    pub(crate) fn median_a(&self) -> f64 {
        median(&mut self.a.clone())
    }

    pub(crate) fn median_b(&self) -> f64 {
        median(&mut self.b.clone())
    }

    /// Median of the rounds' own ratios, and the smallest and largest of them.
    pub(crate) fn ratio(&self) -> (f64, f64, f64) {
        let mut ratios: Vec<f64> = self.a.iter().zip(&self.b).map(|(a, b)| a / b).collect();
        let middle = median(&mut ratios);
        let low = ratios.first().copied().unwrap_or(0.0);
        let high = ratios.last().copied().unwrap_or(0.0);
        (middle, low, high)
    }
}
