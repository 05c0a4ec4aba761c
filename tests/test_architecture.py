"""Imports point one way, and what must never be used is not used."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from playground.ui.layout import TABS

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "playground").rglob("*.py"))
EVERYTHING = [*SOURCES, *(path for path in [ROOT / "app.py"] if path.is_file())]

ABOVE = ("ui", "api", "compare", "workspace")  # what the rooms below may not know of


def name_of(path: Path) -> str:
    """playground/ui/layout.py -> playground.ui.layout"""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_in(source: str, package: str) -> Iterator[str]:
    """Every module named by an import anywhere in a file, relative ones made absolute.

    ``from a import b`` gives both a and a.b, since b may be a module. Names given to
    ``import_module`` and ``__import__`` as plain text count too.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")[: -(node.level - 1) or None] if node.level else []
            module = ".".join([*parts, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            called = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            if called in ("import_module", "__import__") and node.args:
                yield from (a.value for a in node.args[:1] if isinstance(a, ast.Constant))


def imports_of(path: Path) -> set[str]:
    name = name_of(path)
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    return set(imports_in(path.read_text(encoding="utf-8"), package))


def within(module: str, *roots: str) -> bool:
    return any(module == root or module.startswith(f"{root}.") for root in roots)


def broken(folder: str, *forbidden: str) -> list[str]:
    """Imports of what is forbidden, in a room or a single module of the package."""
    return [
        f"{name_of(path)} imports {module}"
        for path in SOURCES
        if within(name_of(path), f"playground.{folder}")
        for module in sorted(imports_of(path))
        if within(module, *forbidden)
    ]


def test_the_walk_sees_every_way_to_import():
    source = """
import gradio as gr, os.path
from playground import api
from . import sibling
from .near import thing
from ..far import other
def later():
    import inner
    importlib.import_module("dynamic")
    __import__("dunder")
"""
    assert set(imports_in(source, "playground.ui")) == {
        "gradio",
        "os.path",
        "playground",
        "playground.api",
        "playground.ui",
        "playground.ui.sibling",
        "playground.ui.near",
        "playground.ui.near.thing",
        "playground.far",
        "playground.far.other",
        "inner",
        "dynamic",
        "dunder",
    }
    assert len(SOURCES) > 10


@pytest.mark.parametrize(
    ("room", "forbidden"),
    [
        ("engine", ["gradio", "playground.retrieval", *(f"playground.{name}" for name in ABOVE)]),
        ("retrieval", ["gradio", "playground.engine", *(f"playground.{name}" for name in ABOVE)]),
        ("ask", ["gradio", *(f"playground.{name}" for name in ABOVE if name != "compare")]),
        ("lab", ["gradio", "playground.ask", *(f"playground.{name}" for name in ABOVE if name != "compare")]),
        ("sources", ["gradio", *(f"playground.{name}" for name in ABOVE if name != "compare")]),
        ("compare", ["gradio", "playground.ui", "playground.api", "playground.workspace"]),
        ("workspace", ["gradio", "playground.ui"]),
        ("api", ["gradio", "playground.ui"]),
    ],
)
def test_a_room_knows_nothing_of_those_above_and_beside_it(room, forbidden):
    assert broken(room, *forbidden) == []


def test_only_the_page_imports_gradio():
    found = {name_of(path) for path in SOURCES for m in imports_of(path) if within(m, "gradio")}
    assert [name for name in sorted(found) if not within(name, "playground.ui")] == []


def test_only_one_file_asks_the_hub():
    found = {name_of(path) for path in SOURCES for m in imports_of(path) if within(m, "huggingface_hub")}
    assert found == {"playground.hub"}


def test_engine_and_retrieval_meet_only_above_both():
    meeting = {
        name_of(path)
        for path in SOURCES
        if any(within(m, "playground.engine") for m in imports_of(path))
        and any(within(m, "playground.retrieval") for m in imports_of(path))
    }
    assert [n for n in sorted(meeting) if within(n, "playground.engine", "playground.retrieval")] == []
    assert not any(within(name, "playground.ui.text") for name in meeting)


def circles(arrows: dict[str, set[str]]) -> list[list[str]]:
    """Modules that import each other, by whatever way round (Tarjan 1972)."""
    index, low, open_, found = {}, {}, [], []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        open_.append(name)
        for other in sorted(arrows[name]):
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in open_:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            place = open_.index(name)
            if len(open_) - place > 1:
                found.append(sorted(open_[place:]))
            del open_[place:]

    for name in arrows:
        if name not in index:
            visit(name)
    return found


def arrows() -> dict[str, set[str]]:
    """Which of our modules each one names in an import, wherever in the file it stands."""
    names = {name_of(path) for path in SOURCES}
    found = {}
    for path in SOURCES:
        imports = imports_of(path) & names
        inner = {name for name in imports if any(other.startswith(f"{name}.") for other in imports)}
        found[name_of(path)] = imports - inner - {name_of(path)}  # a package is named on the way to its module
    return found


def test_no_file_imports_in_a_circle():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == [["b", "c"]]
    assert circles(arrows()) == []


def test_nothing_imports_the_entry():
    found = [name_of(p) for p in SOURCES if any(within(m, "app") for m in imports_of(p))]
    assert found == []


def test_errors_and_settings_import_nothing_of_the_rest():
    allowed = ("playground", "playground.errors", "playground.settings")
    for path in SOURCES:
        if name_of(path) in allowed[1:]:
            ours = {m for m in imports_of(path) if within(m, "playground")}
            assert {m for m in ours if not within(m, *allowed[1:]) and m != "playground"} == set()


# What must never be used


NEVER_TRUE = ("trust_remote_code", "share", "allow_pickle", "allowed_paths")
WIDE_PATHS = ("['/']", "['.']", "['~']")


def uses_in(source: str) -> Iterator[str]:
    """Forbidden things that a file uses, as code: words in comments and sentences do not count."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in ("torch.load", "gr.load", "gradio.load", "joblib.load", "eval", "exec"):
                yield called
            for keyword in node.keywords:
                given = ast.unparse(keyword.value)
                harmless = {"False", "None"}
                if keyword.arg == "share" and not called.endswith("launch"):
                    harmless.add(given)  # the word has other meanings elsewhere
                if keyword.arg == "allowed_paths":
                    harmless.add(given if given not in WIDE_PATHS else "")
                if keyword.arg in NEVER_TRUE and given not in harmless:
                    yield f"{keyword.arg}={given}"
        if isinstance(node, ast.Name | ast.Attribute):
            last = node.id if isinstance(node, ast.Name) else node.attr
            if last == "FileExplorer":
                yield last
        if isinstance(node, ast.alias) and node.name in ("FileExplorer", "pickle"):
            yield node.name


PICKLES = ("pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal", "torch.load")


def test_the_walk_sees_what_is_forbidden():
    source = """
torch.load(x); gr.load("m"); eval("1")
m.from_pretrained(x, trust_remote_code=True); demo.launch(share=True)
m.from_pretrained(x, trust_remote_code=wish); m.from_pretrained(x, trust_remote_code=False)
np.load(f, allow_pickle=True); gr.FileExplorer(); Message("{share}", share=0.5)
demo.launch(allowed_paths=["/"]); demo.launch(allowed_paths=["assets"], share=False)
from gradio import FileExplorer
import pickle
# torch.load(x)
"torch.load(x)"
"""
    assert sorted(uses_in(source)) == [
        "FileExplorer",
        "FileExplorer",
        "allow_pickle=True",
        "allowed_paths=['/']",
        "eval",
        "gr.load",
        "pickle",
        "share=True",
        "torch.load",
        "trust_remote_code=True",
        "trust_remote_code=wish",
    ]


def test_no_file_unpickles_runs_remote_code_or_opens_the_host():
    for path in EVERYTHING:
        assert list(uses_in(path.read_text(encoding="utf-8"))) == [], path
        assert [module for module in imports_of(path) if within(module, *PICKLES)] == [], path


# The rooms of the page

TAB_ROOMS = {tab.build.__module__.split(".")[2] for tab in TABS} | {"bar"}
# What each room may import of the page, besides itself and the texts.
BELOW: dict[str, tuple[str, ...]] = {
    "shell": (),
    "parts": ("shell",),
    "edge": ("shell",),
    **dict.fromkeys(TAB_ROOMS, ("shell", "parts")),
}


def test_rooms_of_the_page_import_what_lies_below_them_and_no_tab_imports_another():
    assert len(TAB_ROOMS) == len(TABS) + 1
    for room, below in BELOW.items():
        allowed = [f"playground.ui.{name}" for name in (room, "text", *below)]
        found = [
            line
            for line in broken(f"ui.{room}", "playground.ui")
            if not within(line.rpartition(" ")[2], "playground.ui.text", *allowed)
            and line.rpartition(" ")[2] != "playground.ui"
        ]
        assert found == []


def test_every_file_of_the_page_is_in_a_room():
    hall = ROOT / "playground" / "ui"
    assert {path.name for path in hall.glob("*.py")} == {"__init__.py", "layout.py"}
    rooms = {path.name for path in hall.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert rooms == {"text", *BELOW}


# HTML is escaped by construction

# Where a tag is written around a value by hand, and why.
BY_HAND = {
    "playground.ui.parts.html": "makes the tags",
    "playground.ui.shell.first_script": "a script with our own words as JSON, put into the page as bytes",
}
TAG = re.compile(r"</?[a-zA-Z!]")


def makers_of_html(source: str) -> set[str]:
    """Names of the functions that give ``Markup``, without those that methods of texts have too."""
    functions = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef) and node.returns)
    return {node.name for node in functions if ast.unparse(node.returns) == "Markup"} - set(dir(str))


def unescaped_in(source: str, makers: set[str]) -> Iterator[str]:
    """Where text may get into HTML as it is, or HTML may be taken for text and be escaped later."""

    def gives_html(node: ast.AST) -> bool:
        name = getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
        return name in makers

    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value for part in node.values if isinstance(part, ast.Constant)]
            values = [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
            if values and (any(map(TAG.search, parts)) or any(map(gives_html, values))):
                yield ast.unparse(node)
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Constant)
        ):
            text, method = str(node.func.value.value), node.func.attr
            if method == "format" and TAG.search(text):
                yield ast.unparse(node)
            if method == "join" and any(map(gives_html, ast.walk(node))):
                yield ast.unparse(node)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Markup":
            yield from (ast.unparse(node) for given in node.args if not isinstance(given, ast.Constant))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
            for side in (node.left, node.right):
                if isinstance(side, ast.Constant) and isinstance(side.value, str) and TAG.search(side.value):
                    yield ast.unparse(node)


def test_the_walk_sees_html_made_by_hand():
    source = """
f"<b>{name}</b>"; "<b>{}</b>".format(name); "<b>%s</b>" % name; "<b>" + name; Markup(name)
"".join(note(text) for text in texts); f"{note(text)} more"
f"{name} < 3"; "<b>"; f"<b>"; Markup("<b>{}</b>").format(name); join(note(text) for text in texts)
"""
    assert len(list(unescaped_in(source, {"note"}))) == 7


def test_the_page_makes_no_html_by_hand():
    page = {path: path.read_text(encoding="utf-8") for path in SOURCES if within(name_of(path), "playground.ui")}
    makers = {name for source in page.values() for name in makers_of_html(source) if not name.startswith("_")}
    assert {"tag", "note", "table", "svg", "belongs"} <= makers
    for path, source in page.items():
        assert [module for module in imports_of(path) if within(module, "html")] == [], path
        if name_of(path) not in BY_HAND and not within(name_of(path), "playground.ui.text"):
            assert list(unescaped_in(source, makers | makers_of_html(source))) == [], path


MOST_PARAMETERS = 6


def parameters_of(source: str) -> Iterator[tuple[str, int]]:
    """Every function of a file, lambdas too, and how many parameters it has beside ``self``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            given = node.args
            named = [one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
            rest = [one for one in (given.vararg, given.kwarg) if one is not None]
            yield getattr(node, "name", "lambda"), len(named) + len(rest) - (named[:1] in (["self"], ["cls"]))


def test_the_walk_sees_every_parameter():
    source = """
def plain(a, /, b, *c, d=1, **e): pass
class Owner:
    async def late(self, a): return lambda x, y: x
"""
    assert dict(parameters_of(source)) == {"plain": 5, "late": 1, "lambda": 2}


def test_no_function_of_the_page_has_many_parameters():
    long = [
        f"{path.name}: {name} has {count}"
        for path in (ROOT / "playground" / "ui").rglob("*.py")
        for name, count in parameters_of(path.read_text(encoding="utf-8"))
        if count > MOST_PARAMETERS
    ]
    assert long == []


def test_the_entry_is_short():
    entry = ROOT / "app.py"
    if not entry.is_file():
        pytest.skip("app.py is not written yet")
    assert len(entry.read_text(encoding="utf-8").splitlines()) <= 40
