//! Cashtags (`$TWTR`), by twitter-text's rules: up to six ASCII letters, then perhaps `.` or `_` and one or two more.

use crate::text::{self, before, is_directional, is_space};
use crate::{Caption, Stage, source};
use tidelake_schemas::{CaptionFindings, TextSpan};

const MAX_SYMBOL: usize = 6;
const MAX_SUFFIX: usize = 2;

/// Finds cashtags.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cashtags;

impl Stage for Cashtags {
    fn name(&self) -> &'static str {
        "cashtags"
    }

    fn version(&self) -> u32 {
        1
    }

    fn apply(&self, caption: &Caption<'_>, findings: &mut CaptionFindings) {
        let taken = source::taken(caption.text, caption.entities);
        findings.cashtags =
            find(caption.text).into_iter().filter(|tag| source::free(&taken, text::range(tag))).collect();
    }
}

fn find(text: &str) -> Vec<TextSpan> {
    text.match_indices('$')
        .filter(|&(at, _)| before(text, at).is_none_or(|c| is_space(c) || is_directional(c)))
        .filter_map(|(at, _)| {
            let name = at + 1;
            let end = name + symbol_length(&text[name..])?;
            Some(text::span(&text[name..end], at, end))
        })
        .collect()
}

/// The length of the symbol at the start of `text`.
fn symbol_length(text: &str) -> Option<usize> {
    let letters = letter_run(text);
    if letters == 0 || letters > MAX_SYMBOL {
        return None;
    }
    let suffix = text[letters..].strip_prefix(['.', '_']).map_or(0, letter_run);
    let whole = letters + 1 + suffix;
    if (1..=MAX_SUFFIX).contains(&suffix) && is_end(&text[whole..]) {
        return Some(whole);
    }
    is_end(&text[letters..]).then_some(letters)
}

fn letter_run(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_alphabetic).count()
}

fn is_end(rest: &str) -> bool {
    rest.chars().next().is_none_or(|c| c.is_ascii_whitespace() || c == '\u{b}' || c.is_ascii_punctuation())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbols(text: &str) -> Vec<String> {
        find(text).into_iter().map(|tag| tag.text).collect()
    }

    #[test]
    fn symbols_and_prices() {
        assert_eq!(symbols("$TWTR $brk.B, ($X) $a_bc $GOOG!"), ["TWTR", "brk.B", "a_bc", "GOOG"]);
        assert_eq!(symbols("$5 $ $TOOLONGX $é US$AB $A1 $A日"), [""; 0]);
        assert_eq!(symbols("$ABC.defg $ABC."), ["ABC", "ABC"]);
    }
}
