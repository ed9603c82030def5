"""Encoders: longitude and latitude in, an embedding out.

>>> from satclip_bench.encoders import get_encoder
>>> get_encoder("wrap").encode([[13.4, 52.5]]).shape
(1, 4)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from typing_extensions import override

from satclip_bench.core.errors import FAILURES, BenchError, UnknownNameError
from satclip_bench.core.files import missing_file
from satclip_bench.core.registry import Registry, unknown_name
from satclip_bench.encoders.base import Encoder, EncoderCard, LocationEncoder, WeightsCard
from satclip_bench.encoders.check import check_encoder
from satclip_bench.encoders.custom.names import name_problem
from satclip_bench.encoders.custom.user_file import execute_file
from satclip_bench.encoders.weights.shipped import shipped

TABLES = "table."
"""Beginning of the names of encoders that are made from a file of embeddings."""


class EncoderRegistry(Registry[Callable[..., LocationEncoder]]):
    """Registry of callables that make an encoder; also knows encoders that a plus joins."""

    @override
    def makes(self, name: str) -> bool:
        """Whether `name` is a variant of a family, or several encoders joined by a plus.

        Raises:
            UnknownNameError: the family does not have this variant, or a joined name is unknown.
        """
        if "+" in name:
            get_encoder(name)
            return True
        return super().makes(name)


registry = EncoderRegistry(
    "encoder",
    {
        "direct": "satclip_bench.encoders.coordinates:Direct",
        "cartesian3d": "satclip_bench.encoders.coordinates:Cartesian3D",
        "wrap": "satclip_bench.encoders.coordinates:Wrap",
        "sines": "satclip_bench.encoders.fourier:Sines",
        "fourier": "satclip_bench.encoders.fourier:RandomFourier",
        "nerf": "satclip_bench.encoders.positional:nerf_encoder",
        "random": "satclip_bench.encoders.untrained:Noise",
        "geoclip": "satclip_bench.encoders.geoclip:GeoCLIP",
        "taxabind": "satclip_bench.encoders.taxabind:TaxaBind",
        "tte": "satclip_bench.encoders.tte:TTE",
        "gair": "satclip_bench.encoders.gair:GAIR",
        "range": "satclip_bench.encoders.range:range_plain",
        "range-plus": "satclip_bench.encoders.range:range_plus",
        "mosaiks": "satclip_bench.encoders.mosaiks:MOSAIKS",
        "alphaearth": "satclip_bench.encoders.alphaearth:AlphaEarth",
    },
    families={
        "harmonics": "satclip_bench.encoders.harmonics:from_variant",
        "slepian": "satclip_bench.encoders.slepian:from_variant",
        "space2vec": "satclip_bench.encoders.positional:space2vec",
        "sphere2vec": "satclip_bench.encoders.positional:sphere2vec",
        "siren": "satclip_bench.encoders.untrained:siren",
        "satclip": "satclip_bench.encoders.satclip:from_variant",
        "csp": "satclip_bench.encoders.csp:from_variant",
        "torchspatial": "satclip_bench.encoders.torchspatial:from_variant",
        "sinr": "satclip_bench.encoders.sinr:from_variant",
        "climplicit": "satclip_bench.encoders.climplicit:from_variant",
        "sled": "satclip_bench.encoders.sled:from_variant",
        "mind": "satclip_bench.encoders.mind:from_variant",
        "gps2vec": "satclip_bench.encoders.gps2vec:from_variant",
        "satclip-bluemarble": "satclip_bench.encoders.satclip_retrained:blue_marble",
        "table": "satclip_bench.encoders.table:from_variant",
        "own": "satclip_bench.encoders.satclip_retrained:own",
    },
    listed=(
        *("random", "direct", "cartesian3d", "wrap", "sines", "fourier", "nerf"),
        *("space2vec.grid", "space2vec.theory"),
        *("sphere2vec.c", "sphere2vec.cplus", "sphere2vec.m", "sphere2vec.mplus"),
        *(f"harmonics.l{degrees}" for degrees in (10, 20, 40)),
        *("siren.l10", "siren.l40"),
        *("satclip.resnet18-l10", "satclip.resnet18-l40", "satclip.resnet50-l10"),
        *("satclip.resnet50-l40", "satclip.vit16-l10", "satclip.vit16-l40"),
        *("csp.fmow", "csp.inat"),
        *("torchspatial.nerf-fmow", "torchspatial.space2vec-grid-yfcc"),
        *("torchspatial.space2vec-theory-fmow", "torchspatial.sphere2vec-spherecplus-fmow"),
        "torchspatial.sphere2vec-spherem-fmow",
        *("sinr.an-full-10", "sinr.an-full-100", "sinr.an-full-1000", "sinr.distilled-env"),
        *("climplicit.seasons", "taxabind", "tte", "gair", "sled.s2-ls", "sled.s1-s2-ls"),
        *("mind.64", "mind.128", "mind.256", "mind.3072"),
        *("geoclip", "gps2vec.tag", "gps2vec.visual"),
        *("range", "range-plus", "mosaiks", "alphaearth"),
        *shipped(),
    ),
    group="satclip_bench.encoders",
    name_problem=name_problem,
)
"""Classes and other callables that make an encoder, by name; those without weights first."""


def list_encoders() -> tuple[str, ...]:
    """Names of all listed encoders. `get_encoder` accepts more variants of each family.

    Examples:
        >>> list_encoders()[:4]
        ('random', 'direct', 'cartesian3d', 'wrap')
    """
    return registry.names()


def get_encoder(name: str, **options: Any) -> LocationEncoder:
    """Make the encoder called `name`.

    Args:
        name: a listed name, `family.variant` such as `harmonics.l7`, or several names joined by a
            plus, such as `geoclip+harmonics.l10`, whose embeddings are concatenated.
        options: keyword arguments of the encoder, such as `weights="path"` if it has weights.

    Raises:
        UnknownNameError: there is no such encoder; the message suggests similar names.
        BenchError: the encoder cannot be imported or made, or options are given for joined names.

    Examples:
        >>> get_encoder("harmonics.l7").encode([[13.4, 52.5]]).shape
        (1, 49)
        >>> get_encoder("wrap+cartesian3d").card.dimension
        7
    """
    if "+" in name:
        return _combined(name, options)
    return make_encoder(registry.load(name), f"encoder {name!r}", **options)


def combine_named(name: str, custom: Mapping[str, LocationEncoder]) -> LocationEncoder:
    """Make the combination called `name`, of registered and custom encoders.

    Args:
        name: several names joined by a plus, such as `geoclip+table.farms`.
        custom: custom encoders by name, which are not registered.

    Raises:
        UnknownNameError: a part is not known; the message suggests similar names.
        BenchError: a part cannot be made, or the parts cannot be combined.
    """
    from satclip_bench.encoders.combine import Combined

    parts = _parts(name)
    tables = [other for other in custom if other.startswith(TABLES)]
    for part in parts:
        if tables and part.startswith(TABLES) and part not in custom:
            raise UnknownNameError(unknown_name("encoder", part, tables))
    return Combined([custom[part] if part in custom else get_encoder(part) for part in parts])


def _combined(name: str, options: dict[str, Any]) -> LocationEncoder:
    from satclip_bench.encoders.combine import Combined

    if options:
        raise BenchError(
            f"options such as {next(iter(options))!r} cannot be given for {name!r}: make its parts "
            "one by one, and combine them with satclip_bench.encoders.combine.Combined"
        )
    return Combined([get_encoder(part) for part in _parts(name)])


def _parts(name: str) -> list[str]:
    """Names of the parts of a combination.

    >>> _parts("geoclip+wrap")
    ['geoclip', 'wrap']

    Raises:
        UnknownNameError: a part is empty, or has spaces around it.
    """
    parts = name.split("+")
    written = [part.strip() for part in parts if part.strip()]
    if written != parts:
        example = "+".join(written) if len(written) > 1 else "geoclip+harmonics.l10"
        raise UnknownNameError(
            f"no encoder is called {name!r}: in the name of a combination, a plus joins two or "
            f"more names without spaces, as in {example!r}"
        )
    return parts


def make_encoder(
    make: Callable[..., object], what: str, *arguments: str, **options: Any
) -> LocationEncoder:
    """Call `make`, and hold what it returns against the contract.

    Raises:
        BenchError: it raises, or what it returns has no card or no `encode`.
    """
    try:
        made = make(*arguments, **options)
    except BenchError:
        raise
    except FAILURES as error:
        raise BenchError(f"{what} could not be made: {type(error).__name__}: {error}") from error
    card = getattr(made, "card", None)
    if not isinstance(card, EncoderCard) or not callable(getattr(made, "encode", None)):
        raise BenchError(
            f"{what} is not an encoder: it needs `card`, a satclip_bench.encoders.EncoderCard, "
            "and `encode`"
        )
    return cast(LocationEncoder, made)


def encoder_card(name: str) -> EncoderCard:
    """Card of an encoder. Its weights need not be downloaded.

    Raises:
        UnknownNameError: there is no such encoder; the message suggests similar names.

    Examples:
        >>> encoder_card("geoclip").dimension
        512
    """
    return get_encoder(name).card


def encoder_from_file(spec: str) -> LocationEncoder:
    """The encoder made by `path/to/file.py:Name`, executing that file.

    The file can import modules that lie beside it.

    Raises:
        BenchError: not of that form, no such file or name, or the file raises or exits.
    """
    path_text, _, attribute = spec.rpartition(":")
    path = Path(path_text).expanduser()
    if path.suffix != ".py" or not attribute.isidentifier():
        raise BenchError(
            f"{spec!r} does not name an encoder: give path/to/file.py:ClassName, or a listed name"
        )
    if not path.is_file():
        raise BenchError(f"{missing_file(path)} (from --encoder {spec})")
    module = execute_file(path, f"from --encoder {spec}")
    if not hasattr(module, attribute):
        raise BenchError(f"{path} defines no {attribute} (from --encoder {spec})")
    return make_encoder(getattr(module, attribute), f"{attribute} in {path}")


__all__ = [
    "Encoder",
    "EncoderCard",
    "LocationEncoder",
    "WeightsCard",
    "check_encoder",
    "combine_named",
    "encoder_card",
    "encoder_from_file",
    "get_encoder",
    "list_encoders",
    "make_encoder",
    "registry",
]
