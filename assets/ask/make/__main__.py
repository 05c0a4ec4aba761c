"""`python -m assets.ask.make`: tries every way on the first example of the Ask tab, and writes what came of it."""

import json

from playground.ask.cards import USUAL_WAYS, try_ways
from playground.ask.question import Asked
from playground.ask.sheet import SHIPPED, AskSheet, ask_sheet_to_json
from playground.engine.recipe import Recipe
from playground.ui.ask.examples import ASK_EXAMPLES

MODEL = "smollm2-135m-instruct"


def main() -> None:
    """Try every way on the first example."""
    first = ASK_EXAMPLES[0]
    about = Asked(question=first.question, answer=first.answer, text=first.text, needs=first.needs)
    *_, cards = try_ways(about, Recipe(model=MODEL), USUAL_WAYS)
    sheet = AskSheet(about=about, model=MODEL, ways=USUAL_WAYS).with_cards(cards, str)
    SHIPPED.write_text(json.dumps(ask_sheet_to_json(sheet), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


main()
