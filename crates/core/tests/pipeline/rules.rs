//! Rules, in the short and the long form: whether they fit their column's type and each other.

use etlplus_core::pipeline::{Operand, Rule};

use super::mistakes;

#[track_caller]
fn short(declared: &str, words: &str) {
    mistakes::one(&mistakes::column(declared), "schema.a", words);
}

/// One mistake in the long form, on the key `key` of the column.
#[track_caller]
fn long(declared: &str, key: &str, words: &str) {
    mistakes::one(&mistakes::column(declared), &format!("schema.a{key}"), words);
}

#[test]
fn rules_fit_the_type_of_their_column() {
    short("int64 §pattern('a')", "pattern is a rule for string");
    short("date §length(3)", "length is a rule for string");
    short("boolean §> 1", "a boolean has no order");
    short("string §>= a", "a string has no lower bound");
    long("{ type: int64, §pattern: a }", ".pattern", "pattern is a rule for string");
    long("{ type: boolean, §max: 1 }", ".max", "a boolean has no order");
}

#[test]
fn bounds_are_values_of_the_type() {
    short("int64 > §abc", "\"abc\" is not a whole number");
    short("int16 <= §40000", "\"40000\" is beyond the range of the type");
    short("decimal(12,2) > §0.005", "more digits after the point");
    short("date >= §2023-02-30", "a day that does not exist");
    short("timestamp >= §2020-01-01", "is not a time of the form");
    short("timestamp < §2020-01-01T00:00:00Z", "has a time zone");
    short("timestamptz < §2020-01-01T00:00:00", "has no time zone");
    short("boolean one_of(true, §maybe)", "is not true, false, 1 or 0");
    long("{ type: float64, min: §x }", ".min", "is not a number");
    long("{ type: float64, one_of: [1, §nan] }", ".one_of[1]", "is not a number");
}

#[test]
fn bounds_leave_room_for_a_value() {
    short("int64 >= 5 §<= 4", "no value is between the lower bound 5 and the upper bound 4");
    short("decimal(5,2) > 1 §<= 1.00", "no value is between");
    short("date < 2020-01-01 §>= 2020-01-01", "no value is between");
    long("{ type: int32, max: 1, §above: 1 }", ".above", "no value is between");
    short("string §length(9..3)", "the least length is above the greatest");
    mistakes::none(&mistakes::column("int64 >= 5 <= 5"));
    // What a parameter holds is not known before a job is made.
    mistakes::none(&mistakes::column("int64 >= $small <= 1"));
}

#[test]
fn each_rule_comes_once() {
    short("int64 required §required", "a second required rule");
    short("int64 > 1 §>= 0", "a second lower bound rule");
    long("{ type: int64, below: 9, §max: 8 }", ".max", "a second upper bound rule");
}

#[test]
fn a_list_of_allowed_values_has_some_and_each_once() {
    short("string §one_of()", "one_of lists no value");
    long("{ type: string, §one_of: [] }", ".one_of", "one_of lists no value");
    short("decimal(9,2) one_of(1, §1.00)", "\"1.00\" is listed twice");
    short("string one_of($country, DE, §$country)", "\"$country\" is listed twice");
    let most: Vec<String> = (0..10_000).map(|number| number.to_string()).collect();
    mistakes::none(&mistakes::column(&format!("int64 one_of({})", most.join(", "))));
    short(&format!("int64 §one_of({}, -1)", most.join(", ")), "more than the 10000 allowed");
}

#[test]
fn patterns_are_regular_expressions_of_bounded_size() {
    short("string pattern(§'[a')", "\"[a\" is no regular expression: unclosed character class");
    long("{ type: string, pattern: '§(?=a)' }", ".pattern", "look-around");
    short("string pattern(§'\\w{1000}{1000}')", "when compiled");
    mistakes::none(&mistakes::column(r"string pattern('^\w{1,30}@\w+\.\p{L}+$')"));
    mistakes::none(&mistakes::column(r"string pattern('it''s') "));
}

#[test]
fn parameters_in_rules_exist_and_can_fit() {
    short("string one_of(§$contry)", "unknown parameter \"contry\": did you mean country?");
    short("int64 > §$zzz", "declare it under parameters");
    long("{ type: int32, max: §$cuntry }", ".max", "did you mean country?");
    short("int64 > §$day", "the parameter day is of type date, which never fits the column's type int64");
    short("date <= §$as_of", "the parameter as_of is of type timestamptz");
    short("string one_of(§$5)", "write $$ for a text that begins with a dollar sign");
    for fitting in
        ["int64 > $small", "decimal(9,2) < $small", "timestamp >= $day", "timestamp <= $as_of", "int64 > $country"]
    {
        mistakes::none(&mistakes::column(fitting));
    }
}

#[test]
fn a_dollar_sign_can_stand_for_itself() {
    let operands = |declared: &str| {
        let pipeline = mistakes::none(&mistakes::column(declared));
        let [Rule::OneOf(operands)] = pipeline.source.columns[0].rules.as_slice() else { panic!("no one_of") };
        operands
            .iter()
            .map(|operand| match operand {
                Operand::Value(value) => value.to_string(),
                Operand::Parameter(name) => format!("parameter {name}"),
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(operands("string one_of('$5', $$6, $country)"), ["$5", "$6", "parameter country"]);
    assert_eq!(operands("{ type: string, one_of: ['$$5', '$country'] }"), ["$5", "parameter country"]);
}

#[test]
fn the_long_form_says_what_each_key_takes() {
    let untyped = mistakes::column("{ required: true }").replace("  a:", "  §a:");
    mistakes::one(&untyped, "schema.a.type", "type is missing");
    long("{ type: int64, required: §yes }", ".required", "write true or false");
    long("{ type: int64, required: §\"true\" }", ".required", "without quotes");
    long("{ type: int64, min: §[1] }", ".min", "is a list where a single value belongs");
    long("{ type: string, one_of: §a }", ".one_of", "is a single value where a list belongs");
    long("{ type: string, length: §-1 }", ".length", "is not a whole number");
    long("{ type: string, length: §{} }", ".length", "gives neither min nor max");
    long("{ type: string, length: { min: 1, §maxi: 3 } }", ".length.maxi", "did you mean max?");
    long("{ type: string, §lenght: 3 }", ".lenght", "did you mean length?");
    long("{ type: §int, min: 1 }", ".type", "write int64");
    long("§[int64]", "", "is a list where a single value belongs");
    mistakes::one(&mistakes::column("").replace("  a:", "  a§:"), "schema.a", "has no value");
}

#[test]
fn both_forms_give_the_same_rules() {
    let short = mistakes::none(&mistakes::column("int32 required unique >= 1 < 10 one_of(1, 2)"));
    let long = mistakes::none(&mistakes::column(
        "{ type: int32, required: true, unique: true, min: 1, below: 10, one_of: [1, 2] }",
    ));
    let shown = |pipeline: &etlplus_core::pipeline::Pipeline| format!("{:?}", pipeline.source.columns[0].rules);
    assert_eq!(shown(&short), shown(&long));
    let short = mistakes::none(&mistakes::column("string length(3..) pattern('^a')"));
    let long = mistakes::none(&mistakes::column("{ type: string, length: { min: 3 }, pattern: ^a }"));
    assert_eq!(shown(&short), shown(&long));
}
