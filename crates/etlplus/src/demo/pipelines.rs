//! The five sample pipelines, as files inside the binary.

/// Exit code of a job that completed.
pub(super) const COMPLETED: u8 = 0;
/// Exit code of a job that failed.
pub(super) const FAILED: u8 = 3;

/// One sample pipeline.
#[derive(Debug)]
pub(super) struct Sample {
    /// Its name in the demo's folder.
    pub(super) file: &'static str,
    /// The pipeline.
    pub(super) text: &'static str,
    /// What it shows, for people.
    pub(super) purpose: &'static str,
    /// The exit code that `etlplus run` gives for it.
    pub(super) expected_exit_code: u8,
}

/// In the order in which a newcomer reads them.
pub(super) const PIPELINES: [Sample; 5] = [
    Sample {
        file: "1-clean-load.yaml",
        text: include_str!("../../demo/1-clean-load.yaml"),
        purpose: "a clean CSV file becomes a typed Parquet file",
        expected_exit_code: COMPLETED,
    },
    Sample {
        file: "2-dirty-load.yaml",
        text: include_str!("../../demo/2-dirty-load.yaml"),
        purpose: "bad rows go to a reject file, each with its reasons",
        expected_exit_code: COMPLETED,
    },
    Sample {
        file: "3-revenue.yaml",
        text: include_str!("../../demo/3-revenue.yaml"),
        purpose: "orders, customers and countries are joined and summed up in SQL",
        expected_exit_code: COMPLETED,
    },
    Sample {
        file: "4-strict-load.yaml",
        text: include_str!("../../demo/4-strict-load.yaml"),
        purpose: "more bad rows than it allows, so that it fails and writes no target",
        expected_exit_code: FAILED,
    },
    Sample {
        file: "5-sessions.yaml",
        text: include_str!("../../demo/5-sessions.yaml"),
        purpose: "page views of six files become sessions, which takes a while to watch",
        expected_exit_code: COMPLETED,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_is_a_checked_pipeline_named_as_its_file() {
        for sample in &PIPELINES {
            let pipeline = etlplus_core::pipeline::parse(sample.text)
                .unwrap_or_else(|mistakes| panic!("{}: {mistakes:#?}", sample.file));
            assert!(sample.file.ends_with(&format!("-{}.yaml", pipeline.name)), "{}", sample.file);
        }
    }
}
