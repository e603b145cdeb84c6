//! The `fields` parameter, and items with the fields that were asked for.

use super::answer::Refusal;
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};

/// The fields of a request.
pub(super) struct Fields(HashSet<String>);

impl Fields {
    /// Reads `fields=a,b, c`.
    pub(super) fn read(parameters: &HashMap<String, String>, known: &[&str]) -> Result<Self, Refusal> {
        let list = parameters.get("fields").map_or("", String::as_str);
        let names: HashSet<String> =
            list.split(',').map(|name| name.trim().to_owned()).filter(|n| !n.is_empty()).collect();
        if names.is_empty() {
            return Err(Refusal::params("Fields is required"));
        }
        match names.iter().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(Refusal::params(format!("Invalid field in fields: {name}"))),
            None => Ok(Self(names)),
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }
}

/// An item under construction. Values that nobody asked for are not even computed.
pub(super) struct Item<'f> {
    fields: &'f Fields,
    map: Map<String, Value>,
}

impl<'f> Item<'f> {
    pub(super) fn new(fields: &'f Fields) -> Self {
        Self { fields, map: Map::new() }
    }

    pub(super) fn set<T: Into<Value>>(&mut self, name: &str, value: impl FnOnce() -> T) -> &mut Self {
        if self.fields.has(name) {
            self.map.insert(name.to_owned(), value().into());
        }
        self
    }

    /// A field that is absent when it has no value.
    pub(super) fn set_some<T: Into<Value>>(&mut self, name: &str, value: impl FnOnce() -> Option<T>) -> &mut Self {
        if self.fields.has(name)
            && let Some(value) = value()
        {
            self.map.insert(name.to_owned(), value.into());
        }
        self
    }

    /// A list that is absent when it is empty.
    pub(super) fn set_list(&mut self, name: &str, value: impl FnOnce() -> Vec<Value>) -> &mut Self {
        self.set_some(name, || Some(value()).filter(|list| !list.is_empty()))
    }

    pub(super) fn into_value(self) -> Value {
        Value::Object(self.map)
    }
}
