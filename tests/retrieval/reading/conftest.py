"""Reading files as a visitor's are read, with what must hold of every call."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from playground.retrieval.reading import child, files
from playground.retrieval.reading.files import read_files
from playground.retrieval.reading.results import Read

SOURCE_ROOT = Path(__file__).parents[3]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[child.Child]]:
    """Every child of the test; each has ended by the time that the call is over."""
    children: list[child.Child] = []

    class Kept(child.Child):
        def __init__(self, request: dict) -> None:
            super().__init__(request)
            children.append(self)

    monkeypatch.setattr(files, "Child", Kept)
    yield children
    assert [c for c in children if c._process.returncode is None] == []


@pytest.fixture
def read(tmp_path: Path, started: list[child.Child]) -> Callable[..., Read]:
    """Write files and read them: in under 10 seconds of work, with nothing added to the disk.

    :param grown: how many bytes this process may take for it, on top of what it gives back.
    """

    def read(*given: tuple[str, bytes | Path], grown: int = 2_000_000, **more: float) -> Read:
        folder = tmp_path / "given"
        folder.mkdir(exist_ok=True)
        paths = []
        for number, (name, content) in enumerate(given):
            path = content if isinstance(content, Path) else folder / str(number)
            if isinstance(content, bytes):
                path.write_bytes(content)
            paths.append((name, path))
        before = sorted(tmp_path.rglob("*"))
        tracemalloc.start()
        begun = sum(os.times()[:4])  # the child's time too
        found = read_files(paths, **more)
        seconds = sum(os.times()[:4]) - begun
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert seconds < 10
        assert peak < grown + 40 * sum(len(p.text) for d in found.documents for p in d.parts)
        assert sorted(tmp_path.rglob("*")) == before
        return found

    return read


@pytest.fixture
def child_does(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Change what a child does, by code that runs in it before it starts to read."""
    command = child.command()

    def does(code: str) -> None:
        place = command.index("-c") + 1
        first = "import sys; sys.path.insert(0, sys.argv[1])\n"
        first += "from playground.retrieval.reading import worker\n"
        script = first + dedent(code) + "\nworker.main()\n"
        monkeypatch.setattr(child, "command", lambda: [*command[:place], script, str(SOURCE_ROOT)])

    return does
