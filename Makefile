# make benchmark   set up, and run the main job (the suite `open`)
# make test        set up, and run the tests
# make lint types  what continuous integration checks besides
# make leaderboard run the main job from nothing and make it the committed reference run
# make spatial     run the suite open-spatial from nothing, and make it the committed one
# make pretrain    train the encoders satclip-bluemarble again, and compare with what ships
# make rebuild     build the shipped tables again from their sources, and compare the bytes

PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup benchmark test lint types leaderboard spatial pretrain rebuild clean

setup: .venv/.ready

.venv/.ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "satclip-bench needs Python 3.11 or newer; name one: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	$(BIN)/python -m satclip_bench.encoders.weights.fetch
	touch $@

benchmark: setup
	$(BIN)/python run_benchmarks.py

test: setup
	$(BIN)/python -m pytest -n auto

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: setup
	$(BIN)/mypy
	$(BIN)/mypy docs/studies/*.py examples/daylight-encoder/daylight_encoder

leaderboard: setup
	rm -rf results/runs/reference results/leaderboard
	$(BIN)/python run_benchmarks.py --out results/runs/reference
	mkdir -p results/leaderboard/figures
	cp -r results/runs/reference/results.parquet results/runs/reference/tables results/leaderboard
	cp results/runs/reference/figures/*.png results/leaderboard/figures

spatial: setup
	rm -rf results/runs/spatial results/spatial
	$(BIN)/python run_benchmarks.py run --suite open-spatial --out results/runs/spatial
	mkdir -p results/spatial/figures
	cp -r results/runs/spatial/results.parquet results/runs/spatial/tables results/spatial
	cp results/runs/spatial/figures/*.png results/spatial/figures

pretrain: setup
	for config in small small-l40; do \
	  $(BIN)/python run_benchmarks.py pretrain --config $$config --out results/pretrained/$$config --resume || exit; \
	done
	@cd results/pretrained && sed 's|satclip-bluemarble-l10.safetensors|small/encoder.safetensors|; s|satclip-bluemarble-l40.safetensors|small-l40/encoder.safetensors|' ../../encoders/pretrained/SHA256SUMS | sha256sum --check \
	  || echo 'Other bytes than those that ship: so it is on another kind of processor.'

rebuild: setup
	$(BIN)/python -m satclip_bench.tasks.builder --check

clean:
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache
