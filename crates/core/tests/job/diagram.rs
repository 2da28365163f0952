//! The diagram in `docs/job-states.md` draws the moves that the code allows, no more and no fewer.

use std::collections::BTreeSet;
use std::path::Path;

use etlplus_core::job::{HeldRunner, JobFact, JobInput, JobState};

use crate::examples::{at, every_input, every_state};

/// From, to, and the input's name.
type Arrow = (String, String, String);

/// The state's name in the diagram. A new state does not compile before it has one.
fn node(state: &JobState) -> &'static str {
    match state {
        JobState::Pending { .. } => "Pending",
        JobState::Running { stop: None, .. } => "Running",
        JobState::Running { stop: Some(_), .. } => "Stopping",
        JobState::Paused { runner: HeldRunner::Waiting, .. } => "Paused",
        JobState::Paused { runner: HeldRunner::Stopping, .. } => "PausedStopping",
        JobState::Paused { runner: HeldRunner::Gone { .. }, .. } => "PausedAlone",
        JobState::Completed { .. } => "Completed",
        JobState::Failed { .. } => "Failed",
        JobState::Cancelled { .. } => "Cancelled",
    }
}

const INPUTS: usize = 10;

/// A number below [`INPUTS`]. A new input does not compile before it has one, and then has to be among the examples.
fn number(input: &JobInput) -> usize {
    match input {
        JobInput::Start { .. } => 0,
        JobInput::Completed { .. } => 1,
        JobInput::Failed { .. } => 2,
        JobInput::Stopped { .. } => 3,
        JobInput::Lost { .. } => 4,
        JobInput::Abort { .. } => 5,
        JobInput::Cancel => 6,
        JobInput::Pause => 7,
        JobInput::Resume => 8,
        JobInput::Retry => 9,
    }
}

/// The lines `From --> To: input or input (remark)` of the text's diagram.
fn drawn(text: &str) -> BTreeSet<Arrow> {
    let mut arrows = BTreeSet::new();
    for line in text.lines() {
        let Some((from, rest)) = line.split_once(" --> ") else { continue };
        let (to, label) = rest.split_once(": ").expect("every arrow names its inputs");
        let inputs = label.split(" (").next().expect("a split text has a first part");
        for input in inputs.split(" or ") {
            assert!(arrows.insert((from.trim().to_owned(), to.to_owned(), input.to_owned())), "drawn twice: {line}");
        }
    }
    arrows
}

fn coded() -> BTreeSet<Arrow> {
    let submitted = JobFact::submitted(at(0), None);
    let mut arrows =
        BTreeSet::from([("[*]".to_owned(), node(&submitted.state).to_owned(), submitted.cause.to_string())]);
    for state in every_state() {
        for input in every_input() {
            let cause = input.cause().to_string();
            let Ok(step) = state.apply(input, at(1)) else { continue };
            if !step.facts.is_empty() {
                arrows.insert((node(&state).to_owned(), node(&step.state).to_owned(), cause));
            }
        }
    }
    arrows
}

#[test]
fn diagram_and_code_have_the_same_arrows() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/job-states.md");
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let (drawn, coded) = (drawn(&text), coded());
    let only =
        |these: &BTreeSet<Arrow>, those: &BTreeSet<Arrow>| -> Vec<Arrow> { these.difference(those).cloned().collect() };
    assert_eq!(only(&drawn, &coded), [], "drawn, but not in the code");
    assert_eq!(only(&coded, &drawn), [], "in the code, but not drawn");
}

#[test]
fn examples_cover_every_state_and_every_input() {
    let states: BTreeSet<_> = every_state().iter().map(node).collect();
    assert_eq!(states.len(), 9);
    let inputs: BTreeSet<_> = every_input().iter().map(number).collect();
    assert_eq!(inputs, (0..INPUTS).collect());
}

#[test]
fn reader_of_the_diagram_sees_every_part_of_an_arrow() {
    let arrow = |from: &str, to: &str, input: &str| (from.to_owned(), to.to_owned(), input.to_owned());
    assert_eq!(
        drawn("text\n    A --> B: one or two (a remark)\n    state \"A\" as A\n"),
        BTreeSet::from([arrow("A", "B", "one"), arrow("A", "B", "two")])
    );
}
