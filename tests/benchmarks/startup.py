"""From `python app.py` to HTTP 200, and a second load of the model, imports apart."""

import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

RUNS = 3
ROOT = Path(__file__).resolve().parents[2]
LOAD = """
import time
from playground.engine.models import loader
from playground.settings import settings
start = time.perf_counter()
loader.load(settings().model)
print(time.perf_counter() - start)
"""


def page_seconds():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = os.environ | {"GRADIO_SERVER_PORT": str(port)}
    start = time.perf_counter()
    server = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=env)
    try:
        while time.perf_counter() - start < 120:
            try:
                if urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).status == 200:
                    return time.perf_counter() - start
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise TimeoutError("the page did not answer in two minutes")
    finally:
        server.terminate()
        server.wait()


def load_seconds():
    done = subprocess.run([sys.executable, "-c", LOAD], cwd=ROOT, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def main():
    load_seconds()  # the first start converts the weights
    pages = [page_seconds() for _ in range(RUNS)]
    loads = [load_seconds() for _ in range(RUNS)]
    print(f"| | median of {RUNS} | all |\n|---|---|---|")
    for name, values in (("page answers HTTP 200", pages), ("model loads, warm cache", loads)):
        each = ", ".join(f"{value:.2f}" for value in values)
        print(f"| {name} | {statistics.median(values):.2f} s | {each} |")
