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

/// The value below which this part of all values is; none of none.
pub fn quantile(values: &[f64], part: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (sorted.len() as f64 * part).ceil() as usize;
    sorted.get(place.clamp(1, sorted.len().max(1)) - 1).copied()
}

/// Mann and Whitney's test: whether values of one kind tend to be smaller than those of another.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct RankTest {
    /// How often one value of the first kind is smaller than one of the second: 0.5 when nothing tells them apart.
    pub smaller: f64,
    /// How often chance alone gives as great an inequality, or a greater.
    pub p: f64,
}

impl RankTest {
    /// By the normal approximation, corrected for ties; none where a kind has no values.
    pub fn of(one: &[f64], other: &[f64]) -> Option<Self> {
        let (n, m) = (one.len() as f64, other.len() as f64);
        if one.is_empty() || other.is_empty() {
            return None;
        }
        let mut all: Vec<(f64, bool)> = one.iter().map(|value| (*value, true)).collect();
        all.extend(other.iter().map(|value| (*value, false)));
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (mut before, mut ranks, mut ties) = (0.0, 0.0, 0.0);
        for equal in all.chunk_by(|a, b| a.0 == b.0) {
            let count = equal.len() as f64;
            let of_one = equal.iter().filter(|(_, is_one)| *is_one).count() as f64;
            ranks += of_one * (before + (count + 1.0) / 2.0);
            ties += count * count * count - count;
            before += count;
        }
        let larger = ranks - n * (n + 1.0) / 2.0;
        let all = n + m;
        let variance = n * m / 12.0 * (all + 1.0 - ties / (all * (all - 1.0)));
        let z = if variance > 0.0 {
            (larger - n * m / 2.0) / variance.sqrt()
        } else {
            0.0
        };
        Some(Self {
            smaller: 1.0 - larger / (n * m),
            p: two_sided(z),
        })
    }

    /// How often whoever sees one of each guesses rightly which is which: one half is chance.
    pub fn guessed(&self) -> f64 {
        self.smaller.max(1.0 - self.smaller)
    }
}

/// How often a standard normal value is farther from 0 than `z`: Abramowitz and Stegun 7.1.26, good to 2 in a million.
fn two_sided(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let series = [
        0.254_829_592,
        -0.284_496_736,
        1.421_413_741,
        -1.453_152_027,
        1.061_405_429,
    ];
    let sum = series
        .iter()
        .rev()
        .fold(0.0, |sum, factor| (sum + factor) * t);
    (sum * (-x * x).exp()).clamp(0.0, 1.0)
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

    #[test]
    fn a_quantile_is_a_value_that_was_seen() {
        let values: Vec<f64> = (1..=200).map(f64::from).collect();
        assert_eq!(quantile(&values, 0.99), Some(198.0));
        assert_eq!(quantile(&values, 1.0), Some(200.0));
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn the_rank_test_knows_what_tables_say() {
        // Two samples of ten without overlap: U = 0, z = -3.78.
        let low: Vec<f64> = (0..10).map(f64::from).collect();
        let high: Vec<f64> = (10..20).map(f64::from).collect();
        let test = RankTest::of(&low, &high).unwrap();
        assert_eq!(test.smaller, 1.0);
        assert!((test.p - 0.000_157).abs() < 0.000_01, "{}", test.p);
        assert_eq!(RankTest::of(&high, &low).unwrap().guessed(), 1.0);
        for (z, p) in [(0.0, 1.0), (1.959_96, 0.05), (2.575_83, 0.01)] {
            assert!((two_sided(z) - p).abs() < 1e-5, "{z}");
        }
        assert_eq!(RankTest::of(&[], &low), None);
    }

    #[test]
    fn what_is_alike_is_not_told_apart_also_where_all_is_equal() {
        let mixed: Vec<f64> = (0..500).map(|n| f64::from(n * 7919 % 1009)).collect();
        let (one, other) = mixed.split_at(250);
        let test = RankTest::of(one, other).unwrap();
        assert!(test.p > 0.05, "{test:?}");
        let equal = RankTest::of(&[4.0; 9], &[4.0; 9]).unwrap();
        assert_eq!(equal.smaller, 0.5);
        assert!(equal.p > 0.999, "{equal:?}");
    }
}
