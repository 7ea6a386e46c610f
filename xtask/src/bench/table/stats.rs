//! What is made of many measurements.

/// The middle of some values, and between which they lie.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// Of an even number of values the median is the mean of the two in the middle; of none
    /// all is 0.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let count = sorted.len();
        let (Some(&least), Some(&most)) = (sorted.first(), sorted.last()) else {
            return Self::default();
        };
        Self {
            median: f64::midpoint(sorted[(count - 1) / 2], sorted[count / 2]),
            least,
            most,
        }
    }
}

/// A number as a real one.
#[expect(
    clippy::cast_precision_loss,
    reason = "what is counted here is far from 2^52"
)]
pub(crate) fn real(number: u64) -> f64 {
    number as f64
}

/// The value that so many of a hundred do not exceed.
pub(crate) fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let place = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(place).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        let odd = Spread::of([9.0, 1.0, 2.0]);
        let spread = |median, least, most| Spread {
            median,
            least,
            most,
        };
        assert_eq!(odd, spread(2.0, 1.0, 9.0));
        let even = Spread::of([4.0, 1.0, 2.0, 100.0]);
        assert_eq!(even, spread(3.0, 1.0, 100.0));
        assert_eq!(Spread::of([]), Spread::default());
    }

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let values: Vec<f64> = (1..=200).map(f64::from).collect();
        let of = |values: &[f64], percent| percentile(values, percent).to_string();
        assert_eq!(of(&values, 50), "100");
        assert_eq!(of(&values, 99), "198");
        assert_eq!(of(&[7.0], 99), "7");
        assert_eq!(of(&[], 99), "0");
    }
}
