//! The query language of `video/query`: three lists of conditions, checked before a request is spent on them.

use super::day::Day;
use serde::{Deserialize, Deserializer, Serialize};

/// A query: all of `and`, any of `or`, none of `not`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Query {
    /// Every one of these is true.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub and: Vec<Condition>,
    /// At least one of these is true.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub or: Vec<Condition>,
    /// None of these is true.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not: Vec<Condition>,
}

/// One condition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// How the field is compared.
    pub operation: Operation,
    /// What is compared.
    pub field_name: FieldName,
    /// What it is compared with. On the wire these are always texts; numbers are accepted here.
    #[serde(deserialize_with = "texts")]
    pub field_values: Vec<String>,
}

/// How a field is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Operation {
    /// Equal to the one value.
    Eq,
    /// Equal to any of the values.
    In,
    /// Greater than the value.
    Gt,
    /// Greater than the value or equal to it.
    Gte,
    /// Less than the value.
    Lt,
    /// Less than the value or equal to it.
    Lte,
}

/// What can be asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldName {
    /// The UTC day of publication, `YYYYMMDD`.
    CreateDate,
    /// The creator's handle, without `@`.
    Username,
    /// The region of the account, two capital letters.
    RegionCode,
    /// The video's id.
    VideoId,
    /// A hashtag, without `#`.
    HashtagName,
    /// A word of the description.
    Keyword,
    /// The sound's id.
    MusicId,
    /// An effect's id.
    EffectId,
    /// `SHORT`, `MID`, `LONG` or `EXTRA_LONG`.
    VideoLength,
    /// Views.
    ViewCount,
    /// Comments.
    CommentCount,
}

/// A query that the source would refuse, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// There is no condition.
    #[error("the query is empty; give at least one condition in `and`, `or` or `not`")]
    Empty,
    /// A condition is not well formed.
    #[error("query.{list}[{index}] ({field}): {problem}")]
    Condition {
        /// `and`, `or` or `not`.
        list: &'static str,
        /// The place in the list, from 0.
        index: usize,
        /// The field's name on the wire.
        field: &'static str,
        /// What is wrong and what to write instead.
        problem: String,
    },
}

impl Query {
    /// A query of one condition.
    pub fn of(field_name: FieldName, operation: Operation, values: &[&str]) -> Self {
        let field_values = values.iter().map(ToString::to_string).collect();
        Self { and: vec![Condition { operation, field_name, field_values }], ..Self::default() }
    }

    /// Is this a query that the source can accept?
    ///
    /// # Errors
    /// The first condition that it cannot.
    pub fn validate(&self) -> Result<(), QueryError> {
        let lists = [("and", &self.and), ("or", &self.or), ("not", &self.not)];
        if lists.iter().all(|(_, conditions)| conditions.is_empty()) {
            return Err(QueryError::Empty);
        }
        for (list, conditions) in lists {
            for (index, condition) in conditions.iter().enumerate() {
                let field = condition.field_name.name();
                let wrong = |problem| QueryError::Condition { list, index, field, problem };
                condition.check().map_err(wrong)?;
            }
        }
        Ok(())
    }
}

impl Condition {
    fn check(&self) -> Result<(), String> {
        let allowed = self.field_name.operations();
        if !allowed.contains(&self.operation) {
            let names: Vec<_> = allowed.iter().map(|operation| operation.name()).collect();
            return Err(format!("{} is not allowed; use {}", self.operation.name(), names.join(", ")));
        }
        match (self.operation, self.field_values.len()) {
            (_, 0) => return Err("`field_values` is empty".into()),
            (Operation::In, _) | (_, 1) => {}
            (operation, n) => return Err(format!("{} takes one value, not {n}{}", operation.name(), self.hint())),
        }
        self.field_values.iter().try_for_each(|value| self.field_name.check(value))
    }

    fn hint(&self) -> &'static str {
        if self.field_name.operations().contains(&Operation::In) { "; use IN" } else { "" }
    }
}

impl Operation {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Eq => "EQ",
            Self::In => "IN",
            Self::Gt => "GT",
            Self::Gte => "GTE",
            Self::Lt => "LT",
            Self::Lte => "LTE",
        }
    }
}

impl FieldName {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::CreateDate => "create_date",
            Self::Username => "username",
            Self::RegionCode => "region_code",
            Self::VideoId => "video_id",
            Self::HashtagName => "hashtag_name",
            Self::Keyword => "keyword",
            Self::MusicId => "music_id",
            Self::EffectId => "effect_id",
            Self::VideoLength => "video_length",
            Self::ViewCount => "view_count",
            Self::CommentCount => "comment_count",
        }
    }

    /// The operations this field allows.
    pub fn operations(self) -> &'static [Operation] {
        use Operation::{Eq, Gt, Gte, In, Lt, Lte};
        match self {
            Self::CreateDate => &[Eq, In, Gt, Gte, Lt, Lte],
            Self::ViewCount | Self::CommentCount => &[Eq, Gt, Gte, Lt, Lte],
            _ => &[Eq, In],
        }
    }

    /// Is this a value of the field?
    fn check(self, value: &str) -> Result<(), String> {
        let fits = match self {
            Self::CreateDate => Day::parse(value).is_some_and(|day| day.to_string() == value),
            Self::Username => !value.is_empty() && !value.starts_with('@'),
            Self::RegionCode => value.len() == 2 && value.bytes().all(|b| b.is_ascii_uppercase()),
            Self::VideoId | Self::MusicId | Self::EffectId | Self::ViewCount | Self::CommentCount => is_decimal(value),
            Self::HashtagName => !value.is_empty() && !value.starts_with('#'),
            Self::Keyword => !value.trim().is_empty(),
            Self::VideoLength => matches!(value, "SHORT" | "MID" | "LONG" | "EXTRA_LONG"),
        };
        if fits { Ok(()) } else { Err(format!("`{value}` is not {}", self.form())) }
    }

    /// The form of a value, for a message.
    fn form(self) -> &'static str {
        match self {
            Self::CreateDate => "a day of the form YYYYMMDD",
            Self::Username => "a handle (write it without @)",
            Self::RegionCode => "a region of two capital letters, e.g. DE",
            Self::VideoId | Self::MusicId | Self::EffectId => "an id of decimal digits",
            Self::HashtagName => "a hashtag (write it without #)",
            Self::Keyword => "a word",
            Self::VideoLength => "SHORT, MID, LONG or EXTRA_LONG",
            Self::ViewCount | Self::CommentCount => "a whole number",
        }
    }
}

fn is_decimal(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) && value.parse::<i64>().is_ok()
}

/// A list of texts; whole numbers are taken as their decimal text.
fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Text {
        Text(String),
        Number(i64),
    }
    let values = Vec::<Text>::deserialize(deserializer)?;
    let text = |value| match value {
        Text::Text(text) => text,
        Text::Number(number) => number.to_string(),
    };
    Ok(values.into_iter().map(text).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn problem(field: FieldName, operation: Operation, values: &[&str]) -> String {
        Query::of(field, operation, values).validate().map_or_else(|e| e.to_string(), |()| String::new())
    }

    #[test]
    fn the_wire_form_is_kept() {
        let wire = json!({
            "and": [
                {"operation": "IN", "field_name": "region_code", "field_values": ["US", "CA"]},
                {"operation": "GTE", "field_name": "create_date", "field_values": ["20240101"]},
            ],
            "not": [{"operation": "EQ", "field_name": "video_length", "field_values": ["EXTRA_LONG"]}],
        });
        let query: Query = serde_json::from_value(wire.clone()).expect("a query");
        assert_eq!(query.validate(), Ok(()));
        assert_eq!(serde_json::to_value(&query).expect("JSON"), wire);
    }

    #[test]
    fn numbers_become_texts_and_typos_errors() {
        let number = json!({"operation": "EQ", "field_name": "video_id", "field_values": [7]});
        let condition: Condition = serde_json::from_value(number).expect("a condition");
        assert_eq!(condition.field_values, ["7"]);
        let typo = json!({"operation": "EQ", "field_name": "hashtag", "field_values": ["cats"]});
        let error = serde_json::from_value::<Condition>(typo).expect_err("no such field").to_string();
        assert!(error.contains("hashtag_name"), "{error}");
    }

    #[test]
    fn refused_conditions_say_why() {
        assert_eq!(Query::default().validate(), Err(QueryError::Empty));
        let message = problem(FieldName::Username, Operation::Gt, &["ada"]);
        assert_eq!(message, "query.and[0] (username): GT is not allowed; use EQ, IN");
        assert!(problem(FieldName::ViewCount, Operation::In, &["1"]).contains("EQ, GT"));
        assert!(problem(FieldName::Keyword, Operation::Eq, &[]).contains("empty"));
        assert!(problem(FieldName::Keyword, Operation::Eq, &["a", "b"]).contains("use IN"));
        assert!(!problem(FieldName::ViewCount, Operation::Gt, &["1", "2"]).contains("use IN"));
        for (field, value) in [
            (FieldName::CreateDate, "2024-01-01"),
            (FieldName::Username, "@ada"),
            (FieldName::RegionCode, "us"),
            (FieldName::VideoId, "73207681965695992750"),
            (FieldName::HashtagName, "#cats"),
            (FieldName::VideoLength, "short"),
            (FieldName::CommentCount, "many"),
        ] {
            assert!(problem(field, Operation::Eq, &[value]).contains("is not"), "{value}");
        }
    }
}
