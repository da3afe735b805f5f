//! What several rounds say together: a middle, and how far the rounds lie apart.

/// The middle of a sorted list: of an even number, the mean of the two in the middle. None of an empty list.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *sorted.get(sorted.len() / 2 - 1)?;
    Some(f64::midpoint(lower, upper))
}

/// One quantity over all rounds.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Summary {
    /// The middle round.
    pub median: f64,
    /// The lowest round.
    pub lowest: f64,
    /// The highest round.
    pub highest: f64,
}

impl Summary {
    /// Of a quantity's value in each round; none when there was no round.
    pub fn of(values: &[f64]) -> Option<Self> {
        Some(Self {
            median: median(values)?,
            lowest: values.iter().copied().min_by(f64::total_cmp)?,
            highest: values.iter().copied().max_by(f64::total_cmp)?,
        })
    }

    /// From the lowest to the highest, as a part of the median.
    pub fn spread(&self) -> f64 {
        (self.highest - self.lowest) / self.median
    }
}

/// Each round's value of `one` over the same round's value of `other`: what disturbs a round disturbs both
/// of its halves, so a ratio is steadier than what it is made of.
pub fn ratios(one: &[f64], other: &[f64]) -> Vec<f64> {
    one.iter()
        .zip(other)
        .map(|(one, other)| one / other)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_the_middle_and_not_the_mean() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[7.0]), Some(7.0));
        assert_eq!(median(&[900.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 900.0, 2.0]), Some(3.0));
    }

    #[test]
    fn a_summary_keeps_the_outer_rounds() {
        let summary = Summary::of(&[10.0, 8.0, 13.0]).unwrap();
        assert_eq!(summary.median, 10.0);
        assert_eq!((summary.lowest, summary.highest), (8.0, 13.0));
        assert_eq!(summary.spread(), 0.5);
        assert_eq!(Summary::of(&[]), None);
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        // Both halves of the second round ran at a third of the speed: the ratio does not see it.
        assert_eq!(ratios(&[90.0, 30.0], &[100.0, 100.0 / 3.0]).len(), 2);
        for ratio in ratios(&[90.0, 30.0], &[100.0, 100.0 / 3.0]) {
            assert!((ratio - 0.9).abs() < 1e-9, "{ratio}");
        }
    }
}
