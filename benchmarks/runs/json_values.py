"""Values of fitted estimators as JSON has them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic_core import to_jsonable_python

from satclip_bench.core.errors import BenchError


def json_value(value: object, name: str) -> Any:
    """A value as JSON gives it back: scalars and arrays of NumPy become numbers and lists.

    Args:
        value: value of an estimator's attribute.
        name: name of the attribute, for the message.

    Raises:
        BenchError: JSON has no such value, such as NaN or an object; the message names it.

    >>> json_value({"alpha": np.float64(0.5), "sizes": (np.int64(3), 4)}, "best_params_")
    {'alpha': 0.5, 'sizes': [3, 4]}
    """
    if isinstance(value, Mapping):
        return {str(key): json_value(item, f"{name}[{key!r}]") for key, item in value.items()}
    try:
        plain = to_jsonable_python(value, fallback=_without_numpy)
        # Files hold UTF-8 without NaN.
        json.dumps(plain, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError) as error:
        raise BenchError(
            f"{name} is {value!r:.100}, which cannot be written as JSON: use text, finite numbers, "
            "lists and dictionaries"
        ) from error
    return plain


def _without_numpy(value: object) -> object:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"JSON has no {type(value).__name__}")
