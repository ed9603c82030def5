"""Text files with a table: how they are encoded and separated, and the numbers in them."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.download.content import stand_in_of
from satclip_bench.core.errors import BenchError, CoordinateError
from satclip_bench.core.points import DARWIN_CORE, LATITUDE, LONGITUDE
from satclip_bench.core.read_options import separator

if TYPE_CHECKING:
    import pyarrow as pa

SEPARATORS = (",", ";", "\t", "|")
"""Separators that are recognised without --sep."""

SAMPLE_BYTES = 2**20
SAMPLE_ROWS = 1000
"""Size of the beginning of a file from which its format is recognised."""

NULL_TOKENS = frozenset(
    {"", "-", "--", ".", "?", "na", "n/a", "n.a.", "#n/a", "#na", "<na>", "#n/a n/a", "nan", "-nan"}
    | {"null", "none", "nil", "nat", "1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan", "#div/0!"}
    | {"#value!", "#ref!", "#num!", "#name?", "#null!"}
)
"""Texts that mean "no value", in lower case and without surrounding blanks."""

BEGINNINGS = {
    b"\x1f\x8b": "it is compressed with gzip, so its name should end with .gz",
    b"PK\x03\x04": "it is a ZIP archive or a spreadsheet: unpack it, or save its sheet as CSV",
    b"PAR1": "it is Parquet, so its name should end with .parquet",
    b"SQLite format 3": "it is a database, perhaps a GeoPackage, whose name should end with .gpkg",
}
"""First bytes of files of other formats that are given the name of a text file."""

DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")


class TextFormat(NamedTuple):
    """Format of a text file with a table.

    Attributes:
        encoding: `utf8`, or the encoding of the byte order mark.
        separator: character between two columns.
        names: names of the columns.
        decimal: decimal point of the coordinates, `.` or `,`.
        skipped: number of lines before the header.
        quoted: whether values may be in double quotes.
    """

    encoding: str
    separator: str
    names: list[str]
    decimal: str
    skipped: int
    quoted: bool


def text_format(path: Path, sep: str | None, requested: tuple[str | None, ...]) -> TextFormat:
    """Recognise the format of a text file with a table from its first megabyte.

    The separator is the one with which the header has the coordinate columns. Numbers have
    decimal commas if all coordinates do and the separator is another character. GBIF's downloads,
    which are separated by tabs, have no quotes around values.

    Args:
        path: path of the file, which may be compressed with gzip.
        sep: separator, if the user named one.
        requested: names of the coordinate columns, as far as the user named them.

    Raises:
        BenchError: the beginning of the file is not text in UTF-8, or in UTF-16 with a byte order
            mark.
    """
    with open_binary(path) as stream:
        sample = stream.read(SAMPLE_BYTES)
    if content := not_text(sample):
        raise BenchError(f"{path} is not a text table: {content}")
    encoding = _encoding(sample, path)
    try:
        decoder = codecs.getincrementaldecoder(encoding.replace("utf8", "utf-8-sig"))()
        text = decoder.decode(sample)
    except UnicodeDecodeError as error:
        raise BenchError(not_utf8(path)) from error
    if "\0" in text:
        raise BenchError(
            f"{path} has zero bytes, so it is not text in UTF-8: save it again as CSV in UTF-8"
        )
    hint = re.match(r'"?sep=(.)"?\r?\n', text, re.IGNORECASE)
    if hint:
        # Excel writes this line for itself.
        text, sep = text[hint.end() :], sep or hint[1]
    candidates = SEPARATORS if sep is None else (separator(sep),)
    headers = {s: _rows(text, s, 1) for s in candidates}
    expected = [{name} for name in requested if name] or [{*LONGITUDE}, {*LATITUDE}]
    if len(expected) == 2 and not any(requested):
        expected = [names | {other} for names, other in zip(expected, DARWIN_CORE, strict=True)]
    best = max(candidates, key=lambda s: _header_score(headers[s], expected))
    names = headers[best][0] if headers[best] else []
    folded = {name.strip().lower() for name in names}
    # A download that another program has saved again has quotes around its names, too.
    header = text.lstrip("\r\n").splitlines()[:1]
    quoted = not (best == "\t" and folded >= {*DARWIN_CORE}) or any('"' in n for n in header)
    return TextFormat(
        encoding, best, names, _decimal(text, best, names, expected), 1 if hint else 0, quoted
    )


def not_text(sample: bytes) -> str:
    r"""What a file is that is not a text table, by its first bytes; empty if they do not tell.

    >>> not_text(b"\x1f\x8b\x08")
    'it is compressed with gzip, so its name should end with .gz'
    """
    if not sample.strip():
        return "it is empty"
    for beginning, content in BEGINNINGS.items():
        if sample.startswith(beginning):
            return content
    return stand_in_of(sample)


def _header_score(rows: list[list[str]], expected: list[set[str]]) -> tuple[int, int]:
    names = rows[0] if rows else []
    matches = sum(any(_is(name, accepted) for name in names) for accepted in expected)
    return matches, len(names)


def _is(name: str, accepted: set[str]) -> bool:
    return name in accepted or name.strip().lower() in accepted


def _rows(text: str, sep: str, count: int) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=sep)
    try:
        return list(islice((row for row in reader if row), count))
    except csv.Error:
        # A value longer than 128 KiB; Arrow reads the file itself.
        return []


def _decimal(text: str, sep: str, names: list[str], expected: list[set[str]]) -> str:
    if sep == ",":
        return "."
    columns = [i for i, name in enumerate(names) if any(_is(name, a) for a in expected)]
    cells = [row[i] for row in _rows(text, sep, SAMPLE_ROWS)[1:] for i in columns if i < len(row)]
    commas = any(DECIMAL_COMMA.fullmatch(cell.strip()) for cell in cells)
    return "," if commas and not any("." in cell.strip(". ") for cell in cells) else "."


def _encoding(sample: bytes, path: Path) -> str:
    if sample.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise BenchError(f"{path} is encoded in UTF-32: save it again as CSV in UTF-8")
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return "utf8"


def not_utf8(path: Path) -> str:
    """Message about a file that is not UTF-8, with the first line that is not."""
    with open_binary(path) as stream:
        for number, line in enumerate(stream, start=1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                return (
                    f"{path} is not encoded in UTF-8 (line {number} has the byte "
                    f"0x{line[error.start]:02x}, perhaps of Windows-1252): save it again as CSV in "
                    "UTF-8"
                )
    return f"{path} is not encoded in UTF-8: save it again as CSV in UTF-8"


def open_binary(path: Path) -> BinaryIO:
    """Open a file for reading bytes, decompressed if its name ends with .gz."""
    if path.suffix.lower() == ".gz":
        return cast(BinaryIO, gzip.open(path))
    return path.open("rb")


def coordinate_values(
    column: pa.ChunkedArray, name: str, first_row: int, path: Path, decimal: str = "."
) -> NDArray[np.float64]:
    """Numbers of a coordinate column; NaN where a cell is empty or means "no value".

    Args:
        column: cells of the column, text or numbers.
        name: name of the column, for error messages.
        first_row: number in the file of the first cell.
        path: path of the file, for error messages.
        decimal: decimal point of text, `.` or `,`.

    Raises:
        CoordinateError: some cells are not numbers; the message names the first ones.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        numeric = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
        if not (numeric or pa.types.is_decimal(column.type) or pa.types.is_null(column.type)):
            raise CoordinateError(
                f"{path}: the column {name!r} holds values of type {column.type}, not numbers"
            )
        return np.asarray(column.to_numpy().astype(np.float64))
    text = pc.utf8_trim_whitespace(column)
    folded = pc.utf8_lower(text)
    text = pc.if_else(pc.is_in(folded, pa.array(sorted(NULL_TOKENS), column.type)), None, text)
    text = pc.replace_substring_regex(text, r"^\+", "")
    try:
        if decimal == "," and pc.any(pc.match_substring(text, ".")).as_py():
            raise pa.ArrowInvalid("decimal points among decimal commas")
        return np.asarray(pc.replace_substring(text, decimal, ".").cast(pa.float64()).to_numpy())
    except pa.ArrowInvalid as error:
        raise CoordinateError(_not_numbers(text, name, first_row, path, decimal)) from error


def _not_numbers(text: Any, name: str, first_row: int, path: Path, decimal: str) -> str:
    import pandas as pd

    cells = text.to_pandas()
    points = cells.str.contains(".", regex=False) if decimal == "," else False
    numbers = pd.to_numeric(cells.str.replace(decimal, ".", regex=False), errors="coerce")
    bad = np.flatnonzero(cells.notna() & (numbers.isna() | points))
    shown = "; ".join(f"row {first_row + row}: {cells.iloc[row]!r}" for row in bad[:3])
    advice = ""
    if any(DECIMAL_COMMA.fullmatch(str(cells.iloc[row])) for row in bad[:3]):
        advice = (
            ". Write them with decimal points; decimal commas are read if all coordinates have "
            "them and columns are separated by ';' or tabs"
        )
    elif decimal == ",":
        advice = ". The other coordinates have decimal commas"
    return f"{path}: the column {name!r} cannot be read as numbers ({shown}){advice}"
