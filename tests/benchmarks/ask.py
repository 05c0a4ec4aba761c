"""Ask: how soon each card is there, what the examples' verdicts are, and how often a verdict holds.

Usage: `make bench ARGS=ask` for the examples, `make bench ARGS="ask facts 60"` for the facts of `ask_facts.json`,
which ship with no page: each is asked as the page asks it, and then, longer, in twelve other wordings and with one in
three of all other facts; by those figures the best way is found again. A number is how many facts, a second one where
to begin.
"""

import json
import sys
import time
from dataclasses import replace
from functools import cache
from pathlib import Path

from playground.ask.cards import USUAL_WAYS, try_ways
from playground.ask.judging import says_right
from playground.ask.question import Asked
from playground.ask.verdict import ask_verdict, differ, ruled_in
from playground.ask.ways import ASK_WAYS, as_written
from playground.engine.build import build
from playground.engine.decoding.answering import answer_texts
from playground.engine.recipe import Recipe, parse
from playground.engine.work import QUIET
from playground.lab.collateral import readings
from playground.lab.known_facts import known_facts
from playground.ui.ask.examples import ASK_EXAMPLES

MODEL = "smollm2-135m-instruct"
FACTS = Path(__file__).with_name("ask_facts.json")
LONGER = (
    "{q} I need to know this.",
    "Could you tell me: {q}",
    "{q} Thank you!",
    "My teacher asked me: {q}",
    "Answer this question. {q}",
    "Help me with this, please. {q}",
    "{q} One short sentence is enough.",
    "I forgot something. {q}",
    "Let us play a quiz. First question: {q}",
    "Question: {q}",
    "For my notes: {q}",
    "{q} What do you think?",
)
PASSES = 9  # of the twelve
KINDS = 20  # facts of a kind stand together: with a text, invented, and against what the model knows
EVERY = 3  # of the other facts, one in so many is asked again


def main():
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    if "facts" in sys.argv:
        facts(*(numbers or [60]))
    else:
        examples()


def examples():
    recipe = Recipe(model=MODEL)
    build(recipe)
    print("| example | first card, s | all but training, s | all, s | verdict |\n|---|---|---|---|---|")
    for example in ASK_EXAMPLES:
        about = Asked(question=example.question, answer=example.answer, text=example.text, needs=example.needs)
        start, first, quick, cards = time.perf_counter(), None, None, []
        for cards in try_ways(about, recipe, USUAL_WAYS):
            now = time.perf_counter() - start
            if first is None and any(card.answer_seconds and card.judged for card in cards):
                first = now
            if quick is None and all(
                any(c.way == way and (c.error or c.judged) for c in cards) for way in USUAL_WAYS[:-1]
            ):
                quick = now
        said = ask_verdict(cards, about.needs, about.texts)
        total = time.perf_counter() - start
        right = " ".join(f"{card.way} {card.right}/4" for card in cards)
        print(
            f"| {example.key} | {first:.1f} | {quick:.1f} | {total:.1f} | {said.best or said.why.key} ({right}) |",
            flush=True,
        )


def facts(count, first=0):
    recipe, same, level, of = Recipe(model=MODEL), 0, 0, 0
    rows = json.loads(FACTS.read_text("utf-8"))
    mixed = sorted(range(len(rows)), key=lambda place: (place % KINDS, place))  # of each kind in turn
    for number in mixed[first : first + count]:
        row = rows[number]
        about = Asked(question=row["q"], answer=row["a"], text=row.get("t", ""), needs=tuple(row["n"]))
        *_, cards = try_ways(about, recipe, USUAL_WAYS)
        said = ask_verdict(cards, about.needs, about.texts).best
        long = {card.way: longer(about, card) for card in cards if card.wordings}
        best, levels = choose(long, about)
        of, same, level = of + 1, same + (said == best), level + (said in levels or said == best)
        shown = " ".join(f"{way} {right}/12 −{lost}" for way, (right, lost) in long.items())
        print(f"{number} {row['q']} | says {said} | longer {best} {sorted(levels)} | {shown}", flush=True)
        print(f"  so far: {same} of {of} the same way, {level} not beaten", flush=True)


def longer(about, card):
    """(right of twelve wordings, facts lost of all that were known) of a way."""
    row, recipe = ASK_WAYS[card.way], parse(card.recipe)
    made = (replace(row, prepare=as_written) if row.writes else row).prepare(about, recipe, QUIET)
    asked = [form.replace("{q}", about.question) for form in LONGER]
    texts = answer_texts(made.fork, [made.put(question).prompt for question in asked], 32)
    right = sum(says_right(about.answer, text) for text in texts)
    facts = known()
    new = readings(made.fork, [(made.before(f.prompt) + f.prompt, f.target) for f in facts])
    return right, sum(not reading.right for reading in new)


@cache
def known():
    """One in three of the other facts that the base knows."""
    facts = known_facts()[::EVERY]
    old = readings(build(Recipe(model=MODEL)).fork, [(fact.prompt, fact.target) for fact in facts])
    return [fact for fact, reading in zip(facts, old, strict=True) if reading.right]


def choose(long, about):
    """The best way by the longer figures, and all that are as good: the rule of the verdict, written again."""
    if long["base"][0] >= PASSES:
        return "base", {"base"}
    able = {w: f for w, f in long.items() if w != "base" and ruled_in(w, about.needs) and f[0] >= PASSES}
    if not able:
        return None, set()
    most = max(right for right, _ in able.values())
    level = {way: lost for way, (right, lost) in able.items() if right >= most - 1}
    least = min(level.values())
    level = {way for way, lost in level.items() if not differ(lost, least)}
    first = "passages" if about.texts else "prompt"
    return min(level, key=lambda way: (ASK_WAYS[way].into != first, list(ASK_WAYS).index(way))), level
