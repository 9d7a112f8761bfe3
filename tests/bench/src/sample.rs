//! Figures of one thing, measured several times.

/// At least one figure.
#[derive(Clone, Debug)]
pub(crate) struct Sample(Vec<f64>);

impl Sample {
    /// # Panics
    /// If nothing was measured.
    pub(crate) fn new(figures: Vec<f64>) -> Self {
        assert!(!figures.is_empty(), "nothing was measured");
        Self(figures)
    }

    pub(crate) fn median(&self) -> f64 {
        self.percentile(50)
    }

    pub(crate) fn min(&self) -> f64 {
        self.percentile(0)
    }

    pub(crate) fn max(&self) -> f64 {
        self.percentile(100)
    }

    /// The figure below which so many of a hundred are.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let mut figures = self.0.clone();
        figures.sort_by(f64::total_cmp);
        figures[(figures.len() * percent / 100).min(figures.len() - 1)]
    }

    /// The median of the ratios to what was measured in the same rounds, which cancels what the machine did meanwhile.
    pub(crate) fn ratio(&self, floor: &Self) -> f64 {
        if self.0.len() != floor.0.len() {
            return self.median() / floor.median();
        }
        Self(self.0.iter().zip(&floor.0).map(|(ours, floor)| ours / floor).collect()).median()
    }
}

impl FromIterator<f64> for Sample {
    fn from_iter<I: IntoIterator<Item = f64>>(figures: I) -> Self {
        Self::new(figures.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_taken_round_by_round() {
        // A machine that is ten times slower in one round does not change what is a multiple of what.
        let ours = Sample::new(vec![2.0, 20.0, 2.0]);
        let floor = Sample::new(vec![1.0, 10.0, 1.0]);
        assert!((ours.ratio(&floor) - 2.0).abs() < f64::EPSILON);
        assert!((ours.median() - 2.0).abs() < f64::EPSILON);
    }
}
