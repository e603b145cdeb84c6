//! The SQL that is understood: DataFusion's own, and the versions of tables that Delta's users write.

use datafusion::error::DataFusionError;
use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::sqlparser::dialect::{Dialect, GenericDialect};
use std::any::TypeId;
use std::collections::VecDeque;

/// The generic dialect, with `VERSION AS OF`, `TIMESTAMP AS OF` and `FOR SYSTEM_TIME AS OF` behind a table's name.
#[derive(Debug)]
struct Versioned;

/// The statements of a text.
pub(super) fn parse(text: &str) -> Result<VecDeque<Statement>, DataFusionError> {
    match DFParser::parse_sql_with_dialect(text, &Versioned) {
        Ok(statements) => Ok(statements),
        // Where tables have versions, words such as BEFORE cannot be the names of tables in a query; elsewhere they can.
        Err(error) => DFParser::parse_sql(text).map_err(|_| error),
    }
}

/// What the generic dialect says otherwise than the default of the trait.
macro_rules! as_generic {
    ($($question:ident)*) => { $(fn $question(&self) -> bool { GenericDialect.$question() })* };
}

#[rustfmt::skip]
impl Dialect for Versioned {
    fn dialect(&self) -> TypeId {
        TypeId::of::<GenericDialect>()
    }

    fn supports_table_versioning(&self) -> bool {
        true
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        GenericDialect.is_delimited_identifier_start(ch)
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        GenericDialect.is_identifier_start(ch)
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        GenericDialect.is_identifier_part(ch)
    }

    as_generic! {
        supports_unicode_string_literal supports_partition_by_after_order_by supports_array_join_syntax
        supports_group_by_expr supports_group_by_with_modifier supports_left_associative_joins_without_parens
        supports_connect_by supports_match_recognize supports_pipe_operator supports_start_transaction_modifier
        supports_window_function_null_treatment_arg supports_dictionary_syntax
        supports_window_clause_named_window_reference supports_parenthesized_set_variables
        supports_select_wildcard_except support_map_literal_syntax allow_extract_custom allow_extract_single_quotes
        supports_extract_comma_syntax supports_create_view_comment_syntax supports_parens_around_table_factor
        supports_values_as_table_factor supports_create_index_with_clause supports_explain_with_utility_options
        supports_limit_comma supports_update_order_by supports_from_first_select
        supports_projection_trailing_commas supports_asc_desc_in_column_definition supports_try_convert
        supports_bitwise_shift_operators supports_comment_on supports_load_extension
        supports_named_fn_args_with_assignment_operator supports_struct_literal supports_empty_projections
        supports_nested_comments supports_multiline_comment_hints supports_user_host_grantee
        supports_string_escape_constant supports_array_typedef_with_brackets supports_match_against
        supports_set_names supports_comma_separated_set_assignments supports_filter_during_aggregation
        supports_select_wildcard_exclude supports_data_type_signed_suffix supports_interval_options
        supports_quote_delimited_string supports_select_wildcard_replace supports_select_wildcard_ilike
        supports_select_wildcard_rename supports_optimize_table supports_install supports_detach supports_prewhere
        supports_with_fill supports_limit_by supports_interpolate supports_settings supports_select_format
        supports_comment_optimizer_hint supports_constraint_keyword_without_name supports_key_column_option
        supports_comma_separated_trim supports_cte_without_as supports_select_item_multi_column_alias
        supports_xml_expressions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_stand_behind_names() {
        for text in [
            "SELECT * FROM t VERSION AS OF 12",
            "SELECT * FROM t TIMESTAMP AS OF '2026-05-01' AS x",
            "SELECT * FROM t FOR SYSTEM_TIME AS OF TIMESTAMP '2026-05-01T00:00:00Z' x JOIN u USING (id)",
        ] {
            assert_eq!(parse(text).unwrap_or_else(|e| panic!("{text}: {e}")).len(), 1);
        }
    }

    #[test]
    fn everything_else_is_as_before() {
        for text in
            ["SELECT * FROM t before", "SELECT * FROM t version", "SELECT a.b::TEXT FROM t changes", "SHOW TABLES"]
        {
            assert_eq!(parse(text).expect(text), DFParser::parse_sql(text).expect(text), "{text}");
        }
        assert!(parse("SELECT * FROM t VERSION AS OF").is_err());
    }
}
