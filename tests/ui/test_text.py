"""Every sentence is there in both languages, is used, and is filled with what it asks for."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest

from playground.ask import question as ask_question
from playground.ask.ways import ASK_WAYS
from playground.compare import source_names
from playground.engine.adapters import store
from playground.engine.adapters.names import MixMethod
from playground.engine.edit import EDITS
from playground.engine.fork.structure import PRESETS
from playground.engine.measuring.calculator import Dtype, Optimizer, Tuning
from playground.engine.merging import METHODS as MERGE_METHODS
from playground.engine.nudging.edit import DIRECTIONS
from playground.engine.pruning.edit import MethodName, Pattern, Scope
from playground.engine.quantizing.edit import Mode
from playground.engine.quantizing.grids import SCHEMES
from playground.engine.training.methods import METHODS as TRAINING_METHODS
from playground.engine.training.reading import ready_sets
from playground.engine.training.settings import Schedule
from playground.errors import Message
from playground.lab.lesson import KINDS
from playground.lab.ready_lessons import ready
from playground.lab.scores import IMPORTANT
from playground.lab.verdict import NEEDS
from playground.lab.ways import WAYS
from playground.retrieval.chunking.cutting import By
from playground.retrieval.context import Order
from playground.retrieval.fusion import FUSIONS
from playground.retrieval.lexical.bm25 import Variant
from playground.retrieval.passages import QuestionKind
from playground.retrieval.retrievers import RETRIEVERS
from playground.ui.adapters import dial as dial_panel
from playground.ui.adapters import mix as mix_panel
from playground.ui.adapters import train as train_panel
from playground.ui.ask import examples as ask_examples
from playground.ui.ask import runs as ask_runs
from playground.ui.compare import tab as compare_tab
from playground.ui.documents import search_form as search_panel
from playground.ui.guide.chapters import CHAPTER_GROUPS
from playground.ui.guide.pictures import PICTURES
from playground.ui.lab.fact import QUESTIONS
from playground.ui.layout import PAGES, TABS
from playground.ui.merge import form as merge_panel
from playground.ui.parts.retriever_words import words_of
from playground.ui.text import EN, KO, KO_MESSAGES, TABLES, label, say, tell
from playground.ui.weights import form as edit_panel
from playground.ui.weights import number_line as number_line_panel

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "playground").rglob("*.py"))
PAGE = [path for path in SOURCES if "ui" in path.parts and "text" not in path.parts]
ERRORS = (
    "Message",
    "PlaygroundError",
    "RecipeError",
    "ModelError",
    "CorpusError",
    "NotBuiltError",
    "Stopped",
    "MissingAdapterError",
    "AdapterError",
    "TrainingError",
    "DataError",
    "MergeError",
    "DiskError",
    "MissingCheckpointError",
    "NoStatementError",
)
HANGUL = re.compile("[가-힣]")
VERDICT = ROOT / "playground" / "lab" / "verdict.py"
ASK_VERDICT = ROOT / "playground" / "ask" / "verdict.py"

MEASURES = ("perplexity", "bits", "kl", "top", "zeros", "file", "packed", "effective", "held", "one", "batch", "many")

# What each f-string that names a text may become; a new one is added here.
NAMED = {
    "tab_{}": [f"tab_{tab.id}" for tab in TABS],
    "guide_group_{}": [f"guide_group_{name}" for name in CHAPTER_GROUPS],
    "figure_{}": [f"figure_{name}" for name in PICTURES],
    "figure_{}_label": [f"figure_{name}_label" for name in PICTURES],
    "page_{}": [f"page_{name}" for name, parts in PAGES.items() if len(parts) > 1],
    "way_{}": [f"way_{way.id}" for way in WAYS.values() if way.writes],
    "lab_{}": [
        *(f"lab_{name}" for name in (*IMPORTANT, *KINDS)),
        *(f"lab_{name}{part}" for name in QUESTIONS for part in ("", "_info")),
    ],
    "lab_{}_info": [f"lab_{name}_info" for name in QUESTIONS],
    "ask_example_{}": [f"ask_example_{example.key}" for example in ask_examples.ASK_EXAMPLES],
    "ask_need_{}": [f"ask_need_{name}" for name in ask_question.ASK_NEEDS],
    "ask_cut_{}": [f"ask_cut_{name}" for name in ask_question.CUTTINGS],
    "ask_way_{}": [f"ask_way_{name}" for name in ASK_WAYS],
    "ask_best_{}": [f"ask_best_{name}" for name in ASK_WAYS],
    "ask_offer_{}": [f"ask_offer_{name}" for name in (*ask_runs.CHANGES, "reword")],
    "lab_ready_{}": [f"lab_ready_{one.key}" for one in ready()],
    "lab_to_{}": ["lab_to_stack", "lab_to_compare"],
    "lab_cell_{}": [
        f"lab_cell_{name}" for name in ("question", "wanted", "other", "right", "written", "writes", "before")
    ],
    "lab_save_{}": [f"lab_save_{name}" for name in ("table", "questions", "report")],
    "lab_collateral_{}": [f"lab_collateral_{name}" for name in ("fact", "topic", "before", "after", "says")],
    "need_{}": [f"need_{name}" for name in NEEDS],
    "order_{}": [f"order_{name}" for name in get_args(Order)],
    "cut_{}": [f"cut_{name}" for name in get_args(By)],
    "cut_unit_{}": [f"cut_unit_{name}" for name in get_args(By)],
    "example_{}": [f"example_{example.key}" for example in compare_tab.EXAMPLES],
    "direction_{}": [f"direction_{name}" for name in DIRECTIONS],
    "side_{}": [f"side_{name}" for name in ("both", "input", "output")],
    "weights_{}": ["weights_base", "weights_mine"],
    "weights_of_{}": [f"weights_of_{n}" for n in range(1, compare_tab.MOST + 1)],
    "retriever_{}": [f"retriever_{name}" for name in source_names()],
    "title_nudge_{}": [f"title_nudge_{name}" for name in DIRECTIONS],
    "title_{}": [f"title_{kind}" for kind in EDITS if kind != "nudge_tokens"],
    "bm25_{}": [f"bm25_{name}" for name in get_args(Variant)],
    "split_{}": [f"split_{name}" for name in search_panel.SPLITS],
    "fusion_{}": [f"fusion_{name}" for name in FUSIONS],
    "asked_{}": ["asked_all", *(f"asked_{kind}" for kind in get_args(QuestionKind))],
    "kind_{}": [f"kind_{name}" for name in edit_panel.KINDS],
    "method_{}": [f"method_{name}" for name in get_args(MethodName)],
    "pattern_{}": [f"pattern_{name}" for name in get_args(Pattern)],
    "scope_{}": [f"scope_{name}" for name in get_args(Scope)],
    "scheme_{}": [f"scheme_{name}" for name in SCHEMES],
    "rounding_{}": ["rounding_rtn", "rounding_gptq"],
    "mode_{}": [f"mode_{name}" for name in get_args(Mode)],
    "target_{}": [f"target_{name}" for name in PRESETS],
    "group_{}": [f"group_{name}" for name in edit_panel.GROUP_SIZES],
    "calibration_{}": [f"calibration_{name}" for name in edit_panel.TEXTS],
    "line_{}": [f"line_{name}" for name in number_line_panel.LINE_SCHEMES],
    "view_by_{}": ["view_by_change", "view_by_zeros"],
    "view_{}": ["view_change", "view_zeros"],
    "measure_{}": [f"measure_{name}" for name in MEASURES],
    "shipped_{}": [f"shipped_{name}" for name in store.shipped()],
    "data_{}": [f"data_{name}" for name in train_panel.SOURCES],
    "set_{}": [f"set_{name}" for name in ready_sets()],
    "train_{}": [f"train_{name}" for name in TRAINING_METHODS],
    "schedule_{}": [f"schedule_{name}" for name in get_args(Schedule)],
    "costs_{}": ["costs_memory", "costs_hundred", "costs_seconds"],
    "map_{}": ["map_neighbours", "map_before", "map_after"],
    "dial_{}": [f"dial_{name}" for name in dial_panel.NAMED.values()],
    "estimate_{}": [
        f"estimate_{name}"
        for name in ("parameters", "weights", "trained", "gradients", "optimizer", "activations", "steps", "seconds")
    ],
    "mix_weight_{}": [f"mix_weight_{n}" for n in range(1, mix_panel.MOST_MIXED + 1)],
    "mix_{}": [f"mix_{name}" for name in get_args(MixMethod)],
    "merge_example_{}": [f"merge_example_{name}" for name in merge_panel.EXAMPLES],
    "merge_method_{}": [f"merge_method_{name}" for name in MERGE_METHODS],
    "merge_hint_{}": [f"merge_hint_{name}" for name in MERGE_METHODS],
    "merge_rescale_{}": [f"merge_rescale_{name}" for name in merge_panel.RESCALES],
    "merge_weight_{}": [f"merge_weight_{n}" for n in range(1, merge_panel.MOST_MIXED + 1)],
    "merge_part_{}": [f"merge_part_{name}" for name in merge_panel.PARTS],
    "walk_chart_{}": ["walk_chart_base", "walk_chart_models"],
    "end_{}": [f"end_{name}" for name in mix_panel.ENDS],
    "tuning_{}": [f"tuning_{name}" for name in get_args(Tuning)],
    "dtype_{}": [f"dtype_{name}" for name in get_args(Dtype)],
    "optimizer_{}": [f"optimizer_{name}" for name in get_args(Optimizer)],
    "calculated_{}": [
        f"calculated_{name}"
        for name in ("weights", "cache", "total", "rule", "fits", "learns", "gradients", "states", "activations")
    ],
    "run_{}": ["run_stopped", "run_done"],
    "measure_{}_hint": [f"measure_{name}_hint" for name in MEASURES],
}
# What keys of the verdict on Ask may become: a need more or less
FLIPS = {
    f"{key}_{{}}": [f"{key}_{name}" for name in ask_question.ASK_NEEDS if name != "style"]
    for key in ("flip_with", "flip_without")
} | {"none_for_{}": ["none_for_cite", "none_for_many", "none_for_bare"]}
# Places where a retriever, or what stands beside it there, is called by name.
PLACES = {
    "heading": RETRIEVERS,
    "stage": ("tokenise", "bm25", "embed", "dense", "fuse", "rerank", "diversify", "prompt", "first_token", "rest"),
    "way": WAYS,
}


def fields(template: str) -> set[str]:
    """The names in the braces."""
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def calls(path: Path, *names: str) -> Iterator[tuple[ast.Call, ast.AST]]:
    """Calls of these functions, each with the function that it stands in."""
    owner: dict[ast.AST, ast.AST] = {}
    for node in ast.walk(tree(path)):  # outer functions come first, inner ones overwrite them
        if isinstance(node, ast.FunctionDef | ast.Module):
            owner |= dict.fromkeys(ast.walk(node), node)
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            called = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if called in names:
                yield node, owner[node]


def wanted(given: ast.expr, within: ast.AST) -> set[str]:
    """The keys that an expression may give: a text, an f-string, a choice, or a loop's name."""
    if isinstance(given, ast.Constant):
        return {str(given.value)}
    if isinstance(given, ast.IfExp):
        return wanted(given.body, within) | wanted(given.orelse, within)
    if isinstance(given, ast.JoinedStr):
        shape = "".join(p.value if isinstance(p, ast.Constant) else "{}" for p in given.values)
        if shape == "verdict_{}":
            return {key for _, keys in verdict_calls() for key in keys}
        if shape == "ask_{}":
            return remark_keys()
        if shape in FLIPS:
            return set(FLIPS[shape])
        assert shape in NAMED, f"{shape}: say in NAMED what it may become"
        return set(NAMED[shape])
    if isinstance(given, ast.Call) and ast.unparse(given.func) == "words_of":
        place = str(ast.literal_eval(given.args[0]))
        return {words_of(place, name) for name in PLACES[place]}
    assert isinstance(given, ast.Name), ast.unparse(given)
    found: set[str] = set()
    for node in ast.walk(within):
        if isinstance(node, ast.comprehension) and ast.unparse(node.target) == given.id:
            assert isinstance(node.iter, ast.Tuple), ast.unparse(node.iter)
            found |= {str(ast.literal_eval(item)) for item in node.iter.elts}
        if isinstance(node, ast.Assign) and given.id in map(ast.unparse, node.targets):
            found |= wanted(node.value, within)
    assert found, f"where does {given.id} come from?"
    return found


def verdict_calls() -> list[tuple[ast.Call, set[str]]]:
    """Every sentence of the lab's verdict: the call that makes it, and the keys it may have."""
    return [
        (call, {f"verdict_{key}" for key in wanted(call.args[0], within)})
        for call, within in calls(VERDICT, "sentence")
    ]


def remark_keys() -> set[str]:
    """Every sentence of the verdict on Ask."""
    return {f"ask_{key}" for call, within in calls(ASK_VERDICT, "Remark") for key in wanted(call.args[0], within)}


def page_calls() -> Iterator[tuple[str, ast.Call, set[str]]]:
    """Every use of a text on the page: (where, the call, the keys it may ask for)."""
    for path in PAGE:
        # A refusal is written where it is raised, and said in one place, by whatever it holds; a run too
        asks = {"refusal.py": ("Refused",), "run.py": ()}.get(path.name, ("label", "say", "Refused"))
        for call, within in calls(path, *asks):
            place = 0 if getattr(call.func, "id", "") == "label" else 1
            keys = wanted(call.args[place], within)
            yield f"{path.name}:{call.lineno}", call, keys
        for call, within in calls(path, "Run"):  # says by itself that it was stopped
            words = [word.value for word in call.keywords if word.arg in ("words", "early")]
            yield f"{path.name}:{call.lineno}", call, {key for word in words for key in wanted(word, within)}


# The two tables


def test_both_languages_have_the_same_texts():
    assert set(EN) == set(KO)
    assert TABLES == {"en": EN, "ko": KO}
    assert len(EN) > 100


def test_every_text_says_something_with_the_same_fields_in_both():
    for key in EN:
        for text in (EN[key], KO[key]):
            assert text.strip() == text != "", key
        assert fields(EN[key]) == fields(KO[key]), key


def test_english_is_english_and_korean_is_korean():
    for key in EN.keys() - {"other_language"}:
        assert not HANGUL.search(EN[key]), key
        assert len(KO[key]) <= 12 or HANGUL.search(KO[key]), KO[key]


def test_the_language_switch_names_the_other_language():
    assert EN["other_language"] == "한국어"
    assert KO["other_language"] == "English"


def test_headings_stay_headings():
    for key in EN:
        mark = re.match(r"#+ ", EN[key])
        assert (mark and mark[0]) == ((m := re.match(r"#+ ", KO[key])) and m[0]), key
        assert EN[key].count("**") == KO[key].count("**"), key


def test_no_key_is_written_twice():
    """Not in one file either, where Python would take the last."""
    for language in ("en", "ko"):
        written = [
            ast.literal_eval(key)
            for path in sorted((ROOT / "playground" / "ui" / "text" / language).glob("*.py"))
            for node in tree(path).body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)
            for key in node.value.keys
            if key is not None
        ]
        assert len(written) > 900
        assert [key for key, times in Counter(written).items() if times > 1] == []


# What the page asks for


def test_the_walk_sees_every_way_to_name_a_text(tmp_path):
    path = tmp_path / "page.py"
    path.write_text(
        "def build():\n"
        "    label('a'); say(language, 'b', n=1); text.say('ko', 'c' if x else 'd')\n"
        "    [say(l, key) for key in ('e', 'f')]\n"
        "    later = f'direction_{name}'\n"
        "    return say(l, later)\n"
        "def other():\n"
        "    later = 'g'\n"
        "    return say(l, later)\n"
    )
    found: list[set[str]] = []
    for call, within in calls(path, "label", "say"):
        place = 0 if getattr(call.func, "id", "") == "label" else 1
        found.append(wanted(call.args[place], within))
    directions = {"direction_toward", "direction_away", "direction_random", "direction_scale"}
    assert sorted(map(sorted, found)) == sorted(map(sorted, [{"a"}, {"b"}, {"c", "d"}, {"e", "f"}, directions, {"g"}]))


def test_every_text_that_the_page_asks_for_exists():
    missing = [(where, keys - set(EN)) for where, _, keys in page_calls() if keys - set(EN)]
    assert missing == []


def test_every_text_is_used():
    used = {key for _, _, keys in page_calls() for key in keys}
    assert set(EN) - used == set()


def test_every_f_string_that_names_texts_is_still_there():
    shapes = {
        "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
        for path in PAGE
        for node in ast.walk(tree(path))
        if isinstance(node, ast.JoinedStr)
    }
    assert set(NAMED) <= shapes


def test_every_text_is_filled_with_what_it_asks_for():
    """Extra values do no harm; a missing one would fail before the visitor's eyes."""
    unfilled = []
    for where, call, keys in page_calls():
        given = {word.arg for word in call.keywords}
        if None not in given:  # **values: see the next test
            unfilled += [(where, key) for key in keys if not fields(EN[key]) <= given]
    assert unfilled == []


def test_every_sentence_of_the_verdict_is_filled_with_what_it_asks_for():
    for call, keys in verdict_calls():
        for key in keys:
            assert fields(EN[key]) <= {word.arg for word in call.keywords}, key


@pytest.mark.parametrize("kind", EDITS)
def test_a_title_asks_only_for_what_its_edit_has(kind):
    for title in NAMED["title_nudge_{}" if kind == "nudge_tokens" else "title_{}"]:
        if kind in ("nudge_tokens", title.removeprefix("title_")):
            assert fields(EN[title]) <= set(EDITS[kind].model_fields)


def test_labels_have_no_fields_to_fill():
    """The browser shows them as they are."""
    for path in PAGE:
        for call, within in calls(path, "label"):
            for key in wanted(call.args[0], within):
                assert fields(EN[key]) == set(), key


# Messages of the engine and of retrieval


def messages() -> list[tuple[str, ast.Call, ast.expr]]:
    """Every message made anywhere, with where it stands and its template."""
    return [
        (f"{path.relative_to(ROOT)}:{call.lineno}", call, call.args[0])
        for path in SOURCES
        for call, _ in calls(path, *ERRORS)
        if call.args
    ]


def templates() -> set[str]:
    return {
        str(given.value)
        for _, _, given in messages()
        if isinstance(given, ast.Constant) and isinstance(given.value, str)
    }


def test_every_message_has_its_korean_with_the_same_fields():
    assert len(templates()) > 50
    assert templates() - set(KO_MESSAGES) == set()
    differing = [t for t in templates() if fields(t) != fields(KO_MESSAGES[t])]
    assert differing == []


def test_every_korean_message_is_used_and_is_korean():
    assert set(KO_MESSAGES) - templates() == set()
    worded = [k for k in KO_MESSAGES.values() if re.sub(r"{.*?}", "", k)]  # has words of its own
    assert [k for k in worded if not HANGUL.search(k)] == []
    assert [t for t in KO_MESSAGES if HANGUL.search(t)] == []


def test_a_message_is_written_out_where_it_is_made():
    """A template put together at run time could not be looked up."""
    made = [where for where, _, given in messages() if isinstance(given, ast.JoinedStr | ast.BinOp)]
    assert made == []


def filled_when_refused(where: str) -> set[str]:
    """What ``checked`` fills messages of its file with: the fields of the classes under it."""
    classes = [node for node in ast.walk(tree(ROOT / where.partition(":")[0])) if isinstance(node, ast.ClassDef)]
    refusing = [node for node in classes if any("checked(" in ast.unparse(one) for one in node.decorator_list)]
    names = {line.target.id for node in refusing for line in node.body if isinstance(line, ast.AnnAssign)}
    return {*names, "field", "given"} if refusing else set()


def test_every_message_is_filled_with_what_it_asks_for():
    unfilled = []
    for where, call, given in messages():
        named = {word.arg for word in call.keywords}
        if not isinstance(given, ast.Constant) or None in named:
            continue
        if call.args[1:]:  # Message(template, {...})
            assert isinstance(call.args[1], ast.Dict), where
            named = {ast.literal_eval(key) for key in call.args[1].keys if key}
        elif getattr(call.func, "id", "") == "Message" and "engine/validation_messages" in where:
            continue  # RULES: filled by explained, which tests/engine/test_recipe.py covers
        if fields(str(given.value)) - named <= filled_when_refused(where):
            named |= fields(str(given.value))
        if fields(str(given.value)) != named:
            unfilled.append((where, fields(str(given.value)) ^ named))
    assert unfilled == []


def test_every_message_ends_as_a_sentence_or_shows_that_it_goes_on():
    bad = [t for t in templates() if not t.endswith((".", "…", "?", "requirements-weights.txt"))]
    told = ("{text}", "{first} Also: {more}")  # which end with a message that was told already
    assert [t for t in bad if t not in told] == []


# Saying them


def test_say_speaks_the_language_and_english_where_there_is_none():
    assert say("ko", "undo") == KO["undo"]
    assert say("en", "undo") == say("fr", "undo") == say("", "undo") == EN["undo"]
    assert say("en", "seconds", n=3) == "(3 s)"


def test_values_are_not_read_as_templates():
    said = say("en", "title_nudge_scale", text="{strength} {x} {0}", strength="2")
    assert said == "“{strength} {x} {0}” scaled by 2"


def test_tell_gives_a_message_in_the_language():
    message = Message("The prompt has {count} characters: keep it to {limit}.", {"count": 5, "limit": 3})
    assert tell("en", message) == "The prompt has 5 characters: keep it to 3."
    assert tell("ko", message) == "질문이 5자입니다. 3자까지 쓰세요."
    unknown = Message("Not in the table: {x}", {"x": 1})
    assert tell("ko", unknown) == "Not in the table: 1"


def test_a_label_must_exist():
    with pytest.raises(AssertionError, match="no-such-text"):
        label("no-such-text")
