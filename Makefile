# Two commands: `make run` does the main job, `make test` the tests, each from nothing.
#   make run PROTOCOL=smoke                       a first whole report in about ten minutes
#   make run PARAMS=params/tabular-regression.yaml
PYTHON   ?= python3
PARAMS   ?= params/tabular.yaml params/text.yaml params/vision.yaml
RESULTS  ?= results
PROTOCOL ?=
RERUN    ?=
FLAGS    := --results $(RESULTS) $(if $(PROTOCOL),--protocol $(PROTOCOL))
BIN      := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help run plan report notebooks test test-all check bench bench-tools clean

help:
	@echo "make run        run the three studies and write the report: about an hour (PROTOCOL=smoke: ten minutes)"
	@echo "make plan       what that would download, how long it would take, what it could show"
	@echo "make report     write the report of the newest run of each study"
	@echo "make notebooks  open JupyterLab"
	@echo "make test       all tests but the slow ones;  make test-all: those too"
	@echo "make check      ruff and mypy;  make clean: remove .venv and caches"
	@echo "make bench      the evidence in benchmarks/, some four hours on a quiet machine; PAIRS=30 TRIALS=20 goes on, for a day"

.venv/installed: pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON): install Python 3.11 to 3.14, or add PYTHON=python3.12 to the same command"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' || { echo "$(PYTHON) is not Python 3.11 to 3.14: add PYTHON=python3.12 to the same command"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,load,compress]'
	@touch $@

run: .venv/installed
	@$(BIN)/effkit plan $(PARAMS) $(FLAGS)
	@$(BIN)/effkit run $(PARAMS) $(FLAGS) $(if $(RERUN),--rerun $(RERUN))

plan: .venv/installed
	@$(BIN)/effkit plan $(PARAMS) $(FLAGS)

report: .venv/installed
	@$(BIN)/effkit report --results $(RESULTS)

notebooks: .venv/installed
	$(BIN)/jupyter lab notebooks

# A file stays with one process, which sets up for it once; three, since tests wait as much as they compute.
SIDE_BY_SIDE := -n 3 --dist loadfile

test: check
	$(BIN)/python -m pytest $(SIDE_BY_SIDE)

test-all: check
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m ''

check: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# What is compared with effkit stays out of its environment: their dependencies would pull in torchvision.
# fasterbench imports plotly whatever is asked of it; the rest of what it names is not needed for latency.
TOOLS  := .venv/bench-tools
KEPT   := benchmarks/results
PAIRS  ?= 4
EQUAL  ?= 1
TRIALS ?= 4
LUCK   ?= 6

bench-tools: $(TOOLS)/installed
$(TOOLS)/installed: .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --upgrade --target $(TOOLS) \
		fasterbench==0.1.0 model-benchmark==0.1.0 plotly==6.8.0
	@touch $@

# $(call print,NAME,ARGUMENTS): keep what a benchmark prints, once it is whole.
print = $(BIN)/python -m benchmarks.$(1) $(2) > $(KEPT)/$(1).part && mv $(KEPT)/$(1).part $(KEPT)/$(1).md

# Rows are kept as they come, in benchmarks/measured/: an interrupted run goes on where it was, and more pairs are added
# to those there are.
bench: .venv/installed $(TOOLS)/installed
	@mkdir -p $(KEPT)
	for noise in "" --neighbour; do \
		$(BIN)/python -m benchmarks.contest --shares 0.02 0.05 0.1 --trials $(TRIALS) $$noise && \
		$(BIN)/python -m benchmarks.contest --trials $(EQUAL) --equal-time $$noise && \
		$(BIN)/python -m benchmarks.contest --trials $(PAIRS) $$noise && \
		$(BIN)/python -m benchmarks.contest --model minilm --trials $(PAIRS) $$noise || exit 1; \
	done
	$(call print,aa)
	$(call print,ab)
	$(call print,luck,--pairs $(LUCK))
	$(call print,yardstick)
	$(call print,overhead)
	$(call print,batch_overhead)
	$(call print,many_runs)
	$(call print,two_hosts)
	$(call print,coverage,$(if $(wildcard $(RESULTS)/*/*/samples.parquet),--results $(RESULTS)))
	$(call print,published)
	$(call print,loadgen)
	$(BIN)/python -m benchmarks.report

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
