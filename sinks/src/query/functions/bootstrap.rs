//! The bootstrap interval of a median, without drawing every sample.
//!
//! A bootstrap sample of n sorted values is n draws of a place among them, and its median stands at the middle of the drawn
//! places. Of n draws ⌊n·U⌋ the k-th smallest is ⌊n·U₍ₖ₎⌋, and the k-th smallest of n uniform numbers has the distribution
//! Beta(k, n+1−k) [David & Nagaraja, Order Statistics, 2003, §2.1]; given that one, the next is the least of n−k uniform numbers
//! above it. So each of the [`RESAMPLES`] medians costs a few random numbers, however many rows there are, and has exactly
//! the distribution that drawing all n would give.

use super::BOOTSTRAP_INTERVAL;
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Float64Type, Int64Type};
use datafusion::common::{ScalarValue, exec_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, DocSection, Documentation, Signature, Volatility,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Medians that are drawn: the ends of a 95 % interval then rest on the 50 outermost each.
const RESAMPLES: usize = 2_000;

pub(super) fn function() -> AggregateUDF {
    let section = DocSection { include: true, label: "Tidelake", description: None };
    let documentation = Documentation::builder(section, BOOTSTRAP_INTERVAL.about, BOOTSTRAP_INTERVAL.syntax).build();
    let signature = Signature::user_defined(Volatility::Immutable);
    AggregateUDF::new_from_impl(Bootstrap { signature, documentation })
}

fn ends() -> Fields {
    ["low", "high"].map(|name| Field::new(name, DataType::Float64, true)).into_iter().collect()
}

#[derive(Debug)]
struct Bootstrap {
    signature: Signature,
    documentation: Documentation,
}

impl PartialEq for Bootstrap {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Bootstrap {}

impl Hash for Bootstrap {
    fn hash<H: Hasher>(&self, state: &mut H) {
        BOOTSTRAP_INTERVAL.name.hash(state);
    }
}

impl AggregateUDFImpl for Bootstrap {
    fn name(&self) -> &str {
        BOOTSTRAP_INTERVAL.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Struct(ends()))
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        if given.len() == 3 {
            return Ok(vec![DataType::Float64, DataType::Float64, DataType::Int64]);
        }
        plan_err!("{} takes 3 values, not {}", BOOTSTRAP_INTERVAL.syntax, given.len())
    }

    fn accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::<Sample>::default())
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let values = DataType::List(Arc::new(Field::new_list_field(DataType::Float64, true)));
        let field = |name: &str, kind| Arc::new(Field::new(format!("{}[{name}]", args.name), kind, true));
        Ok(vec![field("values", values), field("level", DataType::Float64), field("seed", DataType::Int64)])
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

/// The values so far, and what is asked of them.
#[derive(Debug, Default)]
struct Sample {
    values: Vec<f64>,
    level: Option<f64>,
    seed: Option<i64>,
}

impl Sample {
    fn take(&mut self, values: &ArrayRef, level: &ArrayRef, seed: &ArrayRef) -> Result<()> {
        let numbers = cast(values, &DataType::Float64)?;
        self.values.extend(numbers.as_primitive::<Float64Type>().iter().flatten().filter(|value| !value.is_nan()));
        self.level = self.level.or_else(|| level.as_primitive::<Float64Type>().iter().flatten().next());
        self.seed = self.seed.or_else(|| seed.as_primitive::<Int64Type>().iter().flatten().next());
        Ok(())
    }
}

impl Accumulator for Sample {
    fn update_batch(&mut self, columns: &[ArrayRef]) -> Result<()> {
        self.take(&columns[0], &columns[1], &columns[2])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let lists = states[0].as_list::<i32>();
        (0..lists.len())
            .filter(|row| lists.is_valid(*row))
            .try_for_each(|row| self.take(&lists.value(row), &states[1].slice(row, 1), &states[2].slice(row, 1)))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values: Vec<_> = self.values.iter().map(|value| ScalarValue::Float64(Some(*value))).collect();
        let list = ScalarValue::List(ScalarValue::new_list(&values, &DataType::Float64, true));
        Ok(vec![list, ScalarValue::Float64(self.level), ScalarValue::Int64(self.seed)])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let level = self.level.unwrap_or(0.95);
        if !(level > 0.0 && level < 1.0) {
            return exec_err!(
                "bootstrap_interval: level {level} is not between 0 and 1. Give 0.95 for a 95 % interval"
            );
        }
        self.values.sort_by(f64::total_cmp);
        let found = interval(&self.values, level, self.seed.unwrap_or(0));
        let end = |value: Option<f64>| Arc::new(arrow::array::Float64Array::from(vec![value])) as ArrayRef;
        let columns = vec![end(found.map(|ends| ends.0)), end(found.map(|ends| ends.1))];
        let nulls = found.is_none().then(|| arrow::buffer::NullBuffer::new_null(1));
        Ok(ScalarValue::Struct(Arc::new(arrow::array::StructArray::try_new(ends(), columns, nulls)?)))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.values.capacity() * size_of::<f64>()
    }
}

/// The ends, of sorted values; `None` when there are none.
fn interval(values: &[f64], level: f64, seed: i64) -> Option<(f64, f64)> {
    let mut random = ChaCha8Rng::seed_from_u64(seed.cast_unsigned());
    let mut medians: Vec<f64> =
        (0..RESAMPLES).map(|_| median_of_a_sample(values, &mut random)).collect::<Option<_>>()?;
    medians.sort_by(f64::total_cmp);
    let outside = (1.0 - level) / 2.0;
    Some((percentile(&medians, outside)?, percentile(&medians, 1.0 - outside)?))
}

/// Between the two nearest, in proportion.
fn percentile(sorted: &[f64], share: f64) -> Option<f64> {
    let place = share * (sorted.len() - 1) as f64;
    let (below, above) = (sorted.get(place.floor() as usize)?, sorted.get(place.ceil() as usize)?);
    Some(below + (above - below) * place.fract())
}

fn median_of_a_sample(values: &[f64], random: &mut ChaCha8Rng) -> Option<f64> {
    let n = values.len();
    let at = |u: f64| values.get(((u * n as f64) as usize).min(n.saturating_sub(1))).copied();
    let k = n.div_ceil(2);
    let middle = beta(k as f64, (n + 1 - k.min(n)) as f64, random);
    if n % 2 == 1 {
        return at(middle);
    }
    let next = middle + (1.0 - middle) * (1.0 - uniform(random).powf(1.0 / (n - k).max(1) as f64));
    Some((at(middle)? + at(next)?) / 2.0)
}

fn beta(a: f64, b: f64, random: &mut ChaCha8Rng) -> f64 {
    let (x, y) = (gamma(a, random), gamma(b, random));
    x / (x + y)
}

/// Gamma(shape, 1) for a shape of at least 1 [Marsaglia & Tsang, ACM TOMS 26 (2000), 363–372].
fn gamma(shape: f64, random: &mut ChaCha8Rng) -> f64 {
    let d = shape.max(1.0) - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = normal(random);
        let v = (1.0 + c * x).powi(3);
        if v > 0.0 && uniform(random).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return d * v;
        }
    }
}

/// Box and Muller's.
fn normal(random: &mut ChaCha8Rng) -> f64 {
    (-2.0 * uniform(random).ln()).sqrt() * (std::f64::consts::TAU * uniform(random)).cos()
}

/// In (0, 1), 53 bits.
fn uniform(random: &mut ChaCha8Rng) -> f64 {
    ((random.next_u64() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Drawing all n places, the plain way, gives the same interval but for chance.
    #[test]
    fn the_short_cut_has_the_distribution_of_the_plain_way() {
        for n in [1, 2, 5, 8, 101, 400] {
            let values: Vec<f64> = (0..n).map(f64::from).collect();
            let mut random = ChaCha8Rng::seed_from_u64(7);
            let mut medians: Vec<f64> = (0..20_000)
                .map(|_| {
                    let mut drawn: Vec<_> =
                        (0..n).map(|_| values[(uniform(&mut random) * f64::from(n)) as usize]).collect();
                    drawn.sort_by(f64::total_cmp);
                    let (a, b) = ((drawn.len() - 1) / 2, drawn.len() / 2);
                    (drawn[a] + drawn[b]) / 2.0
                })
                .collect();
            medians.sort_by(f64::total_cmp);
            let plain = (percentile(&medians, 0.025).expect("one"), percentile(&medians, 0.975).expect("one"));
            let short = interval(&values, 0.95, 1).expect("one");
            let tolerance = 0.02 * f64::from(n) + 1e-9;
            assert!(
                (plain.0 - short.0).abs() <= tolerance && (plain.1 - short.1).abs() <= tolerance,
                "{n} {plain:?} {short:?}"
            );
        }
    }

    #[test]
    fn nothing_has_no_interval_and_one_value_is_its_own() {
        assert_eq!(interval(&[], 0.95, 1), None);
        assert_eq!(interval(&[3.0], 0.95, 1), Some((3.0, 3.0)));
        assert_eq!(interval(&[1.0, 2.0, 9.0], 0.9, 5), interval(&[1.0, 2.0, 9.0], 0.9, 5));
    }
}
