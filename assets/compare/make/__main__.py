"""`python -m assets.compare.make`: asks the first question with what finds it and without, and writes the answers."""

from pydantic import TypeAdapter

from playground.compare import Answer, Contestant, compare
from playground.engine.decoding.generate import Sampling
from playground.engine.recipe import Recipe
from playground.ui.compare.example import EXAMPLE
from playground.ui.parts.comparison import FIRST_PROMPT, K
from playground.ui.parts.corpus_menu import FIRST_CORPUS

BASE = Recipe(model="smollm2-135m-instruct")
SOURCES, TOKENS = ("none", "bm25", "dense"), 32  # what stands before the question


def main() -> None:
    """The base alone, and with what stands before the question at first."""
    who = [
        Contestant(label=name, recipe=BASE, retriever=name, corpus_id="" if name == "none" else FIRST_CORPUS, k=K)
        for name in SOURCES
    ]
    *_, answers = compare(who, FIRST_PROMPT, Sampling(TOKENS))
    EXAMPLE.write_bytes(TypeAdapter(list[Answer]).dump_json(answers, indent=1, exclude_defaults=True) + b"\n")


main()
