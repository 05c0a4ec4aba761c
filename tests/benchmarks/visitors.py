"""Visitors at once, over the real queue: tokens a second together, and how long each waits.

Usage: `make bench ARGS=visitors`; a path is another checkout of the project to be measured beside this one.
"""

import json
import os
import statistics
import sys
import threading
import time
from pathlib import Path

import httpx

from tests.benchmarks.page import ROOT, served

VISITORS, TOKENS = 8, 48
QUESTIONS = (
    "Where do injured baby seals go for treatment?",
    "What is the code of the Tarn Locker door?",
    "When does the Saturday ferry leave?",
    "Who looks after the lamp room?",
    "How long may a boat stay at the pier?",
    "What does the red flag on the mast mean?",
    "Where are the spare batteries kept?",
    "Which door is locked at night?",
)
MODEL = "smollm2-135m-instruct"


def nudge(number):
    return {
        "kind": "nudge_tokens",
        "text": " ferry",
        "direction": "random",
        "strength": 0.5,
        "side": "input",
        "seed": number,
    }


def compare(url, number, own):
    """(seconds, tokens) of one visitor's comparison of four columns."""
    recipe = {"model": MODEL, "edits": [nudge(number)] if own else []}
    columns = [("none", 1), ("bm25", 1), ("bm25", 2), ("none", 1)]
    contestants = [
        {"label": str(n), "recipe": recipe, "retriever": way, "corpus_id": "lantern-handbook", "k": k}
        for n, (way, k) in enumerate(columns)
    ]
    data = [contestants, QUESTIONS[number % len(QUESTIONS)], TOKENS, 0.0, 0]
    start = time.perf_counter()
    with httpx.Client(base_url=url, trust_env=False, timeout=600) as client:
        event = client.post("gradio_api/call/compare", json={"data": data}).json()["event_id"]
        answer = client.get(f"gradio_api/call/compare/{event}").text
    assert "event: complete" in answer, answer[:300]
    [columns] = json.loads(answer.rpartition("data: ")[2])
    tokens = sum(column["tokens"] for column in columns)
    return time.perf_counter() - start, tokens


def together(url, own):
    found, threads = [], []
    start = time.perf_counter()
    for number in range(VISITORS):
        threads.append(threading.Thread(target=lambda n=number: found.append(compare(url, n, own))))
        threads[-1].start()
    for thread in threads:
        thread.join()
    spent = time.perf_counter() - start
    seconds = [each for each, _ in found]
    return sum(tokens for _, tokens in found) / spent, statistics.median(seconds), max(seconds)


def main():
    os.environ["PLAYGROUND_ADDRESS_SHARE"] = "100"
    places = [ROOT, *(Path(word) for word in sys.argv[1:] if Path(word).is_dir())]
    print(f"{VISITORS} visitors at once, four columns of up to {TOKENS} tokens each\n")
    print("| checkout | edits | tok/s together | median wait, s | longest, s |\n|---|---|---|---|---|")
    for place in places:
        with served(place) as url:
            compare(url, 0, False)
            for own in (False, True):
                values = together(url, own)
                name, edits = "this" if place == ROOT else place.name, "a nudge each" if own else "none"
                print(f"| {name} | {edits} | " + " | ".join(f"{value:.1f}" for value in values) + " |", flush=True)
