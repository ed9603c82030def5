"""Small numbers of points, so that a profile takes less than a second."""

from satclip_bench.benchmarks.profiles.profile import Sizes

SMALL = Sizes(lattice=1500, random=1500, bases=64, land=1000, local=(256, 1024))
