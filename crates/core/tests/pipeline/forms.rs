//! The short forms of types, columns and parameters.

use super::mistakes;

#[track_caller]
fn column(declared: &str, words: &str) {
    mistakes::one(&mistakes::column(declared), "schema.a", words);
}

#[track_caller]
fn parameter(declared: &str, words: &str) {
    mistakes::one(&mistakes::with(&format!("parameters:\n  p: {declared}")), "parameters.p", words);
}

#[test]
fn unknown_types_are_led_to_ours() {
    for (theirs, ours) in [
        ("int", "int64"),
        ("INTEGER", "int64"),
        ("bigint", "int64"),
        ("text", "string"),
        ("varchar", "string"),
        ("double", "float64"),
        ("float", "float64"),
        ("bool", "boolean"),
        ("datetime", "timestamp"),
        ("numeric", "decimal(12,2)"),
        ("strng", "string"),
        ("timestmp", "timestamp"),
        ("decimel", "decimal(12,2)"),
    ] {
        column(&format!("§{theirs}"), &format!(": write {ours}"));
        parameter(&format!("§{theirs}"), &format!(": write {ours}"));
    }
    column("§varchar(20) required", "length(..20)");
    column("§numeric(9,3)", "write decimal(9,3)");
    column("§qqq", "the types are boolean");
}

#[test]
fn decimals_say_their_digits() {
    for wrong in
        ["decimal", "decimal(12)", "decimal(0,0)", "decimal(39,2)", "decimal(5,6)", "decimal(a,b)", "decimal(-1,2)"]
    {
        column(&format!("§{wrong}"), "write decimal(12,2)");
    }
    mistakes::none(&mistakes::column("decimal(38, 38) required"));
    column("§string(20)", "length(..20)");
    column("§int64(8)", "write int64");
    // Inside of { } a comma ends the text.
    mistakes::all(
        &mistakes::with("parameters: { p: { type: §decimal(12,§2) } }"),
        &["inside of { }, put quotes around it", "unknown key \"2)\""],
    );
}

#[test]
fn unknown_rules_are_led_to_ours() {
    column("int64 §requird", "did you mean required?");
    column("int64 §not null", "write required");
    column("int64 §min 5 required", "write >= VALUE");
    column("string §in (a, b)", "write one_of(a, b)");
    column("string §regex('a b')", "write pattern('...')");
    column("string §= a", "write one_of(VALUE)");
    column("int64 §!! > 5", "the rules are required, unique");
    mistakes::all(&mistakes::column("int64 §uniq > §x"), &["did you mean unique?", "whole number"]);
}

#[test]
fn a_type_comes_first() {
    column("§required int64", "the type is missing");
    column("'§> 5'", "the type is missing");
    column("'§(12)'", "the type is missing");
}

#[test]
fn brackets_and_quotes_close() {
    column("string one_of§(a, b", "the ( is never closed");
    column("string one_of(a, §'b)", "the quotes are never closed");
    column("string one_of(a §b)", "a comma or ) is missing");
    column("string one_of(a,§)", "a value is missing");
    column("string one_of§ a", "a ( is missing");
    column("int64 >=§", "a value is missing");
    column("string pattern§(abc)", "in quotes");
    column("string pattern§('a', 'b')", "one expression in quotes");
    column("int64 required§> 5", "a space is missing");
    column("string length(3..5)§unique", "a space is missing");
    column("decimal(12,2)§required", "a space is missing");
}

#[test]
fn lengths_are_ranges() {
    for wrong in ["a", "1.5", "-1", "..", "1..2..3", "99999999999999999999"] {
        column(&format!("string length(§{wrong})"), "write length(3..200)");
    }
    column("string length(1, 2)§", "length takes one range");
    for right in ["length(3)", "length(3..)", "length(..3)", "length( 3..4 )"] {
        mistakes::none(&mistakes::column(&format!("string {right}")));
    }
}

#[test]
fn a_default_follows_an_equals_sign() {
    parameter("string =§", "there is no default behind the =");
    parameter("int64 = §abc", "is not a whole number");
    parameter("int64 = §'4", "the quotes of \"'4\" do not fit");
    parameter("string = §'it's'", "double every '");
    parameter("§= 4", "the type is missing");
    parameter("§int64 required", "unknown type");
    parameter("\"int64 = §abc\"", "is not a whole number");
    mistakes::one(&mistakes::with("parameters:\n  p§:"), "parameters.p", "has no value");
    parameter("§[string]", "is a list where a single value belongs");
}

#[test]
fn a_place_that_cannot_be_told_is_the_beginning() {
    // Escapes and folded lines stand between the text and the file.
    column("\"§int64 \\x3e abc\"", "is not a whole number");
    column("§int64\n    > abc", "is not a whole number");
}
