"""Three hostile clients beside five honest visitors: who is answered, and what it costs the host.

`make bench ARGS=hostile`, `make bench ARGS="hostile 60"` for another number of seconds. It starts a
server of its own on this machine, speaks to nobody else, sends a bounded number of requests and
ends by itself. The clients' addresses are told as a proxy on the same machine would tell them.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 300
MOST_REQUESTS = 20_000  # of one hostile client
HONEST = 5
JSON = {"content-type": "application/json"}
BASE = {"model": "smollm2-135m-instruct", "edits": []}
SEARCH = ["lantern-handbook", "baby seals", "bm25", 3]
HEAVY = {
    "model": BASE["model"],
    "edits": [
        {"kind": "prune", "method": "sparsegpt", "sparsity": 0.5},
        {"kind": "quantize", "method": "gptq", "scheme": "int4"},
    ],
}
# What the host is to keep to, whatever is sent
MOST_MEMORY_GB = 4.0
MOST_DISK_MB = 200.0
MOST_LOOK_SECONDS = 2.0  # the slowest look-up but for one in twenty
LEAST_ANSWERED = 0.95  # of honest clicks


class Client:
    """Requests from one address, until the time is over."""

    def __init__(self, port: int, address: str, end: float) -> None:
        self.end, self.sent, self.port = end, Counter(), port
        self.http = httpx.Client(
            base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=150, headers={"x-forwarded-for": address}
        )
        self.address = address

    def turns(self, pause: float) -> Iterator[int]:
        """A bounded number of turns, none after the end."""
        for number in range(MOST_REQUESTS):
            if time.monotonic() > self.end:
                return
            yield number
            time.sleep(pause)

    def answer(self, name: str, data: list) -> str:
        """What an endpoint says: the last event of its stream."""
        begun = self.http.post(f"/gradio_api/call/{name}", json={"data": data})
        self.sent[begun.status_code] += 1
        if begun.status_code != 200:
            return f"event: refused {begun.status_code}"
        return self.http.get(f"/gradio_api/call/{name}/{begun.json()['event_id']}").text


def floods(client: Client) -> None:
    """Joins the line in the name of ever new sessions, and never listens."""
    for number in client.turns(0.005):
        name, data = [
            ("apply", [HEAVY]),
            ("tokens", [BASE["model"], "a b c"]),
            ("generate", [BASE, "Once", 200, 0, 0, True]),
            ("retrieve", ["countries", "a", "bm25", 3]),
        ][number % 4]
        body = {"data": data, "session_hash": f"flood{number}"}
        client.sent[client.http.post(f"/gradio_api/call/{name}", json=body).status_code] += 1


def hangs_up(client: Client) -> None:
    """Asks for long work, waits three seconds and goes away."""
    for number in client.turns(0.2):
        recipe = json.loads(json.dumps(HEAVY))
        recipe["edits"][0]["sparsity"] = 0.1 + 0.8 * (number % 97) / 97  # never from the cache
        begun = client.http.post("/gradio_api/call/apply", json={"data": [recipe]})
        client.sent[begun.status_code] += 1
        if begun.status_code == 200:
            with socket.create_connection(("127.0.0.1", client.port)) as line:
                head = f"GET /gradio_api/call/apply/{begun.json()['event_id']} HTTP/1.1\r\n"
                line.sendall(f"{head}Host: localhost\r\nX-Forwarded-For: {client.address}\r\n\r\n".encode())
                time.sleep(3)


def fills_up(client: Client) -> None:
    """Uploads, breaks uploads off, and sends large bodies."""
    block = os.urandom(1_000_000)
    for number in client.turns(0.05):
        if number % 4 == 0:
            files = {"files": (f"{number}.bin", block[number % 1000 :])}
            client.sent[client.http.post("/gradio_api/upload", files=files).status_code] += 1
        elif number % 4 == 1:
            with socket.create_connection(("127.0.0.1", client.port)) as line:
                line.sendall(
                    b"POST /gradio_api/upload HTTP/1.1\r\nHost: localhost\r\n"
                    b"Content-Length: 600000000\r\nX-Forwarded-For: "
                    + client.address.encode()
                    + b"\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n"
                    b'Content-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
                )
                for _ in range(20):
                    line.sendall(block)
            client.sent["broken off"] += 1
        else:
            size = 5 if number % 4 == 2 else 20
            body = b'{"data": ["m", "' + b"a" * size * 1_000_000 + b'"]}'
            try:
                answer = client.http.post("/gradio_api/call/tokens", content=body, headers=JSON)
                client.sent[answer.status_code] += 1
            except httpx.TransportError:  # refused and closed before all of it was sent
                client.sent["closed"] += 1


def visits(client: Client, number: int, clicks: list[tuple[str, float, bool]]) -> None:
    """Looks up, asks and uploads, one after the other, with a person's pauses."""
    notes = f"Visitor {number} keeps notes on lighthouses and tides."
    for turn in client.turns(1.0):
        for name, work in (
            ("tokens", lambda: client.answer("tokens", [BASE["model"], f"visitor {number}"])),
            ("retrieve", lambda: client.answer("retrieve", SEARCH)),
            ("generate", lambda: client.answer("generate", [BASE, "Hello", 8, 0, 0, True])),
            ("upload", lambda: client.http.post("/gradio_api/upload", files={"files": ("notes.txt", notes)}).text),
        ):
            if name in ("generate", "upload") and turn % 4 != number % 4:
                continue
            begun = time.monotonic()
            try:
                said = work()
            except httpx.TransportError as error:
                said = f"refused: {error!r}"
            good = "refused" not in said and "event: error" not in said
            clicks.append((name, time.monotonic() - begun, good))


def folder_mb(folder: Path) -> float:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) / 1e6


def rss_gb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1e6
    return 0.0


def started(home: Path, temp: Path, port: int) -> subprocess.Popen:
    """A server of our own, once its model answers."""
    env = os.environ | {
        "PLAYGROUND_HOME": str(home),
        "GRADIO_TEMP_DIR": str(temp),
        "PLAYGROUND_MEMORY_GB": "2",
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "PLAYGROUND_HUB": "off",
    }
    server = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=env)
    first = Client(port, "10.0.0.1", time.monotonic() + 300)
    for _ in first.turns(0.5):
        try:
            if "event: complete" in first.answer("generate", [BASE, "Hi", 2, 0, 0, True]):
                return server
        except httpx.TransportError:
            if server.poll() is not None:
                break
    server.terminate()
    raise TimeoutError("the server did not answer in five minutes")


def home_with_weights(folder: Path) -> Path:
    """A home of our own, with the converted weights of the usual one by hard links."""
    from playground.settings import settings

    home = folder / "home"
    models = settings().home / "models"
    if models.is_dir():
        shutil.copytree(models, home / "models", copy_function=_linked)
    return home


def _linked(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def main() -> None:
    seconds = next((int(word) for word in sys.argv[1:] if word.isdecimal()), SECONDS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        home, temp = home_with_weights(folder), folder / "tmp"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        server = started(home, temp, port)
        try:
            before, (clicks, peak, sent) = folder_mb(home), beside(server.pid, port, seconds)
            time.sleep(5)
            report(clicks, peak, sent, folder_mb(home) - before, folder_mb(temp))
        finally:
            server.terminate()
            server.wait(30)


def beside(pid: int, port: int, seconds: int) -> tuple[list, float, dict[str, Counter]]:
    """Everybody at once; what the honest ones saw, the most memory, what the others were told."""
    end, clicks, peak = time.monotonic() + seconds, [], 0.0
    hostile: dict[str, tuple[Callable, Client]] = {
        work.__name__: (work, Client(port, f"66.0.0.{number}", end))
        for number, work in enumerate((floods, hangs_up, fills_up), 1)
    }
    threads = [threading.Thread(target=work, args=(client,)) for work, client in hostile.values()]
    for number in range(HONEST):
        client = Client(port, f"10.0.0.{10 + number}", end)
        threads.append(threading.Thread(target=visits, args=(client, number, clicks)))
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads) and time.monotonic() < end + 300:
        peak = max(peak, rss_gb(pid))
        time.sleep(0.25)
    return clicks, peak, {name: client.sent for name, (_, client) in hostile.items()}


def report(clicks: list, peak: float, sent: dict[str, Counter], home: float, temp: float) -> None:
    """The table, against the bounds."""
    print("| hostile client | was told |\n|---|---|")
    for name, counts in sent.items():
        print(f"| {name} | {', '.join(f'{n} x {what}' for what, n in counts.most_common())} |")
    print("\n| honest click | answered | refused | p50 | p95 |\n|---|---|---|---|---|")
    for name in ("tokens", "retrieve", "generate", "upload"):
        mine = [(seconds, good) for what, seconds, good in clicks if what == name]
        times = sorted(seconds for seconds, good in mine if good) or [float("nan")]
        p95 = times[min(len(times) - 1, int(0.95 * len(times)))]
        answered = sum(good for _, good in mine)
        middle = statistics.median(times)
        print(f"| {name} | {answered} | {len(mine) - answered} | {middle:.2f} s | {p95:.2f} s |")
    looks = sorted(s for what, s, good in clicks if good and what in ("tokens", "retrieve"))
    slowest = looks[int(0.95 * len(looks))] if looks else float("inf")
    share = sum(good for *_, good in clicks) / max(1, len(clicks))
    print("\n| | found | bound | |\n|---|---|---|---|")
    enough, quick = share >= LEAST_ANSWERED, slowest <= MOST_LOOK_SECONDS
    for what, found, bound, held in (
        ("honest clicks answered", f"{share:.1%}", f"{LEAST_ANSWERED:.0%}", enough),
        ("look-ups, p95", f"{slowest:.2f} s", f"{MOST_LOOK_SECONDS} s", quick),
        ("memory at most", f"{peak:.2f} GB", f"{MOST_MEMORY_GB} GB", peak <= MOST_MEMORY_GB),
        ("home grew by", f"{home:.0f} MB", f"{MOST_DISK_MB:.0f} MB", home <= MOST_DISK_MB),
        ("temp dir holds", f"{temp:.0f} MB", "kept 1 to 2 hours", True),
    ):
        print(f"| {what} | {found} | {bound} | {'held' if held else 'BROKEN'} |")
