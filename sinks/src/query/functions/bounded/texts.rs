//! How long texts become.

use super::arguments::{Argument, Arguments};
use super::{BATCH, Size, TEXT};
use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::functions::regex::compile_regex;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// A text so often.
pub(super) fn repeat(given: &Arguments) -> Result<Size<'_>> {
    let [text, times] = given.all() else { return wrong() };
    Ok(Box::new(|row| text.length(row) * number(times, row)))
}

/// A text filled up to so many characters, which have four bytes at the most.
pub(super) fn padded(given: &Arguments) -> Result<Size<'_>> {
    let [text, length, ..] = given.all() else { return wrong() };
    Ok(Box::new(|row| text.length(row) + 4 * number(length, row)))
}

/// All in a row.
pub(super) fn concat(given: &Arguments) -> Result<Size<'_>> {
    Ok(Box::new(|row| given.all().iter().map(|text| text.length(row)).sum()))
}

/// All but the first in a row, with the first between them.
pub(super) fn concat_ws(given: &Arguments) -> Result<Size<'_>> {
    let [between, texts @ ..] = given.all() else { return wrong() };
    Ok(Box::new(|row| {
        texts.iter().map(|text| text.length(row)).sum::<u128>() + between.length(row) * texts.len() as u128
    }))
}

/// A text with another in the place of each of some kind. What is cheap to say is enough for most; else they are counted.
pub(super) fn replace(given: &Arguments) -> Result<Size<'_>> {
    let [text, from, to] = given.all() else { return wrong() };
    Ok(Box::new(|row| {
        let (length, old, new) = (text.length(row), from.length(row), to.length(row));
        if old == 0 || new <= old {
            return length;
        }
        let most = length + length / old * (new - old);
        if most <= SMALL {
            return most;
        }
        match (text.text(row), from.text(row)) {
            (Some(text), Some(from)) => length + text.matches(from).count() as u128 * (new - old),
            // Bytes, and texts of two kinds: never larger than this.
            _ => most,
        }
    }))
}

/// Results of that many bytes are within every bound, however many are made at once by default.
const SMALL: u128 = BATCH / 8_192;

/// As [`replace`], by patterns: each replacement is what is written there, and what its groups stand for.
pub(super) fn regexp_replace(given: &Arguments) -> Result<Size<'_>> {
    let [text, pattern, replacement, flags @ ..] = given.all() else { return wrong() };
    let all = |row| flags.first().and_then(|flags| flags.text(row)).is_some_and(|flags| flags.contains('g'));
    let grown = move |row: usize, matches: u128| {
        let groups = replacement.text(row).map_or(0, |text| text.matches(['$', '\\']).count() as u128);
        text.length(row) * (1 + groups) + matches * replacement.length(row)
    };
    let most = move |row| grown(row, if all(row) { text.length(row) + 1 } else { 1 });
    let mut total = 0;
    let small = (0..given.rows()).all(|row| {
        total += most(row);
        most(row) <= TEXT && total <= BATCH
    });
    if small {
        return Ok(Box::new(most));
    }
    let counted = matches(given.rows(), text, pattern, flags.first())?;
    Ok(Box::new(move |row| grown(row, if all(row) { counted[row] } else { counted[row].min(1) })))
}

/// How often each text matches its pattern.
fn matches(rows: usize, text: &Argument, pattern: &Argument, flags: Option<&Argument>) -> Result<Vec<u128>> {
    let mut known: HashMap<(&str, Option<&str>), _> = HashMap::new();
    let count = |row| -> Result<u128> {
        let (Some(text), Some(pattern)) = (text.text(row), pattern.text(row)) else { return Ok(0) };
        let flags = flags.and_then(|flags| flags.text(row));
        let compiled = match known.entry((pattern, flags)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                // All of them are counted without being told to.
                let others = flags.map(|flags| flags.replace('g', "")).filter(|flags| !flags.is_empty());
                new.insert(compile_regex(pattern, others.as_deref())?)
            }
        };
        Ok(compiled.find_iter(text).count() as u128)
    };
    (0..rows).map(count).collect()
}

/// A whole number; of null and of negative ones, 0.
pub(super) fn number(argument: &Argument, row: usize) -> u128 {
    let numbers = argument.values.as_primitive_opt::<Int64Type>();
    argument.at(row).zip(numbers).map_or(0, |(at, numbers)| u128::try_from(numbers.value(at)).unwrap_or(0))
}

/// Signatures let nothing else through.
pub(super) fn wrong<T>() -> Result<T> {
    exec_err!("a function was given other arguments than it takes")
}
