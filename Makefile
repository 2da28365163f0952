# Two commands to know: `make demo` and `make test`. `make` alone lists them all.
# Cargo builds under ./target, or where CARGO_TARGET_DIR says.

# Together, and without core's test libraries, these two build DataFusion with the very features that the binary has, so
# that one build of it serves them all.
WITH_ENGINE = -p etlplus-engine -p etlplus

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench audit

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Build etlplus, make sample data in ./demo and run five pipelines on it
	cargo build --release --locked -p etlplus
	cargo run --release --locked --quiet -p etlplus -- demo

test: ## Run every test, after installing what they need
	scripts/setup
	cargo nextest run --locked -p etlplus-core
	cargo test --locked -p etlplus-core --doc
	cargo nextest run --locked $(WITH_ENGINE) $$(command -v python3 >/dev/null || echo '-E !binary(independent)')

lint: ## Check the format and the lints, warnings being errors
	cargo fmt --all --check
	cargo clippy --locked -p etlplus-core --all-targets -- -D warnings
	cargo clippy --locked $(WITH_ENGINE) --all-targets -- -D warnings

bench: ## Measure etlplus beside DuckDB and Polars
	python3 bench/run.py

audit: ## Check licences, sources and known vulnerabilities of every dependency; needs cargo-deny and the network
	cargo deny check
