# Two commands: `make run` does the main job, `make test` the tests, each from nothing.
#   make run PROTOCOL=smoke                       a first whole report within ten minutes
#   make run PARAMS=params/tabular-regression.yaml
PYTHON   ?= python3
PARAMS   ?= params/tabular.yaml params/text.yaml params/vision.yaml
RESULTS  ?= results
PROTOCOL ?=
FLAGS    := --results $(RESULTS) $(if $(PROTOCOL),--protocol $(PROTOCOL))
BIN      := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help run plan report notebooks test test-all check clean

help:
	@echo "make run        run the three studies and write the report (PROTOCOL=smoke: within ten minutes)"
	@echo "make plan       what that would download, how long it would take, what it could show"
	@echo "make notebooks  open JupyterLab"
	@echo "make test       all tests but the slow ones;  make test-all: those too"
	@echo "make check      ruff and mypy"

.venv/installed: pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON): install Python 3.11 to 3.14, or say make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch $@

run: .venv/installed
	@$(BIN)/effkit plan $(PARAMS) $(FLAGS)
	@$(BIN)/effkit run $(PARAMS) $(FLAGS)

plan: .venv/installed
	@$(BIN)/effkit plan $(PARAMS) $(FLAGS)

report: .venv/installed
	@$(BIN)/effkit report --results $(RESULTS)

notebooks: .venv/installed
	$(BIN)/jupyter lab notebooks

test: check
	$(BIN)/python -m pytest

test-all: check
	$(BIN)/python -m pytest -m ''

check: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
