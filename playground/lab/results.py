"""Rows of many facts in a file that grows by a line for each, so that a long run can go on.

The first line says what was measured of what; a later run with other words there is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from playground.errors import Message, PlaygroundError
from playground.lab.table import Row

_ROW = TypeAdapter(Row)


class Results:
    """The rows that were measured, by a fact's prompt and a way.

    :param about: what every row depends on: model, seed, facts.
    """

    def __init__(self, path: Path, about: Mapping[str, Any]) -> None:
        """:raises PlaygroundError: the file is of something else, or no such file."""
        self.path, self.rows = path, dict[tuple[str, str], Row]()
        whole, torn = _lines(path)
        if torn:  # a run was killed while it wrote
            path.write_bytes(whole)
        head, *lines = _cut(whole) or [""]
        if head and json.loads(head) != dict(about):
            raise PlaygroundError(
                "{path} holds the results of something else: {head}. Name another file by --results, or delete it.",
                path=str(path),
                head=head[:200],
            )
        if not head:
            self._append(dict(about))
        for line in lines:
            one = json.loads(line)
            self.rows[one["prompt"], one["row"]["way"]] = _ROW.validate_python(one["row"])

    def add(self, prompt: str, row: Row) -> None:
        """Keep one row, on the disk too."""
        if row.error is not None:
            row = replace(row, error=Message("{text}", {"text": str(row.error)}))
        self.rows[prompt, row.way] = row
        self._append({"prompt": prompt, "row": _ROW.dump_python(row, mode="json")})

    def _append(self, line: Mapping[str, Any]) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _cut(whole: bytes) -> list[str]:
    """Whole lines; a text in them may hold other signs at which Python would cut."""
    return whole.decode().split("\n")[:-1]


def _lines(path: Path) -> tuple[bytes, bool]:
    """A file's whole lines, and whether more stood there.

    :raises PlaygroundError: it does not hold results.
    """
    given = path.read_bytes() if path.exists() else b""
    whole = given[: given.rfind(b"\n") + 1]
    try:
        for line in _cut(whole)[1:]:
            one = json.loads(line)
            _ROW.validate_python(one["row"])
            one["prompt"]
        if whole and not isinstance(json.loads(_cut(whole)[0]), dict):
            raise ValueError
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise PlaygroundError(
            "{path} does not hold results of the lab. Name another file by --results.", path=str(path)
        ) from error
    return whole, len(whole) < len(given)
