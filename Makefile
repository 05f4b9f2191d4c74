# make demo   the control room on a copy of the samples, with the demo run started
# make test   everything that CI runs
# make bench  the benchmarks, each beside its peer in one run
# make audit  known vulnerabilities of the exact versions: for a schedule, needs the network
# make shots  the README's pictures, anew, from the running app

PYTHON ?= python3
JOBS ?= 3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test lint types unit shots bench bench-short audit clean
.DEFAULT_GOAL := demo

$(STAMP): pyproject.toml constraints.txt
	@sh scripts/setup.sh "$(PYTHON)" "$(VENV)"
	@touch $(STAMP)

demo: $(STAMP)
	@$(BIN)/factory-tui demo

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

# In JOBS processes (one more than CI has cores: many tests wait for what they started), a file of tests in
# one of them; what has a limit of time comes after, alone.
unit: $(STAMP)
	$(BIN)/pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder -m "not alone" --durations=25
	$(BIN)/pytest -m alone --durations=5

# The short forms of the benchmarks, with room for a noisy machine.
bench-short: $(STAMP)
	$(BIN)/python benchmarks/first_paint.py --runs 5 --limit 1.9
	$(BIN)/python benchmarks/train_throughput.py --quick --rounds 1 --iters 20 --check --slack 0.8
	$(BIN)/python benchmarks/open_history.py --quick --check --slack 5
	$(BIN)/python benchmarks/eval_throughput.py --quick --rounds 1 --check --slack 0.5
	$(BIN)/python benchmarks/research_noise.py --quick --check

test: lint types bench-short unit

shots: $(STAMP)
	$(BIN)/python scripts/key_tables.py
	$(BIN)/python scripts/screenshots.py

bench: $(STAMP)
	$(BIN)/python benchmarks/table.py

audit:
	@sh scripts/audit.sh

clean:
	rm -rf $(VENV) demo build dist
