//! What the columns of an answer say of people, by the one list there is: [`crate::privacy::classes`].

use super::PublishError;
use crate::privacy::{Class, classify, rows::leaves};
use crate::query::{Engine, Origin};
use std::collections::{BTreeMap, BTreeSet};

/// The classes of the columns that an answer comes of, by table and path.
pub(super) struct People(BTreeMap<String, Vec<(String, Option<Class>)>>);

impl People {
    pub(super) async fn of(
        engine: &Engine,
        origins: impl Iterator<Item = &Origin> + Send,
    ) -> Result<Self, PublishError> {
        let tables: BTreeSet<&str> =
            origins.map(|origin| origin.table.as_str()).filter(|name| !name.is_empty()).collect();
        let mut known = BTreeMap::new();
        for table in tables {
            let paths = leaves(engine.schema(table).await?.as_ref()).into_iter().map(|path| {
                let parts: Vec<&str> = path.iter().map(String::as_str).collect();
                (path.join("."), classify(table, &parts))
            });
            known.insert(table.to_owned(), paths.collect());
        }
        Ok(Self(known))
    }

    /// Whether it, and all below it, may be published where many share it.
    pub(super) fn is_open(&self, origin: &Origin) -> bool {
        self.all(origin, |class| matches!(class, Class::Plain | Class::About | Class::Topic))
    }

    /// Whether it names whose row it is.
    pub(super) fn is_creator(&self, origin: &Origin) -> bool {
        self.all(origin, |class| matches!(class, Class::Handle | Class::Id | Class::NativeId))
    }

    /// Whether it is an id by which somebody with access of their own can ask for the same thing again.
    pub(super) fn is_id(&self, origin: &Origin) -> bool {
        self.all(origin, |class| matches!(class, Class::VideoId | Class::VideoNativeId | Class::ThingId))
    }

    /// What nobody has classified is none of these.
    fn all(&self, origin: &Origin, is: impl Fn(Class) -> bool) -> bool {
        let below =
            |path: &str| path.strip_prefix(&origin.column).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        let mut found = self.0.get(&origin.table).into_iter().flatten().filter(|(path, _)| below(path)).peekable();
        found.peek().is_some() && found.all(|(_, class)| class.is_some_and(&is))
    }
}
