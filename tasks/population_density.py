"""Card of the task population density."""

from __future__ import annotations

from satclip_bench.tasks.base import CrossCheck, EditionCard, TaskCard
from satclip_bench.tasks.open_edition.sources import GEONAMES, NATURAL_EARTH
from satclip_bench.tasks.paper_edition.files import POPULATION_DENSITY
from satclip_bench.tasks.paper_edition.sources import POPULATION_SOURCE

CARD = TaskCard(
    name="population_density",
    title="Population density (proxy)",
    description="Logarithm of people per square kilometre. The open edition is a proxy, smoothed "
    "from the inhabitants of named places, not a census grid.",
    task_type="regression",
    target="ln(1 + people per km2), smoothed over 40 km",
    unit="ln(1 + people per km2)",
    metric="r2",
    extent="global",
    region="continent",
    citation="Rolf et al. 2021, A generalizable and accessible approach to machine learning with "
    "global satellite imagery, Nature Communications 12, 4392",
    paper_rows=74_512,
    paper_source="MOSAIKS population density (Rolf et al. 2021), logarithm, 74,512 points",
    editions={
        "open": EditionCard(
            rows=10_000,
            sources=(GEONAMES, NATURAL_EARTH),
            differs_from_paper="A proxy: inhabitants of GeoNames places, smoothed by a kernel. "
            "Dispersed rural population is missing, and so is detail below 40 km.",
            processing="Gaussian kernel of great-circle distance, bandwidth 40 km, over places "
            "of 500 inhabitants or more; ln(1 + density). Places inside a listed city may be "
            "counted twice, since the packaged table has no codes to identify them. "
            "Continents as in the task countries.",
            uniform_draw=True,
            file="population_density.parquet",
            sha256="d98677c828f2c5407a2162b840b85b5cc157d926a3373f0456f81770b7b19ffc",
            target_range=(0.0, 11.0),
            cross_checks=(
                CrossCheck(
                    against="MOSAIKS population density",
                    within_km=5,
                    points=260,
                    pearson_r=0.776,
                ),
            ),
        ),
        "paper": EditionCard(
            rows=74_512,
            sources=(POPULATION_SOURCE,),
            differs_from_paper="",
            processing="The logarithm as in the file.",
            target="logarithm of people per km2",
            target_range=(-20.0, 20.0),
            repeated_points="as in the authors' table",
            variants=POPULATION_DENSITY,
        ),
    },
)
