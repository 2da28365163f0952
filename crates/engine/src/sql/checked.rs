//! Whole numbers that do not wrap: an addition, subtraction or multiplication beyond its type fails the job, where the query
//! engine would go on with another number.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Datum};
use arrow::compute::kernels::numeric;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;

/// Puts checked functions in the place of the operators. To be applied once types are coerced, so that both sides have one.
#[derive(Debug)]
pub(crate) struct CheckedArithmetic;

impl AnalyzerRule for CheckedArithmetic {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(checked_node).map(|transformed| transformed.data)
    }

    fn name(&self) -> &str {
        "checked_arithmetic"
    }
}

fn checked_node(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let mut schema = DFSchema::empty();
    plan.inputs().into_iter().try_for_each(|input| {
        schema.merge(input.schema());
        Ok::<_, datafusion::error::DataFusionError>(())
    })?;
    let names = NamePreserver::new(&plan);
    plan.map_expressions(|expression| {
        let name = names.save(&expression);
        let checked = expression.transform_up(|expression| Ok(checked_operator(expression, &schema)))?;
        Ok(checked.update_data(|expression| name.restore(expression)))
    })
}

/// A subquery's outer columns are not in `schema`; an operator whose types are unknown is left as it is.
fn checked_operator(expression: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = expression else { return Transformed::no(expression) };
    let function = match op {
        Operator::Plus => Some(&ADD),
        Operator::Minus => Some(&SUBTRACT),
        Operator::Multiply => Some(&MULTIPLY),
        _ => None,
    };
    match function {
        Some(function) if are_whole_numbers(&left, &right, schema) => {
            let function = ScalarFunction::new_udf((*function).clone(), vec![*left, *right]);
            Transformed::yes(Expr::ScalarFunction(function))
        }
        _ => Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })),
    }
}

fn are_whole_numbers(left: &Expr, right: &Expr, schema: &DFSchema) -> bool {
    match (operand(left).get_type(schema), operand(right).get_type(schema)) {
        (Ok(left), Ok(right)) => left == right && left.is_integer(),
        _ => false,
    }
}

/// What decides the type of a sum of sums: its leftmost operand. Asking for the type of each sum in a long chain would walk the
/// rest of the chain each time.
fn operand(expression: &Expr) -> &Expr {
    let mut operand = expression;
    loop {
        operand = match operand {
            Expr::BinaryExpr(BinaryExpr {
                left, op: Operator::Plus | Operator::Minus | Operator::Multiply, ..
            }) => left,
            Expr::ScalarFunction(ScalarFunction { func, args }) if func.inner().downcast_ref::<Checked>().is_some() => {
                match args.first() {
                    Some(first) => first,
                    None => return operand,
                }
            }
            other => return other,
        };
    }
}

type Kernel = fn(&dyn Datum, &dyn Datum) -> std::result::Result<ArrayRef, ArrowError>;

static ADD: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Checked::function("+", numeric::add));
static SUBTRACT: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Checked::function("-", numeric::sub));
static MULTIPLY: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Checked::function("*", numeric::mul));

/// One operator as a function of two whole numbers of one type.
#[derive(Debug)]
struct Checked {
    name: &'static str,
    kernel: Kernel,
    signature: Signature,
}

impl Checked {
    fn function(name: &'static str, kernel: Kernel) -> Arc<ScalarUDF> {
        let signature = Signature::any(2, Volatility::Immutable);
        Arc::new(ScalarUDF::new_from_impl(Self { name, kernel, signature }))
    }
}

impl PartialEq for Checked {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Checked {}

impl std::hash::Hash for Checked {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types[0].clone())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [left, right] = arguments.args.as_slice() else {
            return datafusion::common::internal_err!("{} takes two numbers", self.name);
        };
        match (left, right) {
            (ColumnarValue::Scalar(a), ColumnarValue::Scalar(b)) => {
                let sum = (self.kernel)(&a.to_scalar()?, &b.to_scalar()?)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&sum, 0)?))
            }
            (ColumnarValue::Array(a), ColumnarValue::Array(b)) => Ok(ColumnarValue::Array((self.kernel)(a, b)?)),
            (ColumnarValue::Array(a), ColumnarValue::Scalar(b)) => {
                Ok(ColumnarValue::Array((self.kernel)(a, &b.to_scalar()?)?))
            }
            (ColumnarValue::Scalar(a), ColumnarValue::Array(b)) => {
                Ok(ColumnarValue::Array((self.kernel)(&a.to_scalar()?, b)?))
            }
        }
    }
}
