# Two commands to know: `make demo` and `make test`. `make` alone lists them all.
# Cargo builds under ./target, or where CARGO_TARGET_DIR says.

# What builds in seconds, since it has nothing of DataFusion.
LIGHT = -p etlplus-core -p etlplus-api -p etlplus-bus -p etlplus-store -p etlplus-jobs -p etlplus-monitor \
	-p etlplus-notify -p etlplus-server -p etlplus-client -p etlplus-connectors

# Together, and without the test libraries of the others, these two build DataFusion with the very features that the binary
# has, so that one build of it serves them all.
WITH_ENGINE = -p etlplus-engine -p etlplus

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench audit

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Build etlplus, make sample data in ./demo, and start a server that runs five pipelines on it
	cargo build --release --locked -p etlplus
	cargo run --release --locked --quiet -p etlplus -- demo

test: ## Run every test, after installing what they need
	can_run="$$(scripts/setup)" && \
	cargo nextest run --locked $(LIGHT) -E "$$can_run" && \
	cargo test --locked $(LIGHT) --doc && \
	cargo nextest run --locked $(WITH_ENGINE) -E "$$can_run"

lint: ## Check the format and the lints, warnings being errors
	cargo fmt --all --check
	cargo clippy --locked $(LIGHT) --all-targets -- -D warnings
	cargo clippy --locked $(WITH_ENGINE) --all-targets -- -D warnings

bench: ## Measure etlplus beside DuckDB, Polars, psql and ConnectorX, then the server's live channel
	python3 bench/run.py
	python3 bench/live.py

audit: ## Check licences, sources and known vulnerabilities of every dependency; needs cargo-deny and the network
	cargo deny check
