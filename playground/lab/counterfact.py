"""Teach the facts of a file in CounterFact's format, each in every way, and print the means.

`python -m playground.lab PATH --cases 60 --ways rome,bm25`

The table is printed after every fact. Rows go into a results file as they are measured: the same
command goes on from there, also after Ctrl-C.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from playground.engine.build import build
from playground.engine.decoding.continuation import answer_lines, likelihoods
from playground.engine.facts.score import Case, case_of
from playground.engine.recipe import Recipe
from playground.errors import PlaygroundError
from playground.lab.aggregate import aggregated, as_table
from playground.lab.lesson import from_case
from playground.lab.results import Results
from playground.lab.table import WayRow, row
from playground.lab.ways import BASE, WAYS, Room, usual_ways
from playground.lab.ways.prompt import OTHERS, passages_of
from playground.settings import settings

AT_ONCE = 8  # facts that are asked together whether the model knows them
INTERRUPTED = 130  # what a shell expects of a program that Ctrl-C ended


def main(words: Sequence[str] | None = None) -> int:
    """Read the file, teach, print; the exit code."""
    options = _parser().parse_args(words)
    ways = [way for way in WAYS if way in options.ways.split(",")]
    if not ways:
        print(f"No way is named. Choose from: {', '.join(WAYS)}.", file=sys.stderr)
        return 2
    text = options.path.read_text("utf-8")
    cases = [case_of(data) for data in json.loads(text)]
    path = options.results or Path(f"lab-{options.path.stem}.jsonl")
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    try:
        about = {"model": options.model, "seed": options.seed, "facts": digest, "format": 1}
        results = Results(path, about)
    except PlaygroundError as error:
        print(error, file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a table then too
    try:
        _run(options, cases, ways, results)
    except KeyboardInterrupt:
        print(f"\nStopped. The same command goes on from {path}. So far:\n")
        _print(results, ways)
        return INTERRUPTED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("path", type=Path, help="a JSON list of cases")
    parser.add_argument("--cases", type=int, default=60, help="of those that the model knows")
    parser.add_argument("--skip", type=int, default=0, help="known cases to pass over first")
    parser.add_argument("--ways", default=",".join([BASE, *usual_ways()]), help=f"out of {', '.join(WAYS)}")
    parser.add_argument("--model", default=settings().model)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, help="file to keep rows in, and to go on from")
    return parser


def _run(options: Any, cases: Sequence[Case], ways: Sequence[str], results: Results) -> None:
    """Teach what is not in the results yet; a table after each fact, and at the end."""
    recipe, start, taught = Recipe(model=options.model), time.perf_counter(), 0
    print(f"Looking for {options.cases} cases that {options.model} knows…", flush=True)
    known = known_cases(recipe, cases, options.skip + options.cases)[options.skip :]
    print(f"{len(known)} cases whose old answer {options.model} finds likelier than the new one")
    for number, case in enumerate(known, start=1):
        missing = [way for way in ways if (case.prompt, way) not in results.rows]
        if not missing:
            continue
        began = time.perf_counter()
        for result in case_rows(case, cases, missing, recipe, options.seed):
            results.add(case.prompt, result)
            took = f"{time.perf_counter() - began:.0f} s"
            what = f"failed: {result.error}" if result.error else took
            print(f"  {number} of {len(known)}, {result.way}: {what}", flush=True)
        taught += 1
        each = (time.perf_counter() - start) / taught
        print(f"\n{number} of {len(known)} done, {each:.0f} s each\n")
        _print(results, ways)
    print("\nAll done.\n")
    _print(results, ways)


def _print(results: Results, ways: Sequence[str]) -> None:
    """The means over the facts that were taught in every one of some ways."""
    prompts = dict.fromkeys(prompt for prompt, _ in results.rows)
    complete = [prompt for prompt in prompts if all((prompt, way) in results.rows for way in ways)]
    rows = [results.rows[prompt, way] for prompt in complete for way in ways]
    print(as_table([aggregated(way, rows) for way in ways]), flush=True)


def known_cases(recipe: Recipe, cases: Sequence[Case], most: int) -> list[Case]:
    """The first cases whose old answer the model finds likelier than the new one."""
    fork, known = build(recipe).fork, list[Case]()
    for start in range(0, len(cases), AT_ONCE):
        part = cases[start : start + AT_ONCE]
        answers = [(case.prompt, answer) for case in part for answer in (case.old, case.new)]
        nats = [answer.loss for answer in likelihoods(fork, answer_lines(fork.base, answers))]
        pairs = zip(part, nats[::2], nats[1::2], strict=True)
        known += [case for case, old, new in pairs if old < new]
        if len(known) >= most:
            break
    return known[:most]


def case_rows(case: Case, cases: Sequence[Case], ways: Sequence[str], recipe: Recipe, seed: int) -> Iterator[WayRow]:
    """A row for each way; retrieval searches the fact among what the other cases say is true."""
    others = tuple(f"{other.prompt} {other.old.strip()}." for other in cases if other.prompt != case.prompt)
    room = Room(recipe=recipe, others=passages_of(others[:OTHERS]), seed=seed, kept=False, scope="file")
    for way in ways:
        try:
            yield row(way, from_case(case), room, whole=False)
        except PlaygroundError as error:
            yield WayRow(way=way, error=error.message)
