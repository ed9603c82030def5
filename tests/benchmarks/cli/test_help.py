"""What `--help` says, and by which name the program calls itself."""

from __future__ import annotations

import argparse
import ast
import errno
import resource
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from itertools import groupby
from pathlib import Path

import pytest

from satclip_bench.benchmarks import cli
from satclip_bench.benchmarks.cli.command import Command
from satclip_bench.benchmarks.cli.options import seeds
from satclip_bench.benchmarks.cli.parser import COMMANDS, make_parser
from satclip_bench.benchmarks.commands import show
from satclip_bench.core.errors import ASK_PERMISSION
from satclip_bench.core.program import INSTALLED, SCRIPT

ROOT = Path(__file__).parents[3]
FOLDERS = ("benchmarks", "core", "encoders", "tasks")


def parsers() -> dict[str, argparse.ArgumentParser]:
    """The parser of each command, by the command's name."""
    (subparsers,) = (a for a in make_parser()._actions if isinstance(a, argparse._SubParsersAction))
    return dict(subparsers.choices)


def console_script(folder: Path) -> Path:
    """A script like the one that pip writes for the entry point in pyproject.toml."""
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    module, _, function = scripts[INSTALLED].partition(":")
    path = folder / INSTALLED
    path.write_text(f"import sys\nfrom {module} import {function}\nsys.exit({function}())\n")
    return path


def call(script: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(script), *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_help_is_quick_and_imports_nothing_heavy(tmp_path: Path) -> None:
    seconds, cpu_seconds = [], []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.perf_counter()
        done = call(ROOT / SCRIPT, "--help", cwd=tmp_path)
        seconds.append(time.perf_counter() - start)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu_seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert done.returncode == 0
    assert "examples:" in done.stdout
    assert min(seconds) < 0.5
    assert min(cpu_seconds) < 0.2
    code = (
        "import sys; import satclip_bench.benchmarks.cli as c\n"
        "try: c.main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'pandas', 'matplotlib', 'rich'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_help_lists_every_command_once_under_its_group() -> None:
    text = make_parser().format_help()
    groups = [group for group, _ in groupby(command.group for command in COMMANDS)]
    assert len(groups) == len(set(groups))
    positions = [text.index(f"\n{group}:\n") for group in groups]
    assert positions == sorted(positions)
    for command in COMMANDS:
        lines = [line for line in text.splitlines() if line.startswith(f"  {command.name}  ")]
        assert [line.split(maxsplit=1)[1] for line in lines] == [command.summary]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_explains_itself(
    command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main([command.name, "--help"])
    assert stopped.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith(f"usage: {INSTALLED} {command.name} ")
    assert len(command.summary) > 20
    assert not command.summary.endswith(".")
    assert len(command.description) > 50
    assert f"{INSTALLED} {command.name}" in text.partition("examples:")[2]
    assert "{program}" not in text


@pytest.mark.parametrize("name", parsers())
def test_every_option_says_what_it_is_and_its_default(name: str) -> None:
    """A flag's default is that it is not set; every other option names its default."""
    for action in parsers()[name]._actions:
        option = "/".join(action.option_strings) or action.dest
        if option == "-h/--help":
            continue
        text = action.help or ""
        assert text != argparse.SUPPRESS, option
        assert len(text) > 20, option
        flag = action.nargs == 0
        repeatable = isinstance(action, argparse._AppendAction)
        explained = ("default", "required", "repeat", "such as")
        assert flag or any(word in text for word in explained), option
        if not flag and not repeatable and action.option_strings:
            assert ("default" in text) or action.required, option
        if action.required and action.option_strings:
            assert "required" in text, option


def test_the_program_calls_itself_by_the_name_that_was_typed(tmp_path: Path) -> None:
    names = {
        ROOT / SCRIPT: (f"python {SCRIPT}", INSTALLED),
        console_script(tmp_path): (INSTALLED, SCRIPT),
    }
    for script, (name, other) in names.items():
        overview = call(script, "--help", cwd=tmp_path)
        assert overview.stdout.startswith(f"usage: {name} [COMMAND]")
        assert f"  {name} run --suite quick" in overview.stdout
        of_command = call(script, "embed", "--help", cwd=tmp_path)
        assert of_command.stdout.startswith(f"usage: {name} embed ")
        unknown = call(script, "rnu", cwd=tmp_path)
        assert "error: no command is called 'rnu'" in unknown.stderr
        assert f"`{name} --help`" in unknown.stderr
        hint = call(script, "leaderboard", "--out", "nowhere", cwd=tmp_path)
        assert f"`{name}`" in hint.stderr
        for done in (overview, of_command, unknown, hint):
            assert other not in done.stdout + done.stderr


def messages(path: Path) -> Iterator[tuple[int, str]]:
    """The literals of a module that are not docstrings, with their lines."""
    tree = ast.parse(path.read_text())
    statements = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in statements:
            yield node.lineno, str(node.value)


def test_no_message_fixes_the_name_of_the_program() -> None:
    fixed = [
        f"{path.relative_to(ROOT)}:{line}"
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*.py"))
        for line, text in messages(path)
        if SCRIPT in text and path != ROOT / "core" / "program.py"
    ]
    assert fixed == []


def test_an_interrupt_says_what_is_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(options: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    for name, kept in (
        ("run", "interrupted; finished cells are kept, and the same command runs the rest\n"),
        ("pretrain", "interrupted; finished epochs are kept, and --resume continues from the "),
        ("list", "interrupted\n"),
    ):
        # The table is frozen data; only the function that it calls is replaced.
        command = next(c for c in COMMANDS if c.name == name)
        with monkeypatch.context() as patch:
            patch.setitem(command.__dict__, "call", stop)
            assert cli.main([name, *(["tasks"] if name == "list" else [])]) == 130
        assert capsys.readouterr().err.startswith(kept)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("99999999999999999999", "out of range: seeds are whole numbers from 0 to 4294967295"),
        ("4294967296", "out of range"),
        ("0-4294967295", "more than 1,000,000 seeds"),
        ("0-9" * 2000, "is not a list of seeds"),
        ("-1", "is not a list of seeds"),
        ("\N{SUPERSCRIPT TWO}", "is not a list of seeds"),
        ("1_0", "is not a list of seeds"),
        ("3-1", "runs backwards"),
        ("", "is not a list of seeds"),
    ],
)
def test_seeds_that_no_run_can_have_are_refused(text: str, words: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=words):
        seeds(text)


def test_seeds_are_parsed() -> None:
    assert seeds("4294967295, 007,0 - 2") == (2**32 - 1, 7, 0, 1, 2)
    assert len(seeds("0-100000")) == 100_001


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"satclip-bench {version('satclip-bench')}\n"


def test_what_the_system_refuses_is_named_with_advice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(what: str, patterns: object, *, as_json: bool) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", "secret/file")

    monkeypatch.setattr(show, "show_list", refuse)
    assert cli.main(["list", "tasks"]) == 1
    expected = f"error: secret/file cannot be used: Permission denied. {ASK_PERMISSION}\n"
    assert capsys.readouterr().err == expected
