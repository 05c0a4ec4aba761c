"""Fifty visitors for ten minutes, each at a page of their own: when the first words come, when all, and are they right.

Each presses Compare (four columns of up to 48 tokens) about every 90 s, over the page's own events and queue. A third
have a nudge, a tenth an adapter, a tenth a pruned model, each their own. Afterwards every question is asked alone.

Usage: `make bench ARGS=workshop`; a number is minutes, `N visitors` how many.
"""

import json
import os
import random
import re
import statistics
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

import httpx
import psutil
from gradio_client.utils import apply_diff

from playground import workspace as spaces
from playground.engine.recipe import parse_edit
from tests.benchmarks.page import ROOT, served
from tests.benchmarks.visitors import QUESTIONS, nudge

VISITORS, MINUTES, EVERY = 50, 10, 90.0  # seconds between two presses of one visitor
OWN = 3  # questions of each
FIRST, WHOLE, SHARE, MEMORY = 5.0, 25.0, 0.95, 12e9  # what is asked for: seconds, of so many, bytes
ADAPTERS = ("pirate", "json", "handbook")
WRITTEN = re.compile(r'<p class="pg-text">(.*?)</p><p[^>]*>(\d+) tok', re.DOTALL)
TAGS = re.compile(r"<sup.*?</sup>|<[^>]+>", re.DOTALL)


def edit_of(number, visitors):
    """(kind, edit) of a visitor: a third nudge, a tenth have an adapter, a tenth prune."""
    if number < round(visitors / 3):
        return "nudge", nudge(number)
    if number < round(visitors * (1 / 3 + 0.1)):
        return "adapter", {"kind": "adapter", "source": ADAPTERS[number % len(ADAPTERS)]}
    if number < round(visitors * (1 / 3 + 0.2)):
        return "pruned", {"kind": "prune", "method": "magnitude", "sparsity": round(0.01 * number, 2)}
    return "none", None


class Page:
    """The Compare tab as a browser speaks for it: its events, one after the other, and what they fill."""

    def __init__(self, url, edit):
        self.session = f"{random.getrandbits(40):x}"
        self.client = httpx.Client(base_url=url, trust_env=False, timeout=600)
        config = self.client.get("config").json()
        self.values = {part["id"]: part["props"].get("value") for part in config["components"]}
        self.named = {part["props"].get("elem_id"): part["id"] for part in config["components"]}
        press = [self.named["compare"], "click"]
        [begin] = [
            event
            for event in config["dependencies"]
            if press in event["targets"] and event["backend_fn"] and len(event["outputs"]) == 1
        ]
        self.chain = [begin]
        while after := next(
            (event for event in config["dependencies"] if event["trigger_after"] == self.chain[-1]["id"]), None
        ):
            self.chain.append(after)
        saved = (spaces.new().add(parse_edit(edit)) if edit else spaces.new()).to_json()
        self.values |= {
            part: saved
            for part in self.chain[-1]["inputs"]
            if isinstance(self.values[part], dict) and "stack" in self.values[part]
        }

    def compare(self, question):
        """(seconds to the first words, to the last, the columns' texts) of a press."""
        self.values[self.named["prompt"]] = question
        start, first, data = time.perf_counter(), None, None
        for event in self.chain:
            for data in self._ask(event):
                if first is None and event is self.chain[-1] and any(int(n) for _, n in WRITTEN.findall(data[0] or "")):
                    first = time.perf_counter() - start
            self.values |= dict(zip(event["outputs"], data, strict=True))
        texts = [TAGS.sub("", text).strip() for text, _ in WRITTEN.findall(data[0])]
        return first, time.perf_counter() - start, texts

    def _ask(self, event):
        """What an event gives, as it comes."""
        body = {
            "data": [self.values[part] for part in event["inputs"]],
            "fn_index": event["id"],
            "session_hash": self.session,
            "trigger_id": self.named["compare"],
        }
        if not event["queue"]:
            answer = self.client.post("gradio_api/run/predict", json=body)
            answer.raise_for_status()
            yield answer.json()["data"]
            return
        self.client.post("gradio_api/queue/join", json=body).raise_for_status()
        data = []
        with self.client.stream("GET", "gradio_api/queue/data", params={"session_hash": self.session}) as lines:
            for line in lines.iter_lines():
                said = json.loads(line.removeprefix("data: ")) if line.startswith("data: ") else {}
                if said.get("msg") in ("process_generating", "process_completed"):
                    if not said["success"]:
                        raise RuntimeError(said["output"])
                    given = said["output"].get("data")
                    if said["msg"] == "process_completed":
                        yield given or data
                        return
                    changed = [
                        apply_diff(old, new) if isinstance(new, list) else new
                        for old, new in zip(data or [None] * len(given), given, strict=True)
                    ]
                    data = given if not data else changed
                    yield data


@dataclass
class Heard:
    """What came of the presses of all."""

    kinds: list[str] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    texts: list[tuple[int, str, list[str]]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def press(self, number, kind, page, question):
        try:
            first, whole, texts = page.compare(question)
            assert len(texts) == 4, texts
        except Exception as error:
            self.errors.append(f"{number} ({kind}): {error!r}"[:300])
            return
        self.kinds.append(kind)
        self.first.append(first if first is not None else whole)
        self.whole.append(whole)
        self.texts.append((number, question, texts))


def visit(url, number, visitors, heard, end):
    """One visitor, until the end."""
    rng = random.Random(number)
    kind, edit = edit_of(number, visitors)
    try:
        page = Page(url, edit)
    except Exception as error:
        heard.errors.append(f"{number} ({kind}): {error!r}"[:300])
        return
    turn = time.monotonic() + rng.uniform(0, EVERY)
    while turn < end:
        time.sleep(max(0.0, turn - time.monotonic()))
        heard.press(number, kind, page, QUESTIONS[(number + rng.randrange(OWN)) % len(QUESTIONS)])
        turn = max(time.monotonic(), turn + rng.uniform(0.8, 1.2) * EVERY)


def memory(url, end, found):
    """Bytes that the server and its children hold, every few seconds."""
    port = int(url.rstrip("/").rpartition(":")[2])
    server = next(
        process
        for process in psutil.process_iter()
        for one in (process.net_connections() if process.name().startswith("python") else ())
        if one.laddr and one.laddr.port == port and one.status == psutil.CONN_LISTEN
    )
    while time.monotonic() < end:
        with suppress(psutil.Error):  # a child that has just ended
            found.append(sum(one.memory_info().rss for one in (server, *server.children(recursive=True))))
        time.sleep(5)


def late(values):
    """The value that 95 of 100 do not exceed."""
    return statistics.quantiles(values, n=100, method="inclusive")[round(100 * SHARE) - 1]


def alone(url, visitors, heard):
    """How many columns said something else than when nobody else was there, of how many."""
    asked, pages, wrong = {}, {}, []
    for number, question, texts in heard.texts:
        edit = edit_of(number, visitors)[1]
        own = json.dumps(edit), question
        if own not in asked:
            if own[0] not in pages:
                pages[own[0]] = Page(url, edit)
            asked[own] = pages[own[0]].compare(question)[2]
        wrong += [(one, other) for one, other in zip(texts, asked[own], strict=True) if one != other]
    return wrong, 4 * len(heard.texts)


def main():
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    minutes, visitors = (numbers + [MINUTES, VISITORS][len(numbers) :])[:2]
    os.environ["PLAYGROUND_ADDRESS_SHARE"] = "1000"
    heard, bytes_held = Heard(), []
    with served(ROOT) as url:
        Page(url, None).compare(QUESTIONS[0])
        end = time.monotonic() + 60 * minutes
        threads = [
            threading.Thread(target=visit, args=(url, number, visitors, heard, end)) for number in range(visitors)
        ]
        threads.append(threading.Thread(target=memory, args=(url, end, bytes_held)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wrong, columns = alone(url, visitors, heard)
    print(f"{visitors} visitors, {minutes} minutes, {len(heard.whole)} comparisons: {dict(Counter(heard.kinds))}\n")
    print("| | median | 95 of 100 | longest | asked for |\n|---|---|---|---|---|")
    for name, values, most in (("first words, s", heard.first, FIRST), ("whole answer, s", heard.whole, WHOLE)):
        row = (statistics.median(values), late(values), max(values))
        print(f"| {name} | " + " | ".join(f"{value:.1f}" for value in row) + f" | {most:.0f} |")
    for kind in sorted(set(heard.kinds)):
        values = [value for value, own in zip(heard.whole, heard.kinds, strict=True) if own == kind]
        print(
            f"| whole answer, {kind}, s | {statistics.median(values):.1f} | {late(values):.1f} | {max(values):.1f} | |"
        )
    third = max(1, len(bytes_held) // 3)
    thirds = [max(bytes_held[start : start + third]) / 1e9 for start in (0, third, 2 * third)]
    held = ", ".join(f"{most:.2f}" for most in thirds)
    print(f"\nMemory, the most in each third: {held} GB (at most {MEMORY / 1e9:.0f}).")
    print(f"Errors: {len(heard.errors)}. Columns that said something else than alone: {len(wrong)} of {columns}.")
    for error in heard.errors[:5]:
        print("-", error)
    for one, other in wrong[:3]:
        print(f"- in company: {one!r}\n  alone: {other!r}")
