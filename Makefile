# `make help` lists the targets.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup help benchmark test lint types docs docs-links leaderboard report spatial probes wide full profiles pretrain rebuild clean

setup: .venv/.ready  ## create .venv with everything installed, and download the default weights (the default target)

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' Makefile

.venv/.ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "satclip-bench needs Python 3.11 or newer; choose one with: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	$(BIN)/python run_benchmarks.py download --packages
	touch $@

benchmark: setup  ## run the main job: the suite `open`
	$(BIN)/python run_benchmarks.py

test: setup  ## run the tests
	$(BIN)/python -m pytest -n auto --dist loadfile

lint: setup  ## check style, formatting and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: setup  ## check types
	$(BIN)/mypy
	$(BIN)/mypy docs/studies/*.py examples/*.py examples/daylight-encoder/daylight_encoder

docs: setup  ## build the documentation site into docs/_build/html; a broken internal link is an error
	$(BIN)/sphinx-build -q -W --keep-going $(SPHINXOPTS) -c docs . docs/_build/html
	@echo 'open docs/_build/html/index.html'

docs-links: setup  ## ask every address on the pages whether it still exists; needs the network
	$(BIN)/sphinx-build -q -b linkcheck -c docs . docs/_build/linkcheck

leaderboard: setup  ## rerun the main job from scratch and make it the committed reference run
	$(call committed,open,reference,leaderboard)

spatial: setup  ## the same for the suite open-spatial: four splits
	$(call committed,open-spatial,spatial,spatial)

probes: setup  ## the same for the suite open-probes: perceptron and boosted trees
	$(call committed,open-probes,probes,probes)

wide: setup  ## the same for the suite open-wide: fourteen tasks outside the paper
	$(call committed,open-wide,wide,wide)

full: setup  ## the same for the suite open-full, 25 encoders and baselines with every probe; a night
	$(call committed,open-full,full,full)

# $(call committed,SUITE,RUN,FOLDER) runs a suite into results/runs/RUN and copies it to results/FOLDER.
define committed
	rm -rf results/runs/$(2)
	$(BIN)/python run_benchmarks.py run --suite $(1) --device cpu --out results/runs/$(2)
	$(BIN)/python docs/studies/committed_run.py results/runs/$(2) results/$(3)
	$(call reports,$(3))
	$(BIN)/python docs/studies/page_boards.py
	$(site)
endef

# The site of all committed boards.
site = $(BIN)/python run_benchmarks.py leaderboard --out results/leaderboard \
	  --beside results/spatial results/probes results/wide results/full --html docs/_build/leaderboard --embedding-maps

report: setup  ## make tables, figures and pages from the committed Parquet files; nothing is run
	$(call reports,leaderboard)
	$(call reports,spatial)
	$(call reports,probes)
	$(call reports,wide)
	$(call reports,full)
	$(BIN)/python docs/studies/page_boards.py
	$(site)

# $(call reports,FOLDER) makes the reports of results/FOLDER from its Parquet files, without maps.
define reports
	rm -rf results/$(1)/tables results/$(1)/figures
	$(BIN)/python run_benchmarks.py tables --out results/$(1)
	$(BIN)/python run_benchmarks.py figures --out results/$(1) --kind scores ranks gap
endef

profiles: setup  ## measure the profiles again that ship with the package
	$(BIN)/python run_benchmarks.py info $(PROFILED) --profile --json > benchmarks/profiles/measured.new.json
	mv benchmarks/profiles/measured.new.json benchmarks/profiles/measured.json

PROFILED = direct,cartesian3d,wrap,harmonics.l10,harmonics.l40,geoclip,satclip-bluemarble.l10,satclip-bluemarble.l40,siren.l10,siren.l40

pretrain: setup  ## train the encoders satclip-bluemarble again and compare with the shipped weights
	for config in small small-l40; do \
	  $(BIN)/python run_benchmarks.py pretrain --config $$config --device cpu --out results/pretrained/$$config --resume || exit; \
	done
	@cd results/pretrained && sed 's|satclip-bluemarble-l10.safetensors|small/encoder.safetensors|; s|satclip-bluemarble-l40.safetensors|small-l40/encoder.safetensors|' ../../encoders/pretrained/SHA256SUMS | sha256sum --check \
	  || echo 'The weights differ from the shipped ones, as they do on another kind of processor.'

rebuild: setup  ## build the shipped tables again from their sources and compare the bytes
	$(BIN)/python -m satclip_bench.tasks.builder --check
	$(BIN)/python -m satclip_bench.tasks.builder --check --development

clean:  ## remove .venv and the caches of the tools; results are kept
	rm -rf .venv build docs/_build docs/reference *.egg-info .mypy_cache .ruff_cache .pytest_cache
