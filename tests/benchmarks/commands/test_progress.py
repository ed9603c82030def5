"""Progress in a narrow terminal and in a log file."""

from __future__ import annotations

import io
import itertools
import re

from rich.console import Console

from satclip_bench.benchmarks.commands.progress import Meter


def shown(console: Console, steps: int) -> str:
    assert isinstance(console.file, io.StringIO)
    with Meter(console) as meter:
        meter.start("cells", 2008)
        for _ in range(steps):
            meter.advance("cells", "ecoregions satclip-bluemarble.l40 random linear")
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", console.file.getvalue())


def test_a_narrow_terminal_cuts_off_the_name_and_no_number() -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=True)
    line = shown(console, 600).splitlines()[-1]
    assert re.search(r"600/2008 \d:\d\d:\d\d [\d:-]+ ecoregions \S*…$", line), line
    assert len(line) == 80


def test_a_log_file_has_lines_and_no_bars() -> None:
    lines = shown(Console(file=io.StringIO(), width=80), 600).splitlines()
    assert [line.rpartition(",")[0] for line in lines] == [
        f"cells: {done} of 2008" for done in (200, 400, 600)
    ]


def test_a_log_file_has_a_line_after_a_minute_without_one() -> None:
    seconds = itertools.count(0.0, 25.0)
    console = Console(file=io.StringIO(), width=80, get_time=lambda: next(seconds))
    lines = shown(console, 30).splitlines()
    done = [int(line.split()[1]) for line in lines]
    assert len(done) > 3
    assert 0 < done[0] < 30
