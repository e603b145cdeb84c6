//! Files with one JSON document per line.

use super::read::{not_understood, read_object};
use super::scope::Scope;
use super::sink::Sink;
use super::{Shape, detect};
use serde_json::Value;

/// Reads the lines; `None` when no line is understood. Lines that are not JSON are refused one by one.
pub(super) fn read(text: &str, scope: &Scope, sink: &mut Sink) -> Option<Shape> {
    let shape =
        lines(text).find_map(|line| parse(line).and_then(|value| detect::locate(&value).map(|found| found.0)))?;
    lines(text).for_each(|line| read_line(line, scope, sink));
    Some(shape)
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

/// U+0000 trips up many tools, so that captures are full of advice to drop it.
fn parse(line: &str) -> Option<Value> {
    serde_json::from_str(line).ok().or_else(|| serde_json::from_str(&line.replace('\0', "")).ok())
}

fn read_line(line: &str, scope: &Scope, sink: &mut Sink) {
    let refused = sink.refused();
    match parse(line) {
        Some(value) if read_object(&value, scope, sink).is_some() => {}
        Some(value) => not_understood(&value, sink),
        None => {
            let message = "this line is not JSON; the file may have been cut off: get it again from its source";
            sink.reject_bytes("not_json", message.into(), None, line.as_bytes().to_vec());
        }
    }
    sink.restore(refused, line);
}
