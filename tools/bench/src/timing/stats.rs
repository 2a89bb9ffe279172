//! Statistics of two samples of durations.

use std::time::Duration;

/// The number of bootstrap draws for an interval.
const DRAWS: usize = 2_000;

/// Durations in microseconds, ascending.
#[derive(Clone, Debug)]
pub struct Sample(Vec<f64>);

impl Sample {
    pub fn new(durations: impl IntoIterator<Item = Duration>) -> Self {
        let mut all: Vec<_> = durations.into_iter().map(|took| took.as_secs_f64() * 1e6).collect();
        all.sort_by(f64::total_cmp);
        Self(all)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// A quantile, interpolated between neighbours.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "groups have a few hundred members, and the part is between 0 and 1"
    )]
    pub fn quantile(&self, part: f64) -> f64 {
        let at = part * (self.0.len().max(1) - 1) as f64;
        let (below, above) = (at.floor() as usize, at.ceil() as usize);
        let value = |index: usize| self.0.get(index).copied().unwrap_or_default();
        value(below) + (value(above) - value(below)) * at.fract()
    }

    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    fn redrawn(&self, random: &mut Random) -> Self {
        let mut drawn: Vec<_> = self.0.iter().map(|_| self.0[random.below(self.0.len())]).collect();
        drawn.sort_by(f64::total_cmp);
        Self(drawn)
    }
}

/// The difference between the medians of two samples.
#[derive(Clone, Copy, Debug)]
pub struct Difference {
    /// In microseconds.
    pub median: f64,
    /// The 95 % confidence interval (percentile bootstrap).
    pub interval: (f64, f64),
    /// The probability that a random member of the first exceeds one of the second (the area under the ROC curve): 0.5 reveals nothing,
    /// 0 and 1 everything.
    pub auc: f64,
}

impl Difference {
    pub fn between(one: &Sample, other: &Sample) -> Self {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let draws: Vec<_> = (0..DRAWS)
            .map(|_| one.redrawn(&mut random).median() - other.redrawn(&mut random).median())
            .collect();
        let draws = Sample::new_raw(draws);
        let interval = (draws.quantile(0.025), draws.quantile(0.975));
        Self { median: one.median() - other.median(), interval, auc: auc(one, other) }
    }

    /// Whether the interval excludes zero.
    pub fn is_clear(&self) -> bool {
        self.interval.0 > 0.0 || self.interval.1 < 0.0
    }
}

impl Sample {
    fn new_raw(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self(values)
    }
}

/// The Mann-Whitney statistic as a share of all pairs. A tie counts half.
#[expect(clippy::cast_precision_loss, reason = "groups have a few hundred members")]
fn auc(one: &Sample, other: &Sample) -> f64 {
    let below = |value: f64| {
        let less = other.0.partition_point(|x| *x < value);
        let ties = other.0.partition_point(|x| *x <= value) - less;
        less as f64 + ties as f64 / 2.0
    };
    let wins: f64 = one.0.iter().map(|value| below(*value)).sum();
    wins / (one.len() * other.len()).max(1) as f64
}

/// xorshift64* (Vigna 2016), with the same sequence in each run.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
        usize::try_from(drawn).unwrap_or_default() % end.max(1)
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(micros: impl IntoIterator<Item = u64>) -> Sample {
        Sample::new(micros.into_iter().map(Duration::from_micros))
    }

    fn about(got: f64, wanted: f64) -> bool {
        (got - wanted).abs() < 1e-6
    }

    #[test]
    fn quartiles_lie_between_members_where_they_have_to() {
        let sample = sample([4, 1, 3, 2]);
        assert!(about(sample.quantile(0.0), 1.0) && about(sample.quantile(1.0), 4.0));
        assert!(about(sample.median(), 2.5) && about(sample.quantile(0.25), 1.75));
    }

    #[test]
    fn groups_that_are_apart_are_told_apart_and_the_same_are_not() {
        let (low, high) = (sample(0..300), sample(1_000..1_300));
        let apart = Difference::between(&high, &low);
        assert!(about(apart.median, 1_000.0) && about(apart.auc, 1.0) && apart.is_clear());
        assert!(about(Difference::between(&low, &high).auc, 0.0));
        let same = Difference::between(&low, &low);
        assert!(about(same.auc, 0.5) && !same.is_clear(), "{same:?}");
        let shifted = Difference::between(&sample(30..330), &low);
        assert!(shifted.auc > 0.55 && shifted.interval.0 < 30.0 && shifted.interval.1 > 30.0, "{shifted:?}");
    }

    #[test]
    fn a_shuffle_keeps_everything_and_moves_some() {
        let mut items: Vec<_> = (0..100).collect();
        Random(1).shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
