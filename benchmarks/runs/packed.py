"""Look-up of records in the segments of a run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from satclip_bench.benchmarks.runs.record import Record
from satclip_bench.benchmarks.runs.record_files import parse_record
from satclip_bench.benchmarks.runs.segments import Segment, list_segments
from satclip_bench.core.errors import RecordError


class PackedRecords:
    """The records in the segments of a run.

    Args:
        folder: folder of the run.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: tuple[Segment, ...] | None = None
        self._opened: tuple[Segment, list[str]] | None = None

    def segments(self) -> tuple[tuple[Segment, ...], tuple[str, ...]]:
        """The segments that the folder has now, oldest first, and messages about damaged ones."""
        # Segments never change, so that one is not read twice.
        known = {segment.path: segment for segment in self._known or ()}
        segments, problems = [], []
        for listed in list_segments(self.folder):
            segment = known.get(listed.path, listed)
            try:
                _ = segment.index
                segments.append(segment)
            except RecordError as error:
                problems.append(str(error))
        self._known = tuple(segments)
        return self._known, tuple(problems)

    def has(self, key: str) -> bool:
        """Whether a segment that is known has the record with this key, and its predictions."""
        return self._newest(key) is not None

    def holding(self, key: str) -> Segment | None:
        """The newest segment that has the record with this key, and all its predictions.

        Segments that were written since `segments` was called are looked at if no other has it.
        """
        known = self._newest(key)
        if known is None:
            self.segments()
            return self._newest(key)
        return known

    def find_all(self, keys: Iterable[str]) -> dict[str, Record]:
        """The records with these keys that are in segments which are known, with predictions."""
        wanted: defaultdict[Segment, list[str]] = defaultdict(list)
        for key in keys:
            if segment := self._newest(key):
                wanted[segment].append(key)
        found: dict[str, Record] = {}
        for segment, its_keys in wanted.items():
            if self._opened is None or self._opened[0] is not segment:
                self._opened = (segment, segment.records())
            contents = self._opened[1]
            found |= {key: parse_record(contents[segment.index[key]]) for key in its_keys}
        return found

    def _newest(self, key: str) -> Segment | None:
        known = self.segments()[0] if self._known is None else self._known
        whole = (s for s in reversed(known) if key in s.index and not s.problem)
        return next(whole, None)
