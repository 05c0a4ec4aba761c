"""The page as a browser with an empty cache gets it: when it is first seen, what is transferred, what it asks at rest.

Usage: `make bench ARGS=page`; a path is another checkout of the project to be measured beside this one.
"""

import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

from playground.ui.layout import PAGES

ROOT = Path(__file__).resolve().parents[2]
RUNS, SETTLED, REST = 5, 8.0, 20.0  # seconds after which an opened page is still, and seconds at rest
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PAINT = """() => {
  const [page] = performance.getEntriesByType('navigation');
  const paint = performance.getEntriesByName('first-contentful-paint')[0];
  return paint ? (paint.startTime - page.responseEnd) / 1000 : null;
}"""
SEEN = "() => (performance.now() - performance.getEntriesByType('navigation')[0].responseEnd) / 1000"


def main():
    places = [ROOT, *(Path(word) for word in sys.argv[1:] if Path(word).is_dir())]
    print("| checkout | first paint, s | tabs there, s | transferred, kB | requests |\n|---|---|---|---|---|")
    for place in places:
        with served(place) as url, browser() as running:
            found = [opened(running, url) for _ in range(RUNS)]
            values = [statistics.median(run[column] for run in found) for column in range(4)]
            name = "this" if place == ROOT else place.name
            print(
                f"| {name} | {values[0]:.2f} | {values[1]:.2f} | {values[2] / 1000:.0f} | {values[3]:.0f} |", flush=True
            )
    with served(ROOT) as url, browser() as running:
        rests(running, url)


def opened(running, url):
    """(first paint, tabs there, bytes, requests) of one opening by somebody new."""
    page, sizes = new_page(running)
    page.goto(url)
    page.wait_for_selector("#tabs [role=tab]")
    seen = page.evaluate(SEEN)
    page.wait_for_timeout(SETTLED * 1000)  # its heartbeat never ends, so the network is never idle
    paint = page.evaluate(PAINT)
    page.context.close()
    return paint, seen, sum(sizes), len(sizes)


def new_page(running):
    """A page without a cache, and the bytes of all that it gets."""
    page, sizes = running.new_context().new_page(), []
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    return page, sizes


def rests(running, url):
    """Requests of each tab once it has been opened and left alone."""
    print(f"\n| tab | requests in {REST:.0f} s at rest |\n|---|---|")
    addresses = [f"{name}/{tab.id}" if len(tabs) > 1 else name for name, tabs in PAGES.items() for tab in tabs]
    for address in addresses:
        page, asked = running.new_context().new_page(), []
        page.goto(f"{url}#{address}")
        page.wait_for_selector("#status .pg-hint", state="attached", timeout=120_000)
        page.wait_for_timeout(15_000)
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.wait_for_timeout(REST * 1000)
        print(f"| {address} | {len(asked)} |", flush=True)
        page.context.close()


@contextmanager
def browser():
    with sync_playwright() as playwright:
        path = next(filter(None, map(shutil.which, BROWSERS)))
        running = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield running
        running.close()


@contextmanager
def served(place):
    """The page of a checkout, its model loaded."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/"
    server = subprocess.Popen([sys.executable, "app.py"], cwd=place, env=os.environ | {"GRADIO_SERVER_PORT": str(port)})
    try:
        for _ in range(1200):
            try:
                if urllib.request.urlopen(url, timeout=5).status == 200:
                    break
            except OSError:
                time.sleep(0.1)
        time.sleep(45)  # the model and the encoder load meanwhile
        yield url
    finally:
        server.terminate()
        server.wait()
