.DEFAULT_GOAL := help
PRESET ?= starter
RESULTS ?= results/$(PRESET)
ARGS ?=
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
MARK := .venv/.marks

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(MARK)/project: pyproject.toml constraints.txt
	@PYTHON="$(PYTHON)" sh .ci/install . && mkdir -p $(MARK) && touch $@

$(MARK)/dev: $(MARK)/project
	@PYTHON="$(PYTHON)" sh .ci/install '.[dev]' && touch $@

$(MARK)/e5: $(MARK)/project
	@PYTHON="$(PYTHON)" sh .ci/install '.[e5]' && touch $@

setup: $(MARK)/project ## make .venv and install the project into it

# A checkout carries the run that the README shows; the first sweep here starts afresh, later ones resume.
$(MARK)/fresh-$(PRESET): | $(MARK)/project
	@if git ls-files --error-unmatch $(RESULTS)/ledger.jsonl >/dev/null 2>&1; then \
		echo "starting afresh in $(RESULTS); 'git restore $(RESULTS)' brings the committed run back"; \
		rm -rf $(RESULTS); fi
	@touch $@

bench: $(MARK)/project $(if $(filter e5,$(PRESET)),$(MARK)/e5) $(MARK)/fresh-$(PRESET) ## sweep PRESET (starter, e5, …), write its report
	@$(BIN)/prefixbench sweep --preset $(PRESET) --results $(RESULTS) $(ARGS)

report: $(MARK)/project ## write the report of RESULTS again
	@$(BIN)/prefixbench report $(RESULTS)

twins: $(MARK)/project ## train the twins again, into TWINS (default: twins); ARGS="--steps 8" for a trial
	@$(BIN)/prefixbench twins train --output $(or $(TWINS),twins) $(ARGS)

findings: $(MARK)/project ## sweep the twins on the embedded tasks and write docs/findings.md again
	@sh benchmarks/twins/sweep.sh && $(BIN)/prefixbench twins findings results/twins results/twins-mteb --output docs/findings.md --overwrite

lint: $(MARK)/dev ## ruff, mypy --strict, import-linter
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

QUICK := tests/unit/spec tests/unit/items tests/unit/plan tests/unit/results tests/unit/test_errors.py tests/unit/test_plain.py \
	tests/unit/analysis/test_compare.py tests/unit/analysis/test_refusals.py tests/unit/analysis/test_verdict_rules.py \
	tests/unit/run/test_open_folder.py tests/unit/run/test_progress.py tests/unit/cli/test_app.py \
	tests/property/test_cache_keys_property.py

check: lint ## lint, types and the tests that load no model, for while you work
	@$(BIN)/pytest -q -n 2 --dist loadfile $(QUICK) $(ARGS)

test: lint ## lint, then every test this machine can run
	@$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

clean: ## remove the environment, caches and built files; results stay
	@rm -rf .venv .cache build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help setup bench report twins findings lint check test clean
