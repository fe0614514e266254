# `make demo` and `make test` need only Python and make; the first run installs into .venv.
PYTHON ?= python3
BIN := .venv/bin
FIGURE := examples/plot_noisy_folder.png

.NOTPARALLEL:
.PHONY: demo test test-oldest fuzz lint doctest explainer check-explainer checked-explainer pages check-pages page-code docs clean

# Figures go to files.
export MPLBACKEND = Agg
# The networks of the tests are tiny: more threads slow them down.
test test-oldest doctest pages page-code docs: export OMP_NUM_THREADS = 1
# Without it scikit-learn skips its array API checks.
test test-oldest doctest: export SCIPY_ARRAY_API = 1

demo: .venv/.installed-demo
	@rm -f $(FIGURE)
	cd $(dir $(FIGURE)) && ../$(BIN)/python plot_noisy_folder.py
	@test -f $(FIGURE) || { echo "The example did not write $(FIGURE)." >&2; exit 1; }
	@echo "The figure is in $(FIGURE)"

test: .venv/.installed-test
	$(BIN)/python -m pytest -q -n 2

# The tests that attack the library, with many more tries: an hour or so.
fuzz: export OMP_NUM_THREADS = 1
fuzz: export SCIPY_ARRAY_API = 1
fuzz: export FUZZ ?= 3000
fuzz: .venv/.installed-test
	$(BIN)/python -m pytest -q -n 2 tests/test_hostile.py tests/test_files_damaged.py tests/test_readers_hostile.py

lint: .venv/.installed-test
	$(BIN)/python -m ruff check --quiet
	$(BIN)/python -m ruff format --check --quiet
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m mypy
	$(BIN)/python -m codespell_lib

doctest: .venv/.installed-test
	$(BIN)/python -m pytest -q -n 2 --doctest-modules sklearn_cae

# The page of sklearn_cae.explain. What is built is kept, so that Python needs no Node.
explainer: explainer/node_modules/.installed
	cd explainer && npm run --silent build

# Types, tests, and whether the page that is kept is what explainer/ builds.
NODE_IS_NEW := const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)
NPM_ANSWERS := npm view vite version --fetch-retries 0 >/dev/null 2>&1
check-explainer:
	@if ! command -v npm >/dev/null || ! node -e '$(NODE_IS_NEW)'; \
	then echo "Skipped: it needs Node 20.19 or newer with npm (https://nodejs.org)"; \
	elif [ ! -d explainer/node_modules ] && ! $(NPM_ANSWERS); \
	then echo "Skipped: npm cannot fetch what explainer/ needs"; \
	else $(MAKE) --no-print-directory checked-explainer; fi

checked-explainer: explainer/node_modules/.installed
	cd explainer && npm run --silent check-format && npm run --silent types && npm run --silent test
	@rm -rf build/explainer
	cd explainer && npm run --silent build -- --outDir ../build/explainer --logLevel warn
	@cmp build/explainer/page.html sklearn_cae/explain/page.html \
	|| { echo "sklearn_cae/explain/page.html is not what explainer/ builds: run make explainer" >&2; exit 1; }

# The pages without the gallery; -W makes a warning an error.
pages: .venv/.installed-docs
	@rm -rf docs/api/generated
	$(BIN)/python -m sphinx -q -W --keep-going -D plot_gallery=0 -b html docs docs/_build/pages

# Links, anchors and widths, in a browser where there is one.
check-pages: pages .venv/.installed-test
	$(BIN)/python docs/check_pages.py docs/_build/pages

# The code of the pages.
page-code: .venv/.installed-docs .venv/.installed-test
	$(BIN)/python -m pytest -q -n 2 --doctest-glob='*.rst' --ignore=docs/_build --ignore=docs/auto_examples docs

# It says what it does now: the gallery takes minutes.
docs: .venv/.installed-docs
	@rm -rf docs/api/generated
	@echo "Building the pages and running the $(words $(wildcard examples/plot_*.py)) examples of the gallery: about ten minutes the first time"
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html
	@echo "Done. The pages are in docs/_build/html/index.html"

# The oldest supported versions, in a virtual environment of their own. Their figures differ from the
# baselines by the version of matplotlib: they are drawn, not compared.
test-oldest: .venv-oldest/.installed
	.venv-oldest/bin/python -m pytest -q -n 2 -p no:cacheprovider -W default -o addopts=-ra

clean:
	rm -rf .venv .venv-oldest build dist explainer/node_modules docs/_build docs/api/generated docs/auto_examples .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

explainer/node_modules/.installed: explainer/package.json explainer/package-lock.json
	cd explainer && npm ci --no-progress
	@touch $@

# One stamp for each extra that was installed.
.venv/.installed-%: pyproject.toml constraints.txt | $(BIN)/pip
	@echo "Installing sklearn_cae[$*] into .venv: some minutes the first time"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[$*]"
	@touch $@

$(BIN)/pip:
	@echo "Creating .venv with $(PYTHON)"
	@$(PYTHON) -m venv .venv

.venv-oldest/.installed: pyproject.toml constraints-oldest.txt
	@echo "Installing the oldest versions into .venv-oldest: some minutes the first time"
	@$(PYTHON) -m venv .venv-oldest
	@.venv-oldest/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-oldest.txt -e ".[test]"
	@touch $@
