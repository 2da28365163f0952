//! Whether a command printed what its document shows, but for what differs from run to run by nature.

use std::sync::LazyLock;

use regex::Regex;

use crate::shell::FOLDER;

/// What differs by nature, each with the word that stands for it. The order matters: a time holds numbers. (The demo names
/// its server where it could not have the usual port.)
const DIFFERS: [(&str, &str); 17] = [
    (r"\betlp_[A-Za-z0-9_-]+", "<token>"),
    (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", "<time>"),
    (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<id>"),
    (r" --server http://127\.0\.0\.1:\d+", ""),
    (r"(?i)^etag: .*", "etag: <etag>"),
    (r"^id: (<id>:)?\d+$", "id: <offset>"),
    (r#"("ticket": ?)"[^"]*""#, "$1<ticket>"),
    (r#"("version": ?)"[^"]*""#, "$1<version>"),
    (r"\betlplus \d+\.\d+\.\d+", "etlplus <version>"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:<port>"),
    (r"\bprocess \d+", "process <pid>"),
    (r"\b\d[\d.,]* (B|[KMGT]iB)\b", "<size>"),
    (r"\b\d[\d.,]* %", "<share>"),
    (r"\b\d[\d.,]* (ms|s|min|h|d)\b( \d+ (ms|s|min|h)\b)*", "<duration>"),
    (r"\b\d[\d.,]* (rows/s|cores)", "<number> $1"),
    (r"[━─╸╺]+", "<bar>"),
    (VARYING_KEYS, "$1<number>"),
];

/// Keys of JSON whose numbers are of one moment, or of one machine.
const VARYING_KEYS: &str = concat!(
    r#"("(?:processingRate|memoryUsage|memoryPeak|cpuUsage|ioReadBytes|ioWrittenBytes|executionTime|offset|nextAfter|"#,
    r#"port|queuedBytes|sentBytes|uptime\w*)": ?)(-?\d[\d.eE+-]*|null)"#,
);

static REGEXES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let regexes = DIFFERS.iter().map(|(regex, word)| (Regex::new(regex).expect("it is right"), *word));
    regexes.collect()
});
static FIGURES: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"-?\d([\d.,]*\d)?").expect("it is right"));
static SPACES: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\s+").expect("it is right"));

/// How two outputs are compared.
pub(crate) struct Rules<'a> {
    /// The folder in which the command ran, [`FOLDER`] in the documents.
    pub(crate) folder: &'a str,
    pub(crate) figures_vary: bool,
}

impl Rules<'_> {
    /// How `printed` differs from what is `shown`. A line that is `...` stands for any lines, and one that ends in `...` for
    /// what goes on. Of a command that `goes_on`, the beginning is shown.
    pub(crate) fn difference(&self, shown: &[String], printed: &[String], goes_on: bool) -> Option<String> {
        let mut wanted: Vec<_> = shown.iter().map(|line| self.normal(line)).collect();
        let mut found: Vec<_> = printed.iter().map(|line| self.normal(line)).collect();
        for lines in [&mut wanted, &mut found] {
            while lines.last().is_some_and(|line| line.trim().is_empty()) {
                lines.pop();
            }
        }
        if goes_on {
            wanted.push("...".to_owned());
        }
        if all_same(&wanted, &found) {
            return None;
        }
        let first = wanted.iter().zip(&found).position(|(wanted, found)| !is_same(wanted, found));
        let first = first.unwrap_or(wanted.len().min(found.len()));
        let line = |lines: &[String]| lines.get(first).cloned().unwrap_or_else(|| "(nothing)".to_owned());
        Some(format!(
            "line {} of the output differs\n  shown:   {}\n  printed: {}\nall that it printed:\n{}",
            first + 1,
            line(&wanted),
            line(&found),
            printed.join("\n")
        ))
    }

    fn normal(&self, line: &str) -> String {
        let mut line = line.replace(self.folder, FOLDER);
        for (regex, word) in REGEXES.iter() {
            line = regex.replace_all(&line, *word).into_owned();
        }
        if self.figures_vary {
            line = FIGURES.replace_all(&line, "<number>").into_owned();
        }
        // How wide a column is depends on what is in it.
        SPACES.replace_all(&line, " ").trim_end().to_owned()
    }
}

fn is_same(shown: &str, printed: &str) -> bool {
    shown == printed || shown.strip_suffix("...").is_some_and(|begin| printed.starts_with(begin))
}

fn all_same(shown: &[String], printed: &[String]) -> bool {
    match shown {
        [] => printed.is_empty(),
        [any, rest @ ..] if any.trim() == "..." => (0..=printed.len()).any(|skip| all_same(rest, &printed[skip..])),
        [line, rest @ ..] => printed.first().is_some_and(|first| is_same(line, first)) && all_same(rest, &printed[1..]),
    }
}
