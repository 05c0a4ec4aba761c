"""The table of the sources on all of the handbook's questions: base, tuned, edited and both x what stands before.

Usage: `make bench ARGS=sources`; a number is how many questions, a path where answers are kept so that a run goes on.
Tuned: the shipped adapter, which learned the handbook from other wordings. Edited: MEMIT with the facts behind the
questions, each as the sentence that Ask proposes; half as many where so many at once harm the model and are withdrawn.
"""

import sys
from pathlib import Path

from playground.ask.question import Asked
from playground.compare import source_names
from playground.engine.build import build
from playground.engine.recipe import Recipe, parse_edit
from playground.errors import RecipeError
from playground.retrieval.corpus import load_corpus
from playground.sources.asking import ask_table, source_contestant
from playground.sources.kept import table_from_text, table_text
from playground.sources.table import Source, SourcesTable, cells, some

MODEL, CORPUS = "smollm2-135m-instruct", "lantern-handbook"
NAMES = ("base", "tuned", "edited", "both")


def main():
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    paths = [Path(word) for word in sys.argv[1:] if word.endswith(".json")]
    corpus = load_corpus(CORPUS)
    questions = some(corpus.questions, numbers[0] if numbers else len(corpus.questions))
    adapter, edit = parse_edit({"kind": "adapter", "source": "handbook"}), edited(questions)
    recipes = [Recipe(model=MODEL, edits=edits) for edits in ((), (adapter,), (edit,), (edit, adapter))]
    sources = tuple(Source(row, name) for row in range(len(recipes)) for name in source_names())
    who = [source_contestant(source, recipes[source.weights], corpus, 1) for source in sources]
    table = SourcesTable(questions=tuple(questions), sources=sources)
    if paths and paths[0].exists():
        table = table_from_text(paths[0].read_bytes())
    for grown in ask_table(table, who):
        table = grown
        for path in paths[:1]:
            path.write_bytes(table_text(table))
    show(table)


def edited(questions):
    """As many facts at once as the model bears."""
    statements = [Asked(question=q.question, answer=q.answer).statement() for q in questions]
    facts = [{"subject": s.subject, "prompt": s.prompt, "target": s.target} for s in statements]
    edit = parse_edit({"kind": "edit_fact", "method": "memit", "facts": facts})
    try:
        receipt = build(Recipe(model=MODEL, edits=(edit,))).receipts[-1]
    except RecipeError as withdrawn:
        print(f"MEMIT of {len(facts)} facts:", withdrawn, flush=True)
        return edited(some(questions, len(questions) // 2))
    print(f"MEMIT of {len(facts)} facts: {receipt.seconds:.0f} s;", *map(str, receipt.warnings[-1:]), flush=True)
    return edit


def show(table):
    """Right answers, their intervals, and whether a source can be told from the base without documents."""
    names, found = source_names(), cells(table)
    print(f"\n| weights | {' | '.join(names)} |\n|---|{'---|' * len(names)}")
    for row, name in enumerate(NAMES):
        own = [cell for cell, source in zip(found, table.sources, strict=True) if source.weights == row]
        print(f"| {name} | {' | '.join(map(_cell, own))} |", flush=True)
    best = max(range(len(found)), key=lambda place: found[place].right)
    level = [place for place, cell in enumerate(cells(table, best)) if place != best and not cell.told_apart]
    titles = [f"{NAMES[source.weights]} + {source.before}" for source in table.sources]
    print(f"\nbest: {titles[best]}; not told apart from it: {', '.join(titles[place] for place in level)}")


def _cell(cell):
    low, high = cell.interval
    return f"{cell.right}/{cell.of} [{low:.0%}–{high:.0%}]{'' if cell.told_apart or cell.chance is None else ' ='}"
