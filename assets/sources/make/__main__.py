"""`python -m assets.sources.make`: asks the handbook's questions as the page does at first, and writes the table."""

import json
import sys

from playground.compare import Contestant, source_names
from playground.engine.recipe import Recipe, parse_edit
from playground.retrieval.corpus import load_corpus
from playground.sources.asking import ask_table, source_contestant
from playground.sources.kept import table_text
from playground.sources.table import Source, SourcesTable, some
from playground.ui.compare.sources_view import EXAMPLE
from playground.ui.text import say

MODEL = "smollm2-135m-instruct"
CORPUS, ADAPTER = "lantern-handbook", "handbook"
QUESTIONS = int(sys.argv[1]) if len(sys.argv) > 1 else 20


def contestants(sources: tuple[Source, ...], recipes: list[Recipe]) -> list[Contestant]:
    """One for each source."""
    corpus = load_corpus(CORPUS)
    return [source_contestant(source, recipes[source.weights], corpus, 1) for source in sources]


def main() -> None:
    """The base and the adapter that learned the handbook, with everything that may stand before the question."""
    adapter = parse_edit({"kind": "adapter", "source": ADAPTER})
    recipes = [Recipe(model=MODEL), Recipe(model=MODEL, edits=(adapter,))]
    sources = tuple(Source(row, name) for row in range(len(recipes)) for name in source_names())
    corpus = load_corpus(CORPUS)
    table = SourcesTable(questions=tuple(some(corpus.questions, QUESTIONS)), sources=sources)
    for grown in ask_table(table, contestants(sources, recipes)):
        print(len(grown.answers), "of", len(grown.questions), flush=True)
        table = grown
    weights = [say("en", "weights_base"), say("en", f"shipped_{ADAPTER}")]
    data = {"weights": weights, "corpus": corpus.title, "table": json.loads(table_text(table))}
    EXAMPLE.write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


main()
