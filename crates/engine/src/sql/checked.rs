//! Whole numbers that do not wrap: an addition, subtraction, multiplication or negation beyond its type fails the job, where the
//! query engine would go on with another number.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, Datum};
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
    let (left, op, right) = match expression {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => (left, op, right),
        Expr::Negative(of) if operand(&of).get_type(schema).is_ok_and(|ty| ty.is_signed_integer()) => {
            return Transformed::yes(call(&NEGATE, vec![*of]));
        }
        other => return Transformed::no(other),
    };
    let function = match op {
        Operator::Plus => Some(&ADD),
        Operator::Minus => Some(&SUBTRACT),
        Operator::Multiply => Some(&MULTIPLY),
        _ => None,
    };
    match function {
        Some(function) if are_whole_numbers(&left, &right, schema) => {
            Transformed::yes(call(function, vec![*left, *right]))
        }
        _ => Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })),
    }
}

fn call(function: &Arc<ScalarUDF>, arguments: Vec<Expr>) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(function.clone(), arguments))
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

#[derive(Debug)]
enum Kernel {
    OfOne(fn(&dyn Array) -> std::result::Result<ArrayRef, ArrowError>),
    OfTwo(fn(&dyn Datum, &dyn Datum) -> std::result::Result<ArrayRef, ArrowError>),
}

static ADD: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Checked::function("+", Kernel::OfTwo(numeric::add)));
static SUBTRACT: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Checked::function("-", Kernel::OfTwo(numeric::sub)));
static MULTIPLY: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Checked::function("*", Kernel::OfTwo(numeric::mul)));
static NEGATE: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Checked::function("negative", Kernel::OfOne(numeric::neg)));

/// One operator as a function of whole numbers of one type.
#[derive(Debug)]
struct Checked {
    name: &'static str,
    kernel: Kernel,
    signature: Signature,
}

impl Checked {
    fn function(name: &'static str, kernel: Kernel) -> Arc<ScalarUDF> {
        let numbers = match kernel {
            Kernel::OfOne(_) => 1,
            Kernel::OfTwo(_) => 2,
        };
        let signature = Signature::any(numbers, Volatility::Immutable);
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
        match (&self.kernel, arguments.args.as_slice()) {
            (Kernel::OfOne(kernel), [ColumnarValue::Scalar(of)]) => scalar(&kernel(&of.to_array()?)?),
            (Kernel::OfOne(kernel), [ColumnarValue::Array(of)]) => Ok(ColumnarValue::Array(kernel(of)?)),
            (Kernel::OfTwo(kernel), [ColumnarValue::Scalar(a), ColumnarValue::Scalar(b)]) => {
                scalar(&kernel(&a.to_scalar()?, &b.to_scalar()?)?)
            }
            (Kernel::OfTwo(kernel), [ColumnarValue::Array(a), ColumnarValue::Array(b)]) => {
                Ok(ColumnarValue::Array(kernel(a, b)?))
            }
            (Kernel::OfTwo(kernel), [ColumnarValue::Array(a), ColumnarValue::Scalar(b)]) => {
                Ok(ColumnarValue::Array(kernel(a, &b.to_scalar()?)?))
            }
            (Kernel::OfTwo(kernel), [ColumnarValue::Scalar(a), ColumnarValue::Array(b)]) => {
                Ok(ColumnarValue::Array(kernel(&a.to_scalar()?, b)?))
            }
            _ => datafusion::common::internal_err!("{} was given too many numbers or too few", self.name),
        }
    }
}

fn scalar(array: &ArrayRef) -> Result<ColumnarValue> {
    Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(array, 0)?))
}
