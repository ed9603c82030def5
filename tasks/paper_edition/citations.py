"""Citations for the tables of the paper editions."""

from __future__ import annotations

SATCLIP = "Klemmer et al. 2023, SatCLIP, arXiv 2311.17179"
HOOKER = (
    "Hooker, Duveiller and Cescatti 2018, A global dataset of air temperature derived from "
    "satellite remote sensing and weather stations, Scientific Data 5, 180246"
)
MOSAIKS = (
    "Rolf et al. 2021, A generalizable and accessible approach to machine learning with global "
    "satellite imagery, Nature Communications 12, 4392"
)
TORCHSPATIAL = "Wu et al. 2024, TorchSpatial, arXiv 2406.15658"
RESOLVE = (
    "Dinerstein et al. 2017, An ecoregion-based approach to protecting half the terrestrial realm, "
    "BioScience 67, 534-545"
)
COUNTIES = "Jia and Benson 2020, Residual Correlation in Graph Neural Network Regression, KDD"
ECOREGIONS_CITATION = (
    "Dinerstein et al. 2017, An Ecoregion-Based Approach to Protecting Half the Terrestrial Realm, "
    "BioScience 67(6), 534-545"
)
