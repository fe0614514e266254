# `make demo` and `make test` need only Python and make; the first run installs into .venv.
PYTHON ?= python3
BIN := .venv/bin
FIGURE := examples/plot_denoise.png

.NOTPARALLEL:
.PHONY: demo test lint doctest docs clean

# Figures go to files.
export MPLBACKEND = Agg
# The networks of the tests are tiny: more threads slow them down.
test doctest docs: export OMP_NUM_THREADS = 1
# Without it scikit-learn skips its array API checks.
test doctest: export SCIPY_ARRAY_API = 1

demo: .venv/.installed-benchmarks
	@rm -f $(FIGURE)
	cd $(dir $(FIGURE)) && ../$(BIN)/python plot_denoise.py
	@test -f $(FIGURE) || { echo "The example did not write $(FIGURE)." >&2; exit 1; }
	@echo "The figure is in $(FIGURE)"

test: .venv/.installed-test
	$(BIN)/python -m pytest -q -n 2

lint: .venv/.installed-test
	$(BIN)/python -m ruff check --quiet
	$(BIN)/python -m ruff format --check --quiet
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m mypy
	$(BIN)/python -m codespell_lib

doctest: .venv/.installed-test
	$(BIN)/python -m pytest -q --doctest-modules sklearn_cae

# The code of the pages is run first; -W makes a warning an error.
docs: .venv/.installed-docs
	$(BIN)/python -m pytest -q --doctest-glob='*.rst' --ignore=docs/_build --ignore=docs/auto_examples docs
	@rm -rf docs/api/generated
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build/html
	@echo "The pages are in docs/_build/html/index.html"

clean:
	rm -rf .venv build dist docs/_build docs/api/generated docs/auto_examples .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One stamp for each extra that was installed.
.venv/.installed-%: pyproject.toml constraints.txt | $(BIN)/pip
	@echo "Installing sklearn_cae[$*] into .venv: some minutes the first time"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[$*]"
	@touch $@

$(BIN)/pip:
	@echo "Creating .venv with $(PYTHON)"
	@$(PYTHON) -m venv .venv
