//! Zeeschuimer's wrapper: `{timestamp_collected, source_platform, item_id, data: {…}}` per record.

use super::fields::{text, time};
use super::read::{not_understood, read_object};
use super::scope::Scope;
use super::sink::Sink;
use serde_json::Value;

/// Reads the record within, observed when it was captured.
pub(super) fn read(capture: &Value, scope: &Scope, sink: &mut Sink) {
    if let Some(platform) = text(capture, &["source_platform"]).filter(|p| !p.contains("tiktok")) {
        return sink.count(format!("records of {platform} skipped"));
    }
    let scope = scope.recorded(time(capture, &["timestamp_collected"]));
    let data = capture.get("data").unwrap_or(&Value::Null);
    if read_object(data, &scope, sink).is_none() {
        not_understood(capture, sink);
    }
}
