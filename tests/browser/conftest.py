"""Real servers and a real Chromium. Without a browser: skipped on a laptop, failed in CI.

``visit`` opens a page on SmolLM2, ``tiny_visit`` one on Tiny GPT-2 of width 2: for whatever is the
same with any model, and takes seconds there.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from playground.ui import layout
from playground.ui.text import EN

ROOT = Path(__file__).resolve().parents[2]
HOME = Path(os.environ.get("PLAYGROUND_TEST_HOME") or ROOT / ".home")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
PARTS = tuple(EN[f"tab_{tab.id}"] for tab in layout.PAGES["change"])
WAIT = 60_000  # ms; a slow machine decodes slowly, and no test is about seconds
expect.set_options(timeout=WAIT)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """`python app.py` on a port of its own, which a restart keeps."""

    def __init__(self, model="smollm2-135m-instruct"):
        self.port, self.process = free_port(), None
        self.url = f"http://127.0.0.1:{self.port}/"
        self.settings = {"PLAYGROUND_HOME": str(HOME), "PLAYGROUND_MODEL": model}
        self.log = tempfile.TemporaryFile("a+")  # noqa: SIM115 - open for as long as the server runs

    def start(self):
        env = os.environ | self.settings | {"GRADIO_SERVER_PORT": str(self.port), "PLAYGROUND_HUB": "off"}
        command = [sys.executable, "app.py"]
        self.process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=self.log, stderr=subprocess.STDOUT)
        for _ in range(3000):
            try:
                assert self.process.poll() is None, "the server ended by itself"
                if urllib.request.urlopen(self.url, timeout=5).status == 200:
                    return self
            except OSError:
                time.sleep(0.1)
        raise TimeoutError("the page did not answer in five minutes")

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
        print(self.printed())  # pytest shows it beside what failed

    def printed(self):
        """What it has printed by now; it goes on writing at the end."""
        return os.pread(self.log.fileno(), 1_000_000, 0).decode()


@pytest.fixture(scope="session")
def server():
    running = Server().start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def tiny_server():
    """Of a small model; a test may stop and start it."""
    running = Server("tiny-gpt2").start()
    yield running
    running.stop()


@pytest.fixture(scope="module")  # not longer: it holds an event loop (a "package" without __init__ lasts a session)
def browser():
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    path = path or (MAC if Path(MAC).exists() else None)
    if path is None:
        reason = "no Chromium or Chrome was found: install one to run the browser tests"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield running
        running.close()


class Visitor:
    """One person at one browser, who notes what the page asks of other hosts or complains of.

    :param recipe: open the whole recipe, as most tests look at it.
    """

    def __init__(self, browser, server, script="", recipe=True, **context):
        context = {"locale": "en-US", "viewport": {"width": 1280, "height": 900}} | context
        self.context = browser.new_context(accept_downloads=True, **context)
        self.context.add_init_script(script)
        self.page = self.context.new_page()
        self.server, self.outside, self.errors = server, [], []
        self.page.on("request", self._note)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.open(recipe)

    def _note(self, request):
        if not request.url.startswith((self.server.url, "data:", "blob:")):
            self.outside.append(request.url)

    def open(self, recipe=True):
        """Open the page, or open it again, and wait until its model is there; the recipe stands open unless asked."""
        self.page.goto(self.server.url)
        self.ready()
        if recipe:
            self.recipe()
        return self.page

    def ready(self):
        """Wait until the page shows what the browser kept, and the model is loaded."""
        expect(self.page.locator("#crumbs b")).to_be_attached(timeout=3 * WAIT)
        expect(self.page.locator("#ask-cards .pg-hint, #ask-cards .pg-ask").first).to_be_attached(timeout=3 * WAIT)
        expect(self.page.locator("#status:has(.pg-hint):not(:has(progress))")).to_be_attached(timeout=3 * WAIT)

    def recipe(self):
        """Open the whole recipe below the bar."""
        self.page.locator("#recipe-open[aria-expanded=false]").click()
        expect(self.page.locator("#stack")).to_be_visible()

    def reload(self):
        """Load the page again, where it is."""
        self.page.reload()
        self.ready()
        self.recipe()

    def tab(self, name):
        """Open a page, and for a part of Change that part."""
        if name in PARTS:
            self._choose("#tabs", EN["page_change"])
            self._choose("#parts-change", name)
        else:
            self._choose("#tabs", name)

    def write(self, box, text):
        """Fill a box that was just unfolded: gradio may give it its value once more when it is there."""
        for _ in range(20):
            box.fill(text)
            self.page.wait_for_timeout(200)
            if box.input_value() == text:
                return
        raise AssertionError(f"what is written into {box} does not stay")

    def tokens(self):
        """Open Tokens, and wait until its text and its token are looked at."""
        self.tab(EN["tab_tokens"])
        expect(self.page.locator("#chips button").first).to_be_visible()
        expect(self.page.locator("#bars table")).to_be_visible()
        expect(self.page.locator("#token-map svg")).to_be_visible(timeout=3 * WAIT)

    def _choose(self, place, name):
        """Press a tab; on a narrow page it may be in the menu behind the dots."""
        row = self.page.locator(f"{place} > .tab-wrapper")
        expect(row).to_be_visible()
        if row.get_by_role("tab", name=name, exact=True).count():
            row.get_by_role("tab", name=name, exact=True).click()
        else:
            row.get_by_label("More tabs").click()
            row.locator(".overflow-dropdown button", has_text=name).click()


@contextmanager
def visits(browser, server):
    """Inside, a function that opens the page for one more visitor."""
    visitors = []

    def open_page(**context):
        visitors.append(Visitor(browser, server, **context))
        return visitors[-1]

    yield open_page
    for visitor in visitors:
        assert visitor.outside == [], "the page asked another host for something"
        assert visitor.errors == []
        visitor.context.close()


@pytest.fixture
def visit(browser, server):
    with visits(browser, server) as open_page:
        yield open_page


@pytest.fixture
def tiny_visit(browser, tiny_server):
    with visits(browser, tiny_server) as open_page:
        yield open_page
