//! The test of documents is tested: a document that is wrong is noticed.

use crate::document::Document;
use crate::support::Folder;
use crate::{examples, links, shell};

/// A document that is right, with an example of all that can go wrong.
const RIGHT: &str = r#"# Orders

<!-- file: orders.csv -->

```csv
order_id,amount
1,10.00
```

<!-- file: orders.yaml -->

```yaml
name: orders
source:
  csv: { path: orders.csv }
schema:
  order_id: int64 required
  amount: decimal(12,2) required > 0
target:
  csv: { path: out/orders.csv }
```

```yaml
monitoring: { websocket: { max_connections: 10 } }
```

See [what comes](#what-comes).

## What comes

```console
$ cat rows.txt
one
two
$ id=$(etlplus submit orders.yaml 2>/dev/null)
$ etlplus wait $id
orders COMPLETED in 0.06 s, 1 row, 0 rejected
$ curl -s $server/api/jobs/$id/status | jq -c '{status, rows: .metrics.recordsProcessed, executionTime}'
{"status":"COMPLETED","rows":1,"executionTime":60}
```

<!-- first: etlplus submit orders.yaml --wait -->
<!-- figures vary -->

```console
$ etlplus jobs --output json | jq -c '.jobs[0] | {attempt, metrics: {recordsFailed: .metrics.recordsFailed}}'
{"attempt":7,"metrics":{"recordsFailed":8}}
```

<!-- exits 1 -->

```console
$ etlplus validate gone.yaml
error[...
...
```

<!-- not run: it would never end -->

```console
$ sleep infinity
```
"#;

/// What is wrong with [`RIGHT`] once `from` is `to` in it.
fn problems(from: &str, to: &str) -> Vec<String> {
    assert!(RIGHT.contains(from), "{from:?} is not in the document");
    let text = RIGHT.replacen(from, to, 1);
    let document = match Document::parse("orders.md", &text) {
        Ok(document) => document,
        Err(problem) => return vec![problem],
    };
    let folder = Folder::new().file("orders.md", &text);
    let mut problems = shell::problems(&document, &document);
    problems.extend(links::problems(&folder.path(""), "orders.md"));
    problems.extend(examples::check(&document).1);
    problems
}

/// Asserts that one thing is wrong, and that the problem names all of `parts`.
#[track_caller]
fn is_noticed(from: &str, to: &str, parts: &[&str]) {
    let problems = problems(from, to);
    assert_eq!(problems.len(), 1, "{problems:#?}");
    for part in parts {
        assert!(problems[0].contains(part), "{part:?} is not in {}", problems[0]);
    }
}

#[test]
fn a_document_that_is_right_passes() {
    assert_eq!(problems("# Orders", "# Orders"), Vec::<String>::new());
    let times = problems("0.06 s", "1 min 2 s");
    assert_eq!(times, Vec::<String>::new(), "how long it took differs by nature");
}

#[test]
fn a_command_that_fails_is_noticed() {
    is_noticed("jq -c '{status,", "jq -c '{status;", &["orders.md:38", "ended with 3, not with 0", "syntax error"]);
    is_noticed("etlplus validate gone.yaml", "exit 1", &["did not end, or was not reached"]);
}

#[test]
fn a_command_that_does_not_fail_is_noticed() {
    is_noticed("first: etlplus submit orders.yaml", "first: etlplus submit", &["orders.md:42", "ended with 2"]);
    is_noticed("validate gone.yaml", "validate orders.yaml", &["ended with 0, not with 1"]);
}

#[test]
fn an_output_that_changed_is_noticed() {
    is_noticed("orders COMPLETED in", "orders FINISHED in", &["orders FINISHED in", "orders COMPLETED in"]);
    is_noticed("1 row, 0 rejected", "1 row, 1 rejected", &["orders.md:36"]);
    is_noticed("\"rows\":1", "\"records\":1", &["line 1 of the output differs"]);
    is_noticed("\"executionTime\":60}", "\"executionTime\":60,\"more\":null}", &["line 1 of the output differs"]);
    is_noticed("recordsFailed\":8", "rowsFailed\":8", &["orders.md:46", "line 1 of the output differs"]);
    is_noticed("0 rejected\n", "0 rejected\nand a line more\n", &["line 2 of the output differs", "(nothing)"]);
}

#[test]
fn a_link_that_leads_nowhere_is_noticed() {
    is_noticed("(#what-comes)", "(#what-came)", &["orders.md:27", "no heading"]);
    is_noticed("(#what-comes)", "(what-comes.md)", &["orders.md:27", "no file"]);
}

#[test]
fn an_example_that_is_wrong_is_noticed() {
    is_noticed("max_connections", "maxconnections", &["orders.md:24", "did you mean max_connections?"]);
    let problems = problems("int64 required", "int63 required");
    assert!(
        problems.iter().any(|problem| problem.contains("orders.md:13") && problem.contains("int63")),
        "{problems:#?}"
    );
}

#[test]
fn a_comment_to_the_tests_says_something() {
    is_noticed("it would never end ", "", &["orders.md:58", "say why it is not run"]);
    is_noticed("$ cat rows.txt", "cat rows.txt", &["orders.md:31", "the output of no command"]);
    is_noticed("exits 1", "exits badly", &["orders.md:50", "no exit code"]);
    is_noticed("<!-- exits 1 -->\n", "<!-- exits 1 -->\nAnd then:\n", &["right before its block"]);
}
