"""What `--help` teaches, verb by verb."""

from __future__ import annotations

DESCRIPTION = """\
Benchmark location encoders: (longitude, latitude) in, an embedding out.

Without arguments the suite `open` runs: real data that ships with the repository,
every first encoder, four probes, random and held-out-region splits. What is done is
kept; the same command again runs only what is missing."""

EXAMPLES = """\
examples:
  python run_benchmarks.py                                 the main job
  python run_benchmarks.py run --suite quick               is everything in place?
  python run_benchmarks.py run --tasks 'bio*,ecoregions' --encoders geoclip --probes mlp
  python run_benchmarks.py run --encoder my.py:MyEncoder   your own beside the suite's
  python run_benchmarks.py run --task-file my.parquet --target yield --encoders geoclip
  python run_benchmarks.py list encoders
  python run_benchmarks.py info air_temperature --map
  python run_benchmarks.py embed --encoder geoclip --points my.csv --out embeddings.parquet
  python run_benchmarks.py leaderboard --split held-out-region --probe linear

Names accept wildcards and comma-separated lists. Exit codes: 0 all done, 1 some cells
failed (the others are kept), 2 nothing was run, 130 interrupted (run again to go on)."""

RUN_EXAMPLES = """\
The options choose among the suite's cells. A name that the suite lacks joins all of its
cells; a combination that it lacks is run as given. --seeds replaces the suite's seeds."""


EMBED = """\
Embed the points of a CSV or Parquet file with columns of longitudes and latitudes, or of
a GeoPackage, GeoParquet, GeoJSON, FlatGeobuf or Shapefile in any CRS. A part at a time is
held in memory, so that tens of millions of rows fit. The result is Parquet: the file's
own columns and e0, e1, ... as float32, with the encoder's card in its metadata."""

REPRODUCE = """\
Run every published cell for which data and weights are at hand exactly as the paper does,
and put the measured score beside the published one: exact to the printed digit, within
the published spread, off, or not run and why. Published scores and how each was read are
in results/published/published.csv. Every outcome is kept as a record in --out, so that the
same command goes on where it was. docs/reproduction.md says what came out, and why."""

DIAGNOSE = """\
Show where the encoders of a run fail: the score of every region, the worst of them and the
gap; the error by distance to the nearest training point, latitude and biome; Moran's I of
residuals; the geo-bias scores SSI and SRI. Frames and figures go to the folder
diagnostics/<split>.<probe> of the run. docs/diagnostics.md says what each number is."""

SPECIES = """\
How often is the species in a photograph among the first that an encoder names? On iNaturalist
2018, trained on its training part and judged on its validation part, or continent by continent:

  location       P(species | place), a softmax regression on the embedding
  image          P(species | image): --image-probabilities, or a regression on --image-features
  product        the two multiplied; a photograph of unknown place has the image alone
  concatenation  one regression on features and embedding side by side

Without files of images the first alone is evaluated. Features are Parquet (image_id, features)
or npz; docs/inaturalist.md says how to come by all of it. Every cell is kept as a record in --out:
the same command goes on where it was."""

SPECIES_EXAMPLES = """\
examples:
  python run_benchmarks.py species --encoders geoclip,satclip-bluemarble.l40 --data-dir DIR
  python run_benchmarks.py species --encoders geoclip --image-features train.parquet val.parquet \\
      --splits competition held-out-continent --seeds 0-2"""

PRETRAIN = """\
Train a location encoder as SatCLIP was trained: an image encoder and a location encoder
(spherical harmonics, then a SIREN) learn to find each other, and the second is kept.

  small   NASA's Blue Marble, L=10, a minute on a laptop, a download of 30 MB
  small-l40   the same with L=40, some minutes
  paper   S2-100K as in the paper, for a GPU: --set data.folder=DIR (torchrun for several)
  FILE    a config of your own in YAML or JSON, such as for a folder of GeoTIFFs

--out holds the checkpoint, metrics.jsonl, curves.png, and the encoder: encoder.safetensors,
and encoder.ckpt in the layout of SatCLIP's released checkpoints. The same config gives the
same weights again; an interrupted training goes on with --resume, to the same weights.
docs/pretraining.md tells it all."""

PRETRAIN_EXAMPLES = """\
examples:
  python run_benchmarks.py pretrain --config small --register mine
  python run_benchmarks.py run --encoders own.mine,siren.l10,geoclip
  python run_benchmarks.py pretrain --set location.degrees=40 --set location.first_frequency=1 \\
      --out results/pretrained/l40
  torchrun --nproc-per-node 4 run_benchmarks.py pretrain --config paper --set data.folder=/data/s2

Your own imagery: a file mine.yaml with
  name: mine
  data: {source: geotiffs, folder: tiles/, pixels: 64}
  training: {epochs: 20, batch_size: 256}"""

DOWNLOAD = """\
Fetch what does not ship: the papers' own tables, and weights of encoders. Nothing is ever
fetched but by this verb. Files, sizes and licences are shown first; large downloads are
asked for once more. An interrupted transfer goes on where it stopped; content is checked by
sha256, and where none is published the first download is remembered, so that a later change
is an error. Tables go to --data-dir, or to the cache ($SATCLIP_BENCH_CACHE), where every
other verb looks for them. $SATCLIP_BENCH_OFFLINE=1 forbids it all. docs/data.md tells more.

  python run_benchmarks.py download air_temperature median_income
  python run_benchmarks.py download 'satclip.*' --yes"""

VERIFY = """\
Hash every file that does not ship and is here.

  good        the published content, or that of the first download
  missing     not here; `download` fetches it, or says how to place it by hand
  corrupt     another content than published
  stale       another content than at the first download
  unverified  placed by hand, and no hash is published

The exit code is 1 if something is corrupt or stale."""

SPEED = """\
Embed random points again and again, in turns with the code that an encoder was released
with (packages rangegeo and geoclip, where installed) and with the matrix products of its
network alone, as they stand in its definition. Medians go to the terminal, all seconds to
a JSON file. SatCLIP is timed on random weights of the released shapes."""
