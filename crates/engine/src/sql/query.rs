//! One query of a pipeline.

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::execution::context::{SQLOptions, SessionContext};
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::DataFrame;
use datafusion::sql::parser::{DFParserBuilder, Statement as ParsedStatement};
use datafusion::sql::sqlparser::ast::Statement;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use etlplus_core::Mistake;
use etlplus_core::mistake::nearest;
use etlplus_core::pipeline::{INPUT, JobSpec, Sql};

use super::bind::bind;
use super::mistakes::{mistake_at, relation_position, sql_mistake};

/// How deep expressions and subqueries may be nested: far beyond what a person writes, well within the stack.
pub(super) const NESTING_MAX: usize = 50;

/// How many operators and keywords a query may have. A chain of operators (`a + b + c`) is a tree as deep as it is long, of
/// which the parser's own limit knows nothing; this many fit the stack of [`crate::block_on`] many times.
const OPERATORS_MAX: usize = 2000;

/// A query that parses, with its parameters bound.
pub(crate) struct Query<'a> {
    sql: &'a Sql,
    statement: ParsedStatement,
    tables: Vec<String>,
}

impl<'a> Query<'a> {
    /// Parses `sql` and puts the job's values in the place of its parameters.
    pub(crate) fn parse(sql: &'a Sql, job: &JobSpec, context: &SessionContext) -> Result<Self, Mistake> {
        let mut statement = parse_one(sql)?;
        bind(&mut statement, sql, job)?;
        let statement = ParsedStatement::Statement(Box::new(statement));
        let references = context.state().resolve_table_references(&statement);
        let references = references.map_err(|error| sql_mistake(sql, &error))?;
        let tables = references.iter().map(|table| table.table().to_owned()).collect();
        Ok(Self { sql, statement, tables })
    }

    /// The tables that it reads, each once.
    pub(crate) fn tables(&self) -> &[String] {
        &self.tables
    }

    /// The mistake of naming a table that does not exist, if it does; `later` are tables that exist, but not yet.
    pub(crate) fn unknown_table(&self, known: &[&str], later: &[&str]) -> Option<Mistake> {
        let table = self.tables.iter().find(|table| !known.contains(&table.as_str()))?;
        let position = relation_position(&self.statement, table, self.sql);
        let (message, remedy) = if later.contains(&table.as_str()) {
            let message = format!("{table:?} comes later, or is this step itself");
            (message, "a step reads `input`, lookups and the steps before it: put them in order".to_owned())
        } else {
            let remedy = match nearest(table, known.iter().copied()) {
                Some(near) => format!("did you mean {near:?}?"),
                None => format!("here one can read {}", known.join(", ")),
            };
            (format!("unknown table {table:?}"), remedy)
        };
        Some(mistake_at(self.sql, position, message, remedy))
    }

    /// The query over the tables that `context` has.
    pub(crate) async fn plan(self, context: &SessionContext) -> Result<DataFrame, Mistake> {
        let failed = |error| sql_mistake(self.sql, &error);
        let plan = context.state().statement_to_plan(self.statement).await.map_err(failed)?;
        let queries_only = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        queries_only.verify_plan(&plan).map_err(failed)?;
        Ok(DataFrame::new(context.state(), plan))
    }
}

fn parse_one(sql: &Sql) -> Result<Statement, Mistake> {
    let failed = |error| sql_mistake(sql, &error);
    ensure_shallow(sql)?;
    let mut parser =
        DFParserBuilder::new(sql.text.as_str()).with_recursion_limit(NESTING_MAX).build().map_err(failed)?;
    let mut statements = parser.parse_statements().map_err(failed)?;
    let start = sql.position(1, 1);
    let remedy = "write one SELECT; what is written, and where, is the target's part";
    match (statements.pop_front(), statements.is_empty()) {
        (Some(ParsedStatement::Statement(statement)), true) if matches!(*statement, Statement::Query(_)) => {
            Ok(*statement)
        }
        (None, _) => Err(mistake_at(sql, start, "there is no query".to_owned(), remedy.to_owned())),
        (Some(_), true) => Err(mistake_at(sql, start, "this is no query".to_owned(), remedy.to_owned())),
        (Some(_), false) => {
            Err(mistake_at(sql, start, "there is more than one statement".to_owned(), remedy.to_owned()))
        }
    }
}

/// Refuses a text whose syntax tree could be too deep for the stack.
pub(super) fn ensure_shallow(sql: &Sql) -> Result<(), Mistake> {
    let operators = operators(&sql.text);
    if operators > OPERATORS_MAX {
        let message = format!("the SQL has {operators} operators and keywords, more than the {OPERATORS_MAX} allowed");
        return Err(mistake_at(sql, sql.position(1, 1), message, "split it into several steps".to_owned()));
    }
    Ok(())
}

/// The tokens of a query that can make its syntax tree deeper. A text that is no SQL has none; the parser says why.
fn operators(text: &str) -> usize {
    let tokens = Tokenizer::new(&GenericDialect {}, text).tokenize().unwrap_or_default();
    let deepens = |token: &&Token| match token {
        Token::Word(word) => word.keyword != Keyword::NoKeyword,
        Token::Whitespace(_) | Token::Comma | Token::LParen | Token::RParen | Token::Period => false,
        Token::Number(..) | Token::SingleQuotedString(_) => false,
        _ => true,
    };
    tokens.iter().filter(deepens).count()
}

/// How often a plan reads the source. A source is read once; a plan that reads it twice needs it kept.
pub(crate) fn scans_of_input(plan: &LogicalPlan) -> usize {
    let mut scans = 0;
    let counted = plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && scan.table_name.table() == INPUT
        {
            scans += 1;
        }
        Ok(TreeNodeRecursion::Continue)
    });
    // The closure above never fails.
    debug_assert!(counted.is_ok());
    scans
}
