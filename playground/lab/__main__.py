"""Teach the facts of a file in CounterFact's format, each in every way, and print the means.

`python -m playground.lab PATH --cases 60 --ways rome,bm25`
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from playground.engine.facts.score import Case, case_of, losses
from playground.engine.recipe import Recipe, build
from playground.errors import PlaygroundError
from playground.lab.aggregate import aggregated, as_table
from playground.lab.begin import OTHERS
from playground.lab.lesson import from_case
from playground.lab.table import Row, row
from playground.lab.ways import WAYS, Room, passages_of
from playground.settings import settings


def main() -> None:
    """Read the file, teach, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("path", type=Path, help="a JSON list of cases")
    parser.add_argument("--cases", type=int, default=60, help="of those that the model knows")
    parser.add_argument("--skip", type=int, default=0, help="known cases to pass over first")
    parser.add_argument("--ways", default="base,in_context,bm25,dense,nudge,rome,ft,lora")
    parser.add_argument("--model", default=settings().model)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    ways = [way for way in WAYS if way in given.ways.split(",")]
    recipe = Recipe(model=given.model)
    every = [case_of(one) for one in json.loads(given.path.read_text("utf-8"))]
    cases = known(recipe, every, given.skip + given.cases)[given.skip :]
    print(f"{len(cases)} cases whose old answer {given.model} finds likelier than the new one\n")
    start, rows = time.perf_counter(), []
    for number, case in enumerate(cases, start=1):
        rows += list(rows_of(case, every, ways, recipe, given.seed))
        print(f"{number} of {len(cases)}, {time.perf_counter() - start:.0f} s", end="\r")
    print("\n" + as_table([aggregated(way, rows) for way in ways]))
    for one in (found for found in rows if found.error):
        print(f"{one.way} failed: {one.error}")


def known(recipe: Recipe, cases: Sequence[Case], most: int) -> list[Case]:
    """The first cases whose old answer the model finds likelier than the new one."""
    fork, found = build(recipe).fork, []
    for case in cases:
        old, new = losses(fork, [(case.prompt, case.old), (case.prompt, case.new)])
        if old < new:
            found.append(case)
        if len(found) == most:
            break
    return found


def rows_of(
    case: Case, every: Sequence[Case], ways: Sequence[str], recipe: Recipe, seed: int
) -> Iterator[Row]:  # fmt: skip
    """A row for each way; retrieval searches the fact among what the other cases say is true."""
    others = tuple(f"{one.prompt} {one.old.strip()}." for one in every if one.prompt != case.prompt)
    room = Room(recipe, passages_of(others[:OTHERS]), seed, kept=False, scope="file")
    for way in ways:
        try:
            yield row(way, from_case(case), room, whole=False)
        except PlaygroundError as error:
            yield Row(way, error=error.message)


if __name__ == "__main__":
    main()
