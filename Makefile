# Two commands on a fresh machine with Python and make: `make demo`, `make test`.
# Each makes the environment that it needs; PYTHON chooses the interpreter.

PYTHON ?= python3
VENV ?= .venv
PIP_FLAGS ?= --quiet --disable-pip-version-check
PYTEST_FLAGS ?= -n auto --dist loadfile

.PHONY: help demo app test test-jit test-arm test-numpy fuzz lint format pictures catalogue docs benchmark clean

help:
	@echo "make demo        recognise doodles, float and quantised (makes its environment)"
	@echo "make app         draw with the mouse, recognised as you draw (makes its environment)"
	@echo "make test        run the tests (makes its environment)"
	@echo "make test-jit    the operators' tests on compiled kernels"
	@echo "make test-arm    the same for AArch64, emulated (needs qemu-user)"
	@echo "make test-numpy  what runs without Numba"
	@echo "make fuzz        wrong models for MINUTES=5 (makes its environment)"
	@echo "make lint        ruff, mypy --strict"
	@echo "make benchmark   beside LiteRT and OpenVINO, into docs/performance.md (needs TensorFlow)"
	@echo "make docs        the documentation, to be read from build/site/index.html"
	@echo "make pictures    take the documentation's screenshots (needs Chromium)"
	@echo "make clean       remove environments and caches"

demo: $(VENV)/demo.stamp
	$(VENV)/bin/pytflite demo

app: $(VENV)/app.stamp
	$(VENV)/bin/python -m examples.doodle.app

test: $(VENV)/test.stamp
	$(VENV)/bin/python -m pytest $(PYTEST_FLAGS)

# Each operator, type and shape that the NumPy kernels are tested with, and whole models.
COMPILED = PYTFLITE_BACKEND=jit PYTFLITE_WAIT=1 HYPOTHESIS_PROFILE=quick
test-jit: $(VENV)/test.stamp
	$(COMPILED) $(VENV)/bin/python -m pytest $(PYTEST_FLAGS) tests/ops tests/compat

# The same for AArch64, under qemu-user: TARGET is neon, dotprod or i8mm.
TARGET ?= neon
test-arm: $(VENV)/test.stamp
	PYTFLITE_EMULATE=$(TARGET) $(COMPILED) $(VENV)/bin/python -m pytest $(PYTEST_FLAGS) \
	    tests/ops tests/jit/lowering tests/jit/test_numba_kernels.py

# What might notice that there is no Numba.
test-numpy: $(VENV)-numpy/test.stamp
	$(VENV)-numpy/bin/python -m pytest $(PYTEST_FLAGS) tests/runtime tests/compat tests/jit

MINUTES ?= 5
FUZZ_SEED ?= 1
FUZZ = $(VENV)/bin/python -m tests.fuzz --seed $(FUZZ_SEED) --jobs 2 --resume build/fuzz.json
fuzz: $(VENV)/fuzz.stamp
	@if $(VENV)/bin/python -c "import atheris" 2>/dev/null; then \
	  $(FUZZ) --seconds $$(( $(MINUTES) * 30 )) && $(VENV)/bin/python \
	    -m tests.fuzz.atheris_run -max_total_time=$$(( $(MINUTES) * 30 )); \
	else echo "no atheris for this Python: structured mutants have all the time"; \
	  $(FUZZ) --seconds $$(( $(MINUTES) * 60 )); fi

lint: $(VENV)/lint.stamp
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/python schema/generate.py --check
	$(VENV)/bin/python -m pytflite.tools.catalogue --check

format: $(VENV)/lint.stamp
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

# Screenshots for the README and the documentation; Chromium and chromedriver must be installed.
pictures: $(VENV)/test.stamp
	$(VENV)/bin/python -m docs.making.screenshots

catalogue: $(VENV)/lint.stamp
	$(VENV)/bin/python -m pytflite.tools.catalogue

docs: $(VENV)/docs.stamp
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --quiet --strict
	@echo "build/site/index.html"

# FLAGS="--quick --models mobilenet_v2 --precision int8 --target avx2" for a part of it.
benchmark: $(VENV)/benchmark.stamp
	$(VENV)/bin/python -m benchmarks $(FLAGS)

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)-numpy/bin/python:
	$(PYTHON) -m venv $(VENV)-numpy

$(VENV)/demo.stamp: pyproject.toml | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install $(PIP_FLAGS) -e ".[cli,images]"
	@touch $@

$(VENV)/app.stamp: pyproject.toml | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install $(PIP_FLAGS) -e ".[app]"
	@touch $@

# Numba has no wheel for some Pythons; what it speeds up then runs on NumPy.
$(VENV)/test.stamp: pyproject.toml | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install $(PIP_FLAGS) -e ".[test,jit]" \
	  || $(VENV)/bin/python -m pip install $(PIP_FLAGS) -e ".[test]"
	@touch $@

$(VENV)-numpy/test.stamp: pyproject.toml | $(VENV)-numpy/bin/python
	$(VENV)-numpy/bin/python -m pip install $(PIP_FLAGS) -e ".[test]"
	@touch $@

# Half of the time is libFuzzer's, where atheris has a wheel (Linux, some Pythons).
$(VENV)/fuzz.stamp: $(VENV)/test.stamp
	-$(VENV)/bin/python -m pip install $(PIP_FLAGS) --only-binary :all: atheris
	@touch $@

$(VENV)/benchmark.stamp: pyproject.toml | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install $(PIP_FLAGS) -e ".[benchmark,jit]"
	@touch $@

$(VENV)/lint.stamp: pyproject.toml | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install $(PIP_FLAGS) -e ".[lint]"
	@touch $@

$(VENV)/docs.stamp: pyproject.toml | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install $(PIP_FLAGS) -e ".[docs]"
	@touch $@

clean:
	rm -rf $(VENV) $(VENV)-numpy build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
