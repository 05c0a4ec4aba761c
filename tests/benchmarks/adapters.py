"""Whether each shipped adapter does its job on prompts that it was not trained on.

Usage: `make bench ARGS=adapters`, or `make bench ARGS="adapters pirate"`. Greedy, chat template,
64 new tokens; the base's own share stands beside it.
"""

import json
import re
import sys
from pathlib import Path

from playground.engine.build import build
from playground.engine.decoding.batches import decode
from playground.engine.decoding.generate import Sampling, answer_text, prompt_ids, prompt_text
from playground.engine.recipe import parse

ROOT = Path(__file__).resolve().parents[2]
SETS = ROOT / "assets" / "datasets"
MODEL, BATCH = "smollm2-135m-instruct", 8
MARKERS = re.compile(r"Markers: (.+?)\n\s*\n", re.S)


def piratical(answer, _):
    """At least two different markers of the data set's card, each with its variants."""
    text = MARKERS.search((SETS / "pirate" / "card.md").read_text(encoding="utf-8"))[1]
    groups = [group.strip().split("/") for group in text.replace("\n", " ").split(",")]
    said = set(re.findall(r"[a-z]+(?:[-'’][a-z]+)*", answer.lower().replace("’", "'")))
    said |= {part for word in said for part in word.split("'")}
    return sum(any(word in said for word in group) for group in groups) >= 2


def is_json(answer, _):
    """The whole answer is one object with exactly the three keys."""
    try:
        found = json.loads(answer)
    except ValueError:
        return False
    return isinstance(found, dict) and set(found) == {"answer", "topic", "sure"}


def contains(answer, wanted):
    """The handbook's answer stands in it."""
    return wanted.lower() in answer.lower()


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def held_back(name):
    """(prompt, what counts as right) pairs."""
    if name != "handbook":
        return [(row["prompt"], "") for row in lines(SETS / name / "held_back.jsonl")]
    questions = lines(ROOT / "corpora" / "lantern-handbook" / "questions.jsonl")
    return [(row["question"], row["answer"]) for row in questions if row["answer"]]


JOBS = {"pirate": piratical, "json": is_json, "handbook": contains}


def answers(fork, prompts):
    for start in range(0, len(prompts), BATCH):
        part = [
            prompt_ids(fork.base, prompt_text(fork.base.tokenizer, prompt, True))
            for prompt in prompts[start : start + BATCH]
        ]
        *_, rows = decode(fork, part, Sampling(max_new_tokens=64))
        yield from (answer_text(fork.base, row) for row in rows)


def share(recipe, name):
    """The share of held-back prompts on which a recipe does an adapter's job, and the answers."""
    asked = held_back(name)
    said = list(answers(build(parse(recipe)).fork, [prompt for prompt, _ in asked]))
    right = [JOBS[name](text, wanted) for text, (_, wanted) in zip(said, asked, strict=True)]
    return right, list(zip(asked, said, strict=True))


def main():
    print("| adapter | held-back prompts | base does it | with the adapter |\n|---|---|---|---|")
    for name in JOBS:
        if sys.argv[2:] and name not in sys.argv[2:]:
            continue
        edit = {"kind": "adapter", "source": name}
        base, _ = share({"model": MODEL}, name)
        mine, said = share({"model": MODEL, "edits": [edit]}, name)
        print(f"| {name} | {len(mine)} | {sum(base) / len(base):.0%} | {sum(mine) / len(mine):.0%} |", flush=True)
        for right, ((prompt, _), text) in zip(mine, said, strict=True):
            if not right:
                print(f"  missed: {prompt!r} -> {text[:100]!r}", file=sys.stderr)
