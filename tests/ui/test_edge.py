"""What stands before gradio: a small page on a port of its own, and strangers with curl."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
import time
from collections import Counter
from types import SimpleNamespace
from typing import Any

import gradio as gr
import httpx
import pytest
from gradio.i18n import I18nData
from gradio.state_holder import SessionState
from gradio_client import Client

from playground import api
from playground.engine.decoding import batches
from playground.engine.work import Work
from playground.owners import household
from playground.settings import settings
from playground.ui import edge, layout
from playground.ui.edge import bodies, hosts, line, routes, sessions, slow, uploads
from playground.ui.edge.guard import Page, fitting
from playground.ui.edge.headers import POLICY
from playground.ui.edge.refusal import Refused
from playground.ui.shell import faults
from playground.ui.shell.endpoints import _told
from playground.ui.shell.page import shown
from playground.ui.shell.turns import TURNS, begins
from playground.ui.text import label

JSON = {"content-type": "application/json"}
MANY = 200  # tokens of a long answer


class Slow:
    """An endpoint's work that goes on until its caller is gone, and says so."""

    def __init__(self) -> None:
        self.begun, self.ended, self.open = threading.Event(), threading.Event(), threading.Event()

    def work(self) -> str:
        self.begun.set()
        try:
            while not self.open.is_set():
                Work().check()
                time.sleep(0.01)
        finally:
            self.ended.set()
        return "done"


SLOW = Slow()


@shown
def measure_text(text: str, number: float, own: Any, language: str) -> str:
    return f"{len(text)} {number} {own!r}"


def echo(value: Any) -> Any:
    return value


def build() -> Page:
    with Page(delete_cache=(3600, 3600)) as page:
        text, number = gr.Textbox(), gr.Slider(0, 10)
        language, own = gr.Textbox("en"), gr.BrowserState("", storage_key="k", secret="s")
        shown_text = gr.Textbox()
        gr.State(0)
        gr.Button().click(
            measure_text, [text, number, own, language], shown_text, api_name="measure_text", concurrency_id="look"
        )
        gr.Button().click(lambda: 1, None, number, api_name="at_once", queue=False)
        gr.api(_told(SLOW.work), api_name="slow", concurrency_id="model")
        gr.api(_told(echo), api_name="echo", concurrency_id="look")
        gr.api(_told(api.generate_text), api_name="generate", concurrency_id="answer", concurrency_limit=16)
    page.queue(max_size=1000, api_open=False)
    return page


@pytest.fixture(scope="module")
def served():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLAYGROUND_ADDRESS_SHARE", "5")
        patch.setattr(edge, "LOOK_SECONDS", 0.1)
        settings.cache_clear()
        page = build()
        _, url, _ = page.launch(
            prevent_thread_lock=True,
            quiet=True,
            share=False,
            max_file_size="1mb",
            app_kwargs={"lifespan": edge.lifespan},
            state_session_capacity=50,
        )
    settings.cache_clear()
    yield SimpleNamespace(page=page, url=url.rstrip("/"))
    page.close(verbose=False)


@pytest.fixture
def ask(served):
    SLOW.__init__()
    with httpx.Client(base_url=served.url, trust_env=False, timeout=30) as client:
        yield client
        SLOW.open.set()


def call(ask, name: str, data: list, **body: Any) -> httpx.Response:
    return ask.post(f"/gradio_api/call/{name}", json={"data": data, **body})


def answer_of(ask, name: str, data: list) -> str:
    event = call(ask, name, data).json()["event_id"]
    return ask.get(f"/gradio_api/call/{name}/{event}").text


# Bodies


def test_a_body_is_bounded_however_it_comes(ask):
    large = b'{"data": ["' + b"a" * bodies.MOST_BODY + b'"]}'
    announced = ask.post("/gradio_api/call/echo", content=large, headers=JSON)
    streamed = ask.post("/gradio_api/call/echo", content=iter([large[:99], large[99:]]), headers=JSON)
    assert [announced.status_code, streamed.status_code] == [413, 413]
    assert "6 MB" in announced.json()["detail"] == announced.json()["error"]
    assert "hello" in answer_of(ask, "echo", ["hello"])


def test_json_is_read_strictly_and_what_is_wrong_is_said(ask):
    wrong = {
        b'{"data": ["\\ud800"]}': "surrogate",
        b'{"\\udc00": 1}': "surrogate",
        b'{"data": ["\\ud83d \\ude00"]}': "surrogate",
        b'{"data": [NaN]}': "not JSON",
        b'{"data": [-Infinity]}': "not JSON",
        b'{"data": [1e999]}': "not JSON",
        b'{"data": ["\xff"]}': "not JSON",
        b'{"data": [': "not JSON",
        b'{"data": ' + b"[" * 5000 + b"]" * 5000 + b"}": "deep",
        b'{"data": [' + b"[]," * 150_000 + b"1]}": "values",
    }
    for body, said in wrong.items():
        answer = ask.post("/gradio_api/call/echo", content=body, headers=JSON)
        assert answer.status_code in (400, 413), body[:40]
        assert said in answer.json()["detail"], body[:40]
    whole = ask.post("/gradio_api/call/echo", content=b'{"data": ["\\ud83d\\ude00"]}', headers=JSON)
    assert whole.status_code == 200
    korean = ask.post("/gradio_api/call/echo", content=b"{", headers=JSON | {"accept-language": "ko-KR,ko;q=0.9"})
    assert "아닙니다" in korean.json()["detail"]


def test_brackets_and_commas_inside_a_text_count_for_nothing():
    text = '[{,\\"' * 50_000
    assert bodies.parsed(json.dumps({"data": [text]}).encode()) == {"data": [text]}
    assert bodies.parsed(b" ") is None
    bodies.STRINGS.sub(b"", b'"' + b'\\"' * 1_000_000)  # ends at once, though the text is open


def sent(*messages: dict) -> Any:
    waiting = list(messages)

    async def receive() -> dict:
        if not waiting:
            await asyncio.sleep(60)
        return waiting.pop(0)

    return receive


def test_a_body_that_comes_too_slowly_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(bodies, "GRACE_SECONDS", 0.05)
    reading = bodies.Reading()
    half = sent({"type": "http.request", "body": b"{", "more_body": True})
    with pytest.raises(Refused) as refused:
        asyncio.run(reading.body(half, httpx.Headers(), "a"))
    assert refused.value.status == 408
    assert reading._held == Counter()


def test_bodies_that_are_being_read_are_bounded_for_one_address_and_together(monkeypatch):
    monkeypatch.setattr(bodies, "MOST_READING_EACH", 10)
    monkeypatch.setattr(bodies, "MOST_READING", 25)
    reading = bodies.Reading()
    reading._held.update({"a": 9, "b": 9})

    def read(address: str, size: int) -> bytes | None:
        message = {"type": "http.request", "body": b"1" * size}
        return asyncio.run(reading.body(sent(message), {}, address))

    assert read("c", 7) == b"1" * 7
    for address, size in (("a", 2), ("c", 8)):
        with pytest.raises(Refused):
            read(address, size)
    assert reading._held == Counter({"a": 9, "b": 9})


# Uploads


def stored(served) -> set:
    from pathlib import Path

    folder = Path(served.page.GRADIO_CACHE)
    return set(folder.iterdir()) if folder.is_dir() else set()


def test_an_upload_holds_files_only(served, ask):
    files = {"files": ("a.txt", b"hello")}
    assert ask.post("/gradio_api/upload", files=files).status_code == 200
    before = stored(served)
    refused = ask.post("/gradio_api/upload", files={"files": ("b.txt", b"x" * 99)}, data={"field": "y" * 1000})
    assert (refused.status_code, "files only" in refused.text) == (400, True)
    assert ask.post("/gradio_api/upload", json={}).status_code == 415
    assert ask.post("/gradio_api/call/echo", files=files).status_code == 415
    assert stored(served) == before


def test_an_upload_that_is_broken_off_leaves_nothing(served, ask):
    before, host = stored(served), httpx.URL(served.url)
    with socket.create_connection((host.host, host.port)) as connection:
        connection.sendall(
            b"POST /gradio_api/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999\r\n"
            b"Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\nContent-Disposition: "
            b'form-data; name="files"; filename="a.txt"\r\n\r\n' + b"x" * 2000
        )
        wait_for(lambda: stored(served) > before)
    wait_for(lambda: stored(served) == before)


def wait_for(true: Any, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)


def test_a_third_upload_of_one_address_waits_for_a_turn(monkeypatch):
    monkeypatch.setattr(uploads, "WAIT_SECONDS", 0.05)
    turns = uploads.UploadTurns()

    async def enough() -> None:
        async with turns.turn("a"), turns.turn("a"), turns.turn("b"):
            with pytest.raises(Refused) as refused:
                async with turns.turn("a"):
                    pass
            assert refused.value.status == 429
        async with turns.turn("a"):
            pass
        assert turns._turns == {} == turns._here

    asyncio.run(enough())


def test_no_file_is_taken_while_the_disk_is_almost_full(monkeypatch, tmp_path):
    free = 3 * 1024**3
    monkeypatch.setattr(uploads.shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    uploads.check_room(tmp_path / "not" / "there")
    free = 1024**3
    with pytest.raises(Refused) as refused:
        uploads.check_room(tmp_path)
    assert refused.value.status == 507


# Names, headers, routes


def test_only_this_hosts_own_names_are_answered(ask):
    for name in ("evil.example:80", "localhost.evil.example", "127.0.0.1.evil.example", "a.b:1"):
        answer = ask.get("/config", headers={"host": name})
        assert answer.status_code == 400
        assert "PLAYGROUND_HOSTS" in answer.json()["detail"]
    here = socket.gethostname()
    for name in ("localhost:7860", "127.0.0.1", "[::1]:7860", "192.168.1.20:7860", here):
        assert ask.get("/gradio_api/app_id", headers={"host": name}).status_code == 200, name


def test_a_host_may_allow_more_names(monkeypatch):
    host = SimpleNamespace(hosts=("play.example.org", "*.school.example"))
    known = hosts.names(host, "0.0.0.0")
    for name in ("play.example.org", "PLAY.example.org.:443", "a.b.school.example"):
        assert hosts.is_ours(name, known), name
    for name in ("school.example", "evilschool.example", "play.example.org.evil"):
        assert not hosts.is_ours(name, known), name
    assert hosts.is_ours("anything.hf.space", hosts.names(SimpleNamespace(hosts=("*",))))


def test_shares_are_counted_by_address_or_by_what_a_trusted_proxy_says():
    scope = {
        "type": "http",
        "client": ("10.0.0.1", 5),
        "headers": [(b"x-forwarded-for", b"1.1.1.1, 2.2.2.2"), (b"x-forwarded-for", b"3.3.3.3")],
    }
    assert hosts.visitor(scope, False) == "10.0.0.1"
    assert hosts.visitor(scope, True) == "3.3.3.3"
    same = {household(f"2001:db8:1:2::{n:x}") for n in range(1, 9)}
    assert len(same) == 1
    assert household("2001:db8:1:3::1") not in same
    assert household("::ffff:1.2.3.4") == "1.2.3.4" == household("1.2.3.4")


def test_what_only_a_proxy_may_say_is_dropped(ask):
    for name in ("x-forwarded-host", "x-gradio-server"):
        answer = ask.get("/config", headers={name: "http://evil.example/"})
        assert answer.status_code == 200
        assert "evil.example" not in answer.text


def test_every_answer_tells_browsers_what_is_allowed(ask):
    for path in ("/", "/config", "/nowhere", "/gradio_api/app_id"):
        found = ask.get(path).headers
        assert found["x-content-type-options"] == "nosniff"
        assert found["content-security-policy"] == POLICY
        assert found["referrer-policy"] == "same-origin"
    rules = dict(rule.split(" ", 1) for rule in POLICY.split("; "))
    assert "https://huggingface.co" in rules["frame-ancestors"]
    assert all("http" not in rule for name, rule in rules.items() if name != "frame-ancestors")


def test_routes_that_nobody_needs_are_not_there(ask):
    for path in (
        "/gradio_api/deep_link?session_hash=a",
        "/gradio_api/file=http://127.0.0.1/config",
        "/gradio_api/file=https://example.org",
        "/gradio_api/file=HTTPS://example.org",
        "/gradio_api/proxy=https://a.hf.space/",
        "/monitoring",
        "/gradio_api/runs",
        "/docs",
        "/gradio_api/stream/a/b/1/playlist.m3u8",
        "/login",
        "/gradio_api/dev/reload",
    ):
        assert ask.get(path).status_code == 404, path
        assert ask.get(path).json()["error"] == "There is nothing here.", path
    for path in ("process_recording", "vibe-edit", "component_server", "api/echo", "stream/a"):
        assert ask.post(f"/gradio_api/{path}", json={}).status_code == 404, path
    assert ask.put("/config").status_code == 405
    assert routes.is_used("GET", "/gradio_api/file=/tmp/a:b/c.txt")


# The line


def test_the_line_cannot_be_walked_past(ask):
    for path in ("run/echo", "run/predict"):
        assert ask.post(f"/gradio_api/{path}", json={"data": [1], "fn_index": 0}).status_code == 404
    assert ask.post("/gradio_api/run/at_once", json={"data": []}).status_code == 200


def test_an_address_and_a_session_have_their_share_of_a_lane(served, ask, monkeypatch):
    monkeypatch.setattr(line, "SESSION_MOST", 2)
    heard = threading.Thread(target=answer_of, args=(ask, "slow", []))
    heard.start()
    assert SLOW.begun.wait(20)
    index = next(n for n, event in served.page.fns.items() if event.api_name == "slow")
    body = {"data": [], "fn_index": index, "session_hash": "one"}
    mine = [ask.post("/gradio_api/queue/join", json=body) for _ in range(4)]
    assert [answer.status_code for answer in mine] == [200, 200, 429, 429]
    assert "2 requests of yours" in mine[-1].json()["detail"]
    rest = [call(ask, "slow", []).status_code for _ in range(6)]
    assert rest == [200] * 3 + [429] * 3  # five of this address
    assert call(ask, "slow", []).json()["detail"].startswith("5 requests from your address")
    asked = {"x-forwarded-for": "9.9.9.9"}  # uvicorn trusts a proxy on this machine
    other = ask.post("/gradio_api/call/slow", json={"data": []}, headers=asked)
    assert other.status_code == 200
    assert "hello" in answer_of(ask, "echo", ["hello"])  # looking does not wait for computing
    lane = [line.address_of(event) for event in served.page.line.waiting("model")]
    assert lane[0] == "9.9.9.9"  # whose turn it is next: the first address is being answered
    for event in served.page.line.waiting("model"):
        about = {"event_id": event._id, "session_hash": event.session_hash, "fn_index": index}
        ask.post("/gradio_api/cancel", json=about)
    SLOW.open.set()
    heard.join(20)


def event(name: str, address: str, session: str) -> Any:
    client = SimpleNamespace(host=address)
    return SimpleNamespace(_id=name, session_hash=session, request=SimpleNamespace(client=client, scope={}))


def test_addresses_take_turns_and_sessions_of_one_address_do():
    flood = [event(f"f{n}", "1.1.1.1", f"s{n % 2}") for n in range(6)]
    events = [*flood, event("a1", "2.2.2.2", "a"), event("a2", "2.2.2.2", "a"), event("b1", "1.1.1.1", "late")]
    order = [one._id for one in line.fair(events, Counter())]
    assert order == ["f0", "a1", "f1", "a2", "b1", "f2", "f3", "f4", "f5"]
    running = Counter({"1.1.1.1": 1})
    assert [one._id for one in line.fair(events, running)][:2] == ["a1", "f0"]


def test_fifty_behind_one_address_go_through_and_a_full_lane_has_room_for_newcomers():
    queue = SimpleNamespace(event_queue_per_concurrency_id={"model": SimpleNamespace(queue=[])})
    lane = line.WaitingLine(queue, settings().address_share)
    waiting = queue.event_queue_per_concurrency_id["model"].queue
    for turn in range(3):
        for person in range(50):
            lane.check("model", "1.1.1.1", f"p{person}", 500)
            waiting.append(event(f"{turn}-{person}", "1.1.1.1", f"p{person}"))
    waiting += [event(f"n{n}", f"3.3.{n}.3", f"n{n}") for n in range(line.LANE_MOST - 150)]
    lane.check("model", "2.2.2.2", "new", 500)
    with pytest.raises(Refused):
        lane.check("model", "1.1.1.1", "p51", 500)


def test_the_bytes_of_whoever_waits_are_bounded():
    big = [event(f"e{n}", "1.1.1.1", f"s{n}") for n in range(8)]
    for one in big:
        one.request.scope[line.SIZE] = 5_900_000
    queue = SimpleNamespace(event_queue_per_concurrency_id={"look": SimpleNamespace(queue=big)})
    lane = line.WaitingLine(queue, 160)
    with pytest.raises(Refused):
        lane.check("model", "1.1.1.1", None, 5_000_000)
    lane.check("model", "1.1.1.1", None, 5_000)
    lane.check("model", "2.2.2.2", None, 5_000_000)


# Callers who leave


def test_work_ends_when_its_caller_hangs_up(served, ask, monkeypatch):
    monkeypatch.setattr(line, "UNHEARD_SECONDS", 600.0)
    monkeypatch.setattr(line, "BROKEN_SECONDS", 0.1)
    host, started = httpx.URL(served.url), call(ask, "slow", []).json()["event_id"]
    with socket.create_connection((host.host, host.port)) as connection:
        path = f"/gradio_api/call/slow/{started}"
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert SLOW.begun.wait(20)
        wait_for(lambda: served.page.line._listening[started])
        assert not SLOW.ended.wait(0.3)
    assert SLOW.ended.wait(8)  # gradio itself looks every ten seconds


def test_a_killed_connection_frees_its_rows_and_nobody_elses(served, ask, known, monkeypatch):
    monkeypatch.setattr(line, "BROKEN_SECONDS", 0.1)
    steps, given = threading.Semaphore(0), []
    advance = batches.Batch.advance

    def when_allowed(self: batches.Batch, job: Any) -> bool:
        steps.acquire(timeout=20)
        return advance(self, job)

    monkeypatch.setattr(batches.Batch, "advance", when_allowed)
    host, values = httpx.URL(served.url), [{"model": "tiny-llama"}, "a", MANY, 0.0, 0, False]
    ids = [call(ask, "generate", values).json()["event_id"] for _ in range(2)]
    wait_for(lambda: sum(len(one.seats) + len(one.waiting) for one in batches.BATCHES.values()) == 2)
    (shared,) = batches.BATCHES.values()
    with socket.create_connection((host.host, host.port)) as connection:
        path = f"/gradio_api/call/generate/{ids[0]}"
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        wait_for(lambda: served.page.line._listening[ids[0]])
        steps.release(4)

    def left() -> bool:
        given.append(steps.release())
        return len(shared.seats) + len(shared.waiting) == 1

    wait_for(left)
    assert len(given) < MANY  # a row that ends by itself takes as many steps
    steps.release(5 * MANY)
    assert f'"tokens": {MANY}' in ask.get(f"/gradio_api/call/generate/{ids[1]}").text
    assert batches.BATCHES == {}


def test_work_ends_when_its_caller_takes_it_back(ask):
    event_id = call(ask, "slow", [], session_hash="s").json()["event_id"]
    assert SLOW.begun.wait(20)
    body = {"event_id": event_id, "session_hash": "s", "fn_index": 0}
    ask.post("/gradio_api/cancel", json=body | {"session_hash": "of somebody else"})
    assert not SLOW.ended.wait(0.2)
    ask.post("/gradio_api/cancel", json=body)
    assert SLOW.ended.wait(20)


def test_whoever_listens_goes_before_those_who_never_do(served, ask):
    first = threading.Thread(target=answer_of, args=(ask, "slow", []))
    first.start()
    assert SLOW.begun.wait(20)
    silent = call(ask, "slow", []).json()["event_id"]
    second = threading.Thread(target=answer_of, args=(ask, "slow", []))
    second.start()
    lane = served.page.line
    wait_for(lambda: [e for e in lane.waiting("model") if lane.is_heard(e)])
    assert lane.is_heard(lane.waiting("model")[0])
    wait_for(lambda: silent not in served.page._queue.event_ids_to_events)  # in haste now
    SLOW.open.set()
    first.join(20)
    second.join(20)


def test_work_ends_when_nobody_ever_listens_for_its_answer(served, ask, monkeypatch):
    monkeypatch.setattr(line, "UNHEARD_SECONDS", 0.2)
    ids = [call(ask, "slow", []).json()["event_id"] for _ in range(3)]
    assert SLOW.ended.wait(20)
    monkeypatch.setattr(line, "FORGET_SECONDS", -1.0)
    queue = served.page._queue

    wait_for(lambda: not set(ids) & {*queue.event_ids_to_events, *queue.pending_messages_per_session})


def test_a_public_endpoint_has_120_seconds(known, monkeypatch):
    assert api.MOST_SECONDS == 120
    monkeypatch.setattr(api, "MOST_SECONDS", -1.0)
    recipe = {"model": "tiny-llama", "edits": [{"kind": "prune", "sparsity": 0.5}]}
    for work in (
        lambda: api.apply(recipe),
        lambda: api.perplexity(recipe, "a b c"),
        lambda: api.measured({"model": "tiny-llama"}, "a b c d e f"),
        lambda: api.generate_text({"model": "tiny-llama"}, "a", chat=False),
        lambda: api.evaluate("lantern-handbook", ["bm25"]),
        lambda: api.teach({"subject": "A", "prompt": "A is", "target": "b"}, ["base"], recipe={"model": "tiny-llama"}),
    ):
        with pytest.raises(api.PlaygroundError) as refused:
            work()
        assert "more than" in str(refused.value) or "stopped" in str(refused.value)


def test_a_closed_page_ends_its_visitors_turn_and_makes_no_session(served, ask):
    turn = begins("a run")(SimpleNamespace(session_hash="closing"))
    over = TURNS.stopped("closing", turn)
    with ask.stream("GET", "/gradio_api/heartbeat/closing") as stream:
        beats = stream.iter_raw()  # held: what is collected hangs up
        next(beats)
        assert not over()
    wait_for(over)
    assert "closing" not in served.page.state_holder.session_data


# Sessions


def test_a_session_costs_next_to_nothing_and_keeps_no_values(served, ask):
    holder = served.page.state_holder
    assert isinstance(holder, sessions.Sessions)
    assert holder.capacity == 50
    session = holder["fresh"]
    assert isinstance(session, SessionState)
    assert session.blocks_config.fns is served.page.fns
    assert dict(session.blocks_config.blocks.maps[0]) == {}
    big = "x" * 1_000_000
    for block in served.page.blocks:
        session._update_value_in_config(block, big)
    assert list(session.components) == []
    slider = next(i for i, b in served.page.blocks.items() if isinstance(b, gr.Slider))
    other = gr.Slider(0, 99, render=False)
    session[slider] = other
    assert session[slider] is other is not served.page.blocks[slider] is holder["else"][slider]
    state = next(i for i, b in served.page.blocks.items() if isinstance(b, gr.State))
    session[state] = {"a": 1}
    assert (session[state], holder["else"][state]) == ({"a": 1}, 0)


def test_sessions_are_bounded_and_counted_in_the_budget(served):
    for gigabytes, wanted in ((0.5, 100), (8, 257), (1000, 4000)):
        assert sessions.capacity(int(gigabytes * 1024**3)) == wanted
    assert sessions.capacity(2**40) * sessions.SESSION_BYTES <= 2**40 * sessions.SHARE
    holder = sessions.Sessions()
    config = served.page.default_config
    holder.set_blocks(SimpleNamespace(default_config=config, state_session_capacity=3))
    for number in range(9):
        holder[f"s{number}"]
    assert list(holder.session_data) == ["s6", "s7", "s8"]


# What nobody's page would send


def test_values_of_the_wrong_kind_end_in_a_message_and_one_line(served, ask, caplog, capfd):
    right = ["text", 1, "", "en"]
    wrong = [
        [{"a": 1}, 1, "", "en"],
        ["text", "1", "", "en"],
        ["text", True, "", "en"],
        ["text", 10**30, "", "en"],
        [["a"], 1, "", "ko"],
    ]
    assert "4 1 ''" in answer_of(ask, "measure_text", right)
    assert "4 1 ''" in answer_of(ask, "measure_text", ["text", 1, ["a list"], "en"])
    for values in wrong:
        answer = answer_of(ask, "measure_text", values)
        assert "event: error" in answer
        found = json.loads(answer.split("data: ")[1])["error"]
        assert ("맞지 않습니다" if "ko" in values else "does not fit this page") in found
    assert "4 values are needed" in answer_of(ask, "measure_text", ["text"])
    captured = capfd.readouterr()
    assert "Traceback" not in captured.err + captured.out + caplog.text
    with pytest.raises(Refused):
        fitting([gr.Textbox(render=False)], [])


def test_a_slider_that_was_emptied_is_named_in_the_visitors_language():
    parts = [gr.Slider(0, 1, label=label("nudge_strength"), render=False), gr.Number(render=False)]
    assert fitting(parts, [0.5, None]) == [0.5, None]  # a number's handler knows what none of it means
    with pytest.raises(Refused) as refused:
        fitting(parts, [None, None])
    assert refused.value.text("en") == "Fill in Strength: it is empty."
    assert refused.value.text("ko") == "“세기” 칸이 비어 있습니다. 채우세요."


def test_a_fault_is_written_in_full_once_for_each_place_of_ours(caplog, monkeypatch):
    monkeypatch.setattr(faults, "_seen", set())

    @shown
    def breaks(value: Any, language: str) -> None:
        raise TypeError("x" * 5000)

    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            with pytest.raises(gr.Error):
                breaks(1, "en")
    assert [record.exc_info is not None for record in caplog.records] in (
        [True, False, False],
        [False] * 3,  # this file may lie outside of a folder named so
    )
    assert all(len(record.getMessage()) < 500 for record in caplog.records)


def test_an_event_that_is_not_there_is_a_message(ask):
    for body in (
        {"data": [], "fn_index": 999, "session_hash": "a"},
        {"data": [], "fn_index": "x", "session_hash": "a"},
    ):
        answer = ask.post("/gradio_api/queue/join", json=body)
        assert (answer.status_code, "Reload" in answer.json()["detail"]) == (404, True)
    assert call(ask, "nothing", []).status_code == 404
    assert call(ask, "echo", [1], session_hash="s" * 65).status_code == 400


# Connections


def test_a_connection_that_asks_nothing_is_closed():
    class Protocol:
        def __init__(self, cycle: Any) -> None:
            self.cycle, self.closed = cycle, False
            self.transport = SimpleNamespace(close=lambda: setattr(self, "closed", True))

    silent, look = slow.Silent(), slow.HEAD_SECONDS + 1
    half, busy = Protocol(None), Protocol(SimpleNamespace(response_complete=False))
    idle = Protocol(SimpleNamespace(response_complete=True))
    assert silent.close([half, busy, idle], 0.0) == 0
    idle.cycle = SimpleNamespace(response_complete=True)  # it has asked again
    assert silent.close([half, busy, idle], look) == 1
    assert [half.closed, busy.closed, idle.closed] == [True, False, False]


def test_scripts_work_as_before(served, ask):
    client = Client(served.url, verbose=False)
    assert client.predict([1, {"a": "가"}], api_name="/echo") == [1, {"a": "가"}]
    job = client.submit(api_name="/slow")
    assert SLOW.begun.wait(20)
    SLOW.open.set()
    assert job.result(20) == "done"


def test_every_part_of_the_page_may_send_what_it_was_built_with():
    page = layout.build_page()
    for event in page.fns.values():
        values = [getattr(part, "value", None) for part in event.inputs]
        shown = ["" if isinstance(value, I18nData) else value for value in values]
        fitting(event.inputs, shown)


@pytest.mark.parametrize("path", routes.PACKED)
def test_the_page_goes_packed_to_whoever_reads_that(ask, path):
    plain = ask.get(path, headers={"accept-encoding": "identity"})
    with ask.stream("GET", path, headers={"accept-encoding": "gzip"}) as packed:
        sent = sum(map(len, packed.iter_raw()))
        assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert sent < len(plain.content) / 2
    ask_again = ask.get(path, headers={"accept-encoding": "gzip"})
    assert len(ask_again.text) == pytest.approx(len(plain.text), abs=200)  # but for what is new each time
