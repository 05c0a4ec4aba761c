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
from playground.lab.table import WayRow

_ROW = TypeAdapter(WayRow)


class Results:
    """The rows that were measured, by a fact's prompt and a way.

    :param about: what every row depends on: model, seed, facts.
    """

    def __init__(self, path: Path, about: Mapping[str, Any]) -> None:
        """:raises PlaygroundError: the file is of something else, or no such file."""
        self.path = path
        data = path.read_bytes() if path.exists() else b""
        whole = data[: data.rfind(b"\n") + 1]
        head, self.rows = _parsed(path, whole)
        if len(whole) < len(data):  # a run was killed while it wrote
            path.write_bytes(whole)
        if not head:
            self._append(dict(about))
        elif head != dict(about):
            raise PlaygroundError(
                "{path} holds the results of something else: {head}. Name another file by --results, or delete it.",
                path=str(path),
                head=json.dumps(head, ensure_ascii=False)[:200],
            )

    def add(self, prompt: str, row: WayRow) -> None:
        """Keep one row, on the disk too."""
        if row.error is not None:
            row = replace(row, error=Message("{text}", {"text": str(row.error)}))
        self.rows[prompt, row.way] = row
        self._append({"prompt": prompt, "row": _ROW.dump_python(row, mode="json")})

    def _append(self, line: Mapping[str, Any]) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _parsed(path: Path, data: bytes) -> tuple[dict[str, Any], dict[tuple[str, str], WayRow]]:
    """The first line, and the rows of the others by prompt and way.

    :raises PlaygroundError: the file does not hold results.
    """
    try:
        # A text may hold other signs at which Python would cut lines.
        head, *lines = [json.loads(line) for line in data.decode().split("\n")[:-1]] or [{}]
        if not isinstance(head, dict):
            raise ValueError
        return head, {(line["prompt"], line["row"]["way"]): _ROW.validate_python(line["row"]) for line in lines}
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise PlaygroundError(
            "{path} does not hold results of the lab. Name another file by --results.", path=str(path)
        ) from error
