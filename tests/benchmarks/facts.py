"""What editing facts does to SmolLM2, on CounterFact's cases that it knows.

Usage: `make bench ARGS=facts` for every method, or `make bench ARGS="facts rome memit"` for some;
a number is how many cases are read (60), `tune` reads the first half only, `rest` the second.
`row` teaches the first 30 one after another instead, by `rome` and by `memit`.
Efficacy, paraphrase and locality count where the wanted answer is likelier than the other one;
written are those where the model writes the new answer after the bare prompt (`lab.evaluation`).
A case is known where the old answer is likelier than the new one. Settings were chosen on the
first 30; the other 30 were not looked at before.
"""

import json
import sys
import time
from pathlib import Path

from playground.engine.build import build, extended
from playground.engine.decoding.continuation import answer_lines, likelihoods
from playground.engine.facts.edit import USUAL
from playground.engine.facts.score import case_of, score
from playground.engine.measuring import measure
from playground.engine.recipe import Recipe, parse
from playground.lab.evaluation import responses_to
from playground.lab.intervals import wilson
from playground.lab.lesson import lesson
from playground.lab.sequential import NewFact
from playground.lab.sequential import in_sequence as row_points
from playground.lab.ways import Taught

MODEL = "smollm2-135m-instruct"
DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "counterfact_300.json"
CASES, TOGETHER = 60, 50
ROW_METHODS = "rome", "memit"
PERPLEXITY_EVERY = 6  # single edits, of which general text is read


def known(base, count):
    """The first cases whose old answer the base finds likelier."""
    found = []
    for data in json.loads(DATA.read_text(encoding="utf-8")):
        case = case_of(data)
        pairs = [(case.prompt, case.new), (case.prompt, case.old)]
        new, old = (one.loss for one in likelihoods(base, answer_lines(base.base, pairs)))
        if old < new:
            found.append(case)
        if len(found) == count:
            break
    return found


def edited(base, method, cases):
    """The fork with some facts, and the receipt."""
    facts = [{"subject": c.subject, "prompt": c.prompt, "target": c.new} for c in cases]
    edit = {"kind": "edit_fact", "method": method, "facts": facts}
    [parsed] = parse({"model": MODEL, "edits": [edit]}).edits
    built = extended(base, parsed)
    return built.fork, built.receipts[-1]


def one_by_one(base, method, cases, before):
    """Each case on a fork of its own: means of the figures, the slowest and the mean seconds."""
    figures, ratios, seconds, cpu, said = [], [], [], [], 0
    for number, case in enumerate(cases):
        start = time.process_time()
        fork, receipt = edited(base, method, [case])
        seconds.append(receipt.seconds)
        cpu.append(time.process_time() - start)
        found = score(fork, [case])
        figures.append([found.efficacy, found.paraphrase, found.neighbourhood])
        said += writing(fork, [case])
        if number % PERPLEXITY_EVERY == 0:
            ratios.append(perplexity(fork) / before)
    columns = [
        (sum(f.share for f in column) / len(column), sum(f.probability for f in column) / len(column))
        for column in zip(*figures, strict=True)
    ]
    mean = sum(seconds) / len(seconds), sum(cpu) / len(cpu)
    return columns, share(said, len(cases)), max(ratios), *mean


def together(base, method, cases, before):
    """All cases in one edit."""
    start = time.process_time()
    fork, receipt = edited(base, method, cases)
    cpu = time.process_time() - start
    found = score(fork, cases)
    figures = (found.efficacy, found.paraphrase, found.neighbourhood)
    columns = [(figure.share, figure.probability) for figure in figures]
    told = share(writing(fork, cases), len(cases))
    return columns, told, perplexity(fork) / before, receipt.seconds, cpu


def writing(fork, cases):
    """In how many cases the fork writes the new answer after the bare prompt."""
    taught = Taught(fork=fork, recipe=Recipe(model=MODEL))
    lessons = [lesson(case.fact(), case.old) for case in cases]
    return sum(responses_to(taught, one, least=1)[0].written for one in lessons)


def share(right, of):
    low, high = wilson(right, of)
    return f"{right / of:.0%} [{low:.0%} to {high:.0%}]"


def in_a_row(cases):
    """Efficacy on all facts so far, and general text, after some of them."""
    facts = [NewFact(c.subject, c.prompt, c.fact().target, f" {c.old.strip()}") for c in cases]
    print("| method | facts | likelier | written | probability | perplexity, x base | seconds |")
    print("|---|---|---|---|---|---|---|")
    for method in ROW_METHODS:
        seconds = 0.0
        for point in row_points(Recipe(model=MODEL), method, facts):
            seconds += point.seconds
            if point.failed:
                print(f"{method}, fact {point.count}: {point.failed}")
            if point.count in (1, 2, *range(5, len(facts) + 1, 5)):
                print(
                    f"| {method} | {point.count} | {point.efficacy:.0%} "
                    f"| {point.written:.0%} | {point.probability:.2f} "
                    f"| {point.perplexity_ratio:.3f} | {seconds:.1f} |",
                    flush=True,
                )


def perplexity(fork):
    return measure.perplexity(fork, measure.shipped_text()).perplexity


def row(name, columns, told, ratio, seconds, cpu):
    cells = " | ".join(f"{share:.0%} ({probability:.3f})" for share, probability in columns)
    print(f"| {name} | {told} | {cells} | {ratio:.3f} | {seconds:.1f} | {cpu:.1f} |", flush=True)


def main():
    words = sys.argv[1:]
    count = next((int(word) for word in words if word.isdigit()), CASES)
    chosen = [method for method in USUAL if method in words] or list(USUAL)
    base = build(parse({"model": MODEL}))
    cases = known(base.fork, count)
    half = {"tune": cases[:30], "rest": cases[30:]}
    cases = next((half[word] for word in words if word in half), cases)
    if "row" in words:
        in_a_row(cases[:30])
        return
    before = perplexity(base.fork)
    found = score(base.fork, cases)
    print(f"{len(cases)} known cases; perplexity of the shipped text {before:.2f}\n")
    print(
        "| method | written | efficacy | paraphrase | locality | perplexity, x base | seconds "
        "| of CPU |\n|---|---|---|---|---|---|---|---|"
    )
    figures = (found.efficacy, found.paraphrase, found.neighbourhood)
    told = share(writing(base.fork, cases), len(cases))
    row("base", [(figure.share, figure.probability) for figure in figures], told, 1, 0, 0)
    for method in chosen:
        if method in ("rome", "ft"):
            row(f"{method}, one fact each", *one_by_one(base, method, cases, before))
        if method != "rome":
            several = cases[:TOGETHER]
            row(f"{method}, {len(several)} facts", *together(base, method, several, before))
