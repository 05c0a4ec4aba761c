"""`python -m assets.lab.make`: teaches the first ready fact in the usual ways, and writes the table."""

import json

from playground.engine.recipe import Recipe
from playground.lab.ready_lessons import ready
from playground.lab.sheet import EXAMPLE, LabSheet, sheet_to_json
from playground.lab.table import teach
from playground.lab.ways import BASE, Room, usual_ways
from playground.lab.ways.prompt import others_of
from playground.ui.text import tell

MODEL = "smollm2-135m-instruct"


def main() -> None:
    """The base and every way that is ticked at first, with seed 0."""
    fact = ready()[0]
    room = Room(recipe=Recipe(model=MODEL), others=others_of(fact.corpus, 0), kept=False)
    table = LabSheet(fact.lesson(), others=fact.corpus)
    for row in teach(table.lesson, [BASE, *usual_ways()], room):
        table = table.with_row(row, lambda message: tell("en", message))
        print(row.way, f"{row.apply_seconds:.1f} s", flush=True)
    EXAMPLE.write_text(json.dumps(sheet_to_json(table), ensure_ascii=False) + "\n", encoding="utf-8")


main()
