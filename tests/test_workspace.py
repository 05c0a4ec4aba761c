from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import settings as profile
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from playground import workspace
from playground.engine.recipe import MAX_EDITS, parse, parse_edit
from playground.errors import ModelError, PlaygroundError, RecipeError
from playground.workspace import MAX_HISTORY, Stack, Step, Workspace, new, workspace_from_json

SMOLLM2, TINY = "smollm2-135m-instruct", "tiny-gpt2"


def edit(text=" a", **more):
    values = {"direction": "random", "target": "", "strength": 0.5, "side": "both", "seed": 0}
    return {"kind": "nudge_tokens", "text": text} | values | more


def texts(space):
    return [step.edit.text for step in space.stack.steps]


def saved(*edits, **more):
    """What a browser would have kept of a stack."""
    steps = [{"edit": item, "on": True} for item in edits]
    return {"stack": {"model": SMOLLM2, "steps": steps}, **more}


def through_json(space):
    return workspace_from_json(json.loads(json.dumps(space.to_json())))


# One step at a time


def test_a_first_visit_has_the_hosts_model_and_no_edits():
    assert new() == Workspace(Stack(SMOLLM2))
    assert new().recipe() == new().base() == parse({"model": SMOLLM2, "edits": []})


def test_edits_stand_in_the_order_in_which_they_were_added():
    space = new().add(edit(" a")).add(edit(" b")).add(edit(" a"))
    assert texts(space) == [" a", " b", " a"]
    assert space.recipe() == parse({"model": SMOLLM2, "edits": [edit(t) for t in texts(space)]})
    assert space.base() == new().recipe()


def test_an_added_edit_is_written_out_in_full():
    space = new().add({"kind": "nudge_tokens", "text": " a", "target": " b"})
    assert space.to_json()["stack"]["steps"][0]["edit"] == {
        "kind": "nudge_tokens",
        "text": " a",
        "direction": "toward",
        "target": " b",
        "strength": 0.5,
        "side": "both",
        "seed": 0,
    }


@pytest.mark.parametrize("wrong", [{}, {"kind": "wish"}, edit(""), edit(strength=11), edit(strange=1), edit(seed=-1)])
def test_an_unusable_edit_is_refused_and_named_by_its_place(wrong):
    space = new().add(edit())
    with pytest.raises(RecipeError, match="Edit 2 "):
        space.add(wrong)


def test_a_stack_is_full_at_64():
    space = new()
    for _ in range(MAX_EDITS):
        space = space.add(edit())
    assert len(space.recipe().edits) == MAX_EDITS == 64
    with pytest.raises(RecipeError, match="64 edits, which is as many"):
        space.add(edit())
    # An edit that is switched off keeps its place.
    with pytest.raises(RecipeError, match="Remove one first"):
        space.toggle(0).add(edit())
    assert len(space.remove(5).add(edit(" z")).stack.steps) == 64


def test_a_switched_off_edit_stays_on_the_stack_and_leaves_the_recipe():
    space = new().add(edit(" a")).add(edit(" b")).toggle(0)
    assert texts(space) == [" a", " b"]
    assert [e.text for e in space.recipe().edits] == [" b"]
    assert space.toggle(0).recipe() == new().add(edit(" a")).add(edit(" b")).recipe()


@pytest.mark.parametrize("place", [-1, 1, 99])
def test_a_place_without_an_edit_changes_nothing(place):
    space = new().add(edit())
    assert space.toggle(place) is space
    assert space.remove(place) is space
    assert new().remove(0) == new().toggle(0) == new()


def test_one_of_two_equal_edits_is_removed():
    space = new().add(edit()).add(edit(" b")).add(edit())
    assert texts(space.remove(2)) == [" a", " b"]
    assert texts(space.remove(0)) == [" b", " a"]


def test_reset_can_be_undone():
    space = new().add(edit()).add(edit(" b")).toggle(1)
    assert space.reset().stack == Stack(SMOLLM2)
    assert space.reset().undo().stack == space.stack


def test_another_model_keeps_the_edits():
    space = new().add(edit()).choose_model(TINY)
    assert (space.stack.model, texts(space)) == (TINY, [" a"])
    assert space.base().model == TINY
    assert space.undo().stack.model == SMOLLM2


def test_a_presets_hub_name_is_kept_as_its_id():
    assert new().choose_model("sshleifer/tiny-gpt2").stack.model == TINY


@pytest.mark.parametrize("model", ["", "nope", "openai-community/gpt2", "../tiny-gpt2", None])
def test_a_model_that_is_not_offered_is_refused(model):
    with pytest.raises(ModelError, match="Unknown model"):
        new().choose_model(model)


def test_a_saved_recipe_takes_the_place_of_the_stack():
    file = json.dumps({"model": TINY, "edits": [edit(" x"), edit(" y")]})
    space = new().add(edit()).load(file)
    assert (space.stack.model, texts(space)) == (TINY, [" x", " y"])
    assert all(step.on for step in space.stack.steps)
    assert texts(space.undo()) == [" a"]


def test_saving_and_loading_a_recipe_gives_it_back():
    recipe = new().add(edit()).add(edit(" b")).toggle(0).recipe()
    assert new().load(recipe.model_dump_json(indent=2)).recipe() == recipe


@pytest.mark.parametrize(
    "file",
    [
        "",
        "{",
        "[]",
        "null",
        '"a"',
        "{}",
        '{"model": ""}',
        '{"model": "nope"}',
        '{"model": "tiny-gpt2", "edits": {}}',
        '{"model": "tiny-gpt2", "edits": [{}]}',
        '{"model": "tiny-gpt2", "edits": [], "x": 1}',
        "[" * 100_000,
        '"' + "a" * 300_000 + '"',
        '{"model": "../../etc/passwd"}',
        '{"model": 5}',
        "\ufeff",
        "\x00",
        json.dumps({"model": TINY, "edits": [edit()] * 65}),
    ],
)
def test_a_file_that_is_no_recipe_is_refused(file):
    with pytest.raises(PlaygroundError):
        new().load(file)


# History


def test_undo_and_redo_at_the_ends_change_nothing():
    assert new().undo() == new().redo() == new()
    space = new().add(edit())
    assert space.redo() is space
    assert space.undo().undo() == space.undo()


def test_a_new_change_forgets_what_was_undone():
    space = new().add(edit(" a")).add(edit(" b")).undo().add(edit(" c"))
    assert texts(space.redo()) == [" a", " c"]


def test_what_changes_nothing_is_not_history():
    space = new().add(edit()).undo()
    for same in (space.reset(), space.choose_model(SMOLLM2), space.toggle(3), space.remove(3)):
        assert same is space
        assert same.future
    assert space.load(json.dumps({"model": SMOLLM2})) is space


def test_history_is_bounded():
    space = new()
    for _ in range(MAX_HISTORY):
        space = space.add(edit())
    assert len(space.past) == MAX_HISTORY
    for _ in range(5):
        space = space.toggle(0)
    assert len(space.past) == MAX_HISTORY
    back = space
    for _ in range(MAX_HISTORY + 10):
        back = back.undo()
    assert (len(back.past), len(back.future)) == (0, MAX_HISTORY)
    assert len(back.stack.steps) == 5  # the oldest five changes cannot be undone
    for _ in range(MAX_HISTORY + 10):
        back = back.redo()
    assert back == space


class History(RuleBasedStateMachine):
    """A workspace against the plainest model of one: a list of states and a place in it."""

    def __init__(self):
        super().__init__()
        self.space = new()
        self.states = [(SMOLLM2, [])]
        self.at = 0

    def now(self):
        model, steps = self.states[self.at]
        return model, [list(step) for step in steps]

    def then(self, model, steps):
        if (model, steps) != self.now():
            states = [*self.states[: self.at + 1], (model, steps)]
            self.states = states[-(MAX_HISTORY + 1) :]
            self.at = len(self.states) - 1

    @rule(text=st.sampled_from([" a", " b", " 가", "<b>"]))
    def add(self, text):
        self.space = self.space.add(edit(text))
        model, steps = self.now()
        self.then(model, [*steps, [text, True]])

    @rule(place=st.integers(-1, 4))
    def toggle(self, place):
        self.space = self.space.toggle(place)
        model, steps = self.now()
        if 0 <= place < len(steps):
            steps[place][1] = not steps[place][1]
        self.then(model, steps)

    @rule(place=st.integers(-1, 4))
    def remove(self, place):
        self.space = self.space.remove(place)
        model, steps = self.now()
        if 0 <= place < len(steps):
            del steps[place]
        self.then(model, steps)

    @rule()
    def reset(self):
        self.space = self.space.reset()
        self.then(self.now()[0], [])

    @rule(model=st.sampled_from([SMOLLM2, TINY]))
    def choose_model(self, model):
        self.space = self.space.choose_model(model)
        self.then(model, self.now()[1])

    @rule(model=st.sampled_from([SMOLLM2, TINY]), names=st.lists(st.sampled_from("ab"), max_size=3))
    def load(self, model, names):
        file = {"model": model, "edits": [edit(name) for name in names]}
        self.space = self.space.load(json.dumps(file))
        self.then(model, [[name, True] for name in names])

    @rule()
    def undo(self):
        self.space = self.space.undo()
        self.at = max(0, self.at - 1)

    @rule()
    def redo(self):
        self.space = self.space.redo()
        self.at = min(len(self.states) - 1, self.at + 1)

    @rule(times=st.integers(1, 40))
    def work_for_a_while(self, times):
        for _ in range(times):
            self.toggle(0)

    @precondition(lambda self: self.at > 0)
    @rule()
    def undo_then_redo_is_nothing(self):
        assert self.space.undo().redo() == self.space

    @precondition(lambda self: self.at < len(self.states) - 1)
    @rule()
    def redo_then_undo_is_nothing(self):
        assert self.space.redo().undo() == self.space

    @rule()
    def reload_the_page(self):
        again = through_json(self.space)
        assert again == self.space
        self.space = again

    @invariant()
    def it_is_what_the_plain_list_says(self):
        model, steps = self.now()
        stack = self.space.stack
        assert (stack.model, [[s.edit.text, s.on] for s in stack.steps]) == (model, steps)
        assert len(self.space.past) == self.at
        assert len(self.space.future) == len(self.states) - 1 - self.at
        wanted = [name for name, on in steps if on]
        assert [e.text for e in self.space.recipe().edits] == wanted


TestHistory = History.TestCase
TestHistory.settings = profile(max_examples=60, stateful_step_count=30, deadline=None)


# What comes back from a browser


def test_a_workspace_survives_its_json():
    space = new().add(edit(" 가")).add(edit('"<b>&')).toggle(0).choose_model(TINY).undo().undo()
    assert space.future
    assert through_json(space) == space


@pytest.mark.parametrize(
    "data",
    [
        None,
        0,
        1.5,
        True,
        "",
        "{}",
        "stack",
        [],
        [[]],
        {},
        {"stack": None},
        {"stack": []},
        {"stack": "tiny-gpt2"},
        {"stack": {}},
        {"stack": {"model": SMOLLM2}},
        {"steps": []},
        {"stack": {"steps": []}},
        {"stack": {"model": SMOLLM2, "steps": None}},
        {"stack": {"model": None, "steps": []}},
        {"stack": {"model": ["a"], "steps": []}},
        {"stack": {"model": "../../models", "steps": []}},
        {"stack": {"model": SMOLLM2, "steps": [None]}},
        {"stack": {"model": SMOLLM2, "steps": [{}]}},
        {"stack": {"model": SMOLLM2, "steps": [{"edit": edit()}]}},
        {"stack": {"model": SMOLLM2, "steps": [{"edit": None, "on": True}]}},
        saved({"kind": "wish"}),
        saved({}),
        saved(edit(), edit(strength=99)),
        saved(edit("a" * 201)),
        saved(edit(text=5)),
        saved(edit(extra=1)),
        saved(edit(text="\ud800")),
        saved(edit(strength=float("nan"))),
        saved(*[edit()] * 65),
        saved(past=5),
        saved(past={"a": 1}),
        saved(past=None),
        saved(future=7),
    ],
)
def test_what_cannot_be_used_gives_a_new_workspace(data):
    assert workspace_from_json(data) == new()


def test_what_is_damaged_in_the_history_is_passed_over():
    """The history is read when somebody goes back to it; what is there now is not lost for it."""
    good, wrong = saved(edit(" b"))["stack"], [None, {}, [], "stack", saved({"kind": "wish"})["stack"]]
    space = workspace_from_json(saved(edit(" a"), past=[good, *wrong], future=[*wrong, good]))
    assert texts(space) == [" a"]
    assert texts(space.undo()) == texts(space.redo()) == [" b"]
    assert texts(space.undo().redo()) == [" a"]
    assert space.undo().past == space.redo().future == ()
    alone = workspace_from_json(saved(edit(" a"), past=wrong, future=wrong))
    assert alone.undo().stack == alone.redo().stack == alone.stack


@pytest.mark.parametrize("wrong", ["abc", "nudge_tokens", [["kind"]]])
def test_an_edit_that_is_a_text_or_a_list_gives_a_new_workspace(wrong):
    assert workspace_from_json(saved(wrong)) == new()


def test_a_deeply_nested_edit_gives_a_new_workspace():
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    assert workspace_from_json(saved(edit(text=deep))) == new()


def test_an_edit_kept_without_its_defaults_is_written_out_in_full():
    """As an older version of the page may have kept it, before a field was added."""
    short = {"kind": "nudge_tokens", "text": " a", "target": " b"}
    assert workspace_from_json(saved(short)) == Workspace(new().add(short).stack)


def test_a_sound_stack_is_taken():
    space = workspace_from_json(saved(edit(" a"), edit(" b")))
    assert texts(space) == [" a", " b"]
    assert space.past == space.future == ()


@pytest.mark.parametrize("on", [1, "true", None, [], False])
def test_only_true_switches_an_edit_on(on):
    data = {"stack": {"model": SMOLLM2, "steps": [{"edit": edit(), "on": on}]}}
    assert [step.on for step in workspace_from_json(data).stack.steps] == [False]


def test_an_edit_that_is_off_is_checked_too():
    step = {"edit": edit(strength=99), "on": False}
    assert workspace_from_json({"stack": {"model": SMOLLM2, "steps": [step]}}) == new()


def test_a_longer_history_than_ours_is_cut_at_its_far_ends():
    stacks = [saved(edit(f" {n}"))["stack"] for n in range(MAX_HISTORY + 5)]
    space = workspace_from_json(saved(edit(), past=stacks, future=stacks))
    assert texts(space.undo()) == [f" {MAX_HISTORY + 4}"]
    assert texts(space.redo()) == [" 0"]
    assert (len(space.past), len(space.future)) == (MAX_HISTORY, MAX_HISTORY)


def test_huge_junk_beside_the_stack_is_left_behind():
    space = workspace_from_json(saved(edit(), junk="a" * 10_000_000, own_corpus="a" * 10_000_000))
    assert space == Workspace(Stack(SMOLLM2, (Step(parse_edit(edit())),)))
    assert len(json.dumps(space.to_json())) < 1_000


def test_the_hosts_model_is_what_a_new_workspace_opens_with(monkeypatch):
    monkeypatch.setenv("PLAYGROUND_MODEL", TINY)
    workspace.settings.cache_clear()
    try:
        assert new().stack.model == TINY
        assert workspace_from_json({"stack": 5}).stack.model == TINY
    finally:
        monkeypatch.undo()
        workspace.settings.cache_clear()


def test_changes_leave_the_workspace_they_were_made_on_alone():
    space = new().add(edit())
    before = json.dumps(space.to_json())
    space.add(edit(" b"))
    space.toggle(0)
    space.remove(0)
    space.to_json()["stack"]["steps"][0]["edit"]["text"] = "spoiled"
    assert json.dumps(space.to_json()) == before


def test_a_stack_on_a_model_that_is_not_offered_now_is_kept_for_when_it_is():
    space = workspace_from_json(
        {"stack": {"model": "openai-community/gpt2", "steps": [{"edit": edit(), "on": True}]}}
    )  # the hub is off here
    assert space.stack.model == "openai-community/gpt2"
    assert len(space.stack.steps) == 1


# Trying another edit in the place of the last


def prune(sparsity=0.5, **more):
    return {"kind": "prune", "sparsity": sparsity} | more


def kinds(space):
    return [(step.edit.kind, step.on) for step in space.stack.steps]


def sparsities(space):
    return [step.edit.sparsity for step in space.stack.steps]


@pytest.mark.parametrize(
    ("edits", "off", "left"),
    [
        ([], [], []),
        ([prune()], [], []),
        ([edit()], [], ["nudge_tokens"]),
        ([edit(), prune()], [], ["nudge_tokens"]),
        ([prune(), edit()], [], ["prune", "nudge_tokens"]),
        ([prune(0.1), prune(0.2)], [], ["prune"]),
        # What is switched off does not count as the last one.
        ([prune(), edit()], [1], ["nudge_tokens"]),
        ([edit(), prune()], [1], ["nudge_tokens", "prune"]),
        ([prune(), edit(), prune()], [2], ["prune", "nudge_tokens", "prune"]),
        ([prune()], [0], ["prune"]),
    ],
)
def test_the_last_edit_that_is_on_is_left_out_if_it_is_of_the_kind(edits, off, left):
    space = new()
    for one in edits:
        space = space.add(one)
    for place in off:
        space = space.toggle(place)
    without = space.without("prune")
    assert [kind for kind, _ in kinds(without)] == left
    assert len(without.recipe().edits) >= len(space.recipe().edits) - 1
    if len(left) == len(edits):
        assert without is space


def test_only_the_last_of_two_of_a_kind_is_left_out():
    space = new().add(prune(0.1)).add(prune(0.2))
    assert sparsities(space.without("prune")) == [0.1]
    assert sparsities(space.without("prune").without("prune")) == []


@pytest.mark.parametrize("kind", ["", "Prune", "cast", "wish", "None"])
def test_without_another_kind_changes_nothing(kind):
    space = new().add(prune())
    assert space.without(kind) is space


def test_another_edit_of_the_kind_takes_the_place_and_undo_brings_the_old_one_back():
    before = new().add(edit()).add(prune(0.1))
    space = before.instead(prune(0.7))
    assert kinds(space) == [("nudge_tokens", True), ("prune", True)]
    assert space.stack.steps[-1].edit.sparsity == 0.7
    # One step back, not two.
    assert space.undo().stack == before.stack
    assert space.undo().undo().stack == before.undo().stack
    assert space.undo().redo() == space
    assert len(space.past) == len(before.past) + 1


def test_an_edit_of_another_kind_goes_on_top():
    before = new().add(prune(0.1)).add(edit())
    space = before.instead(prune(0.7))
    assert kinds(space) == [("prune", True), ("nudge_tokens", True), ("prune", True)]
    assert space.undo().stack == before.stack
    assert kinds(new().instead(prune())) == [("prune", True)]


def test_edits_that_are_switched_off_stay_on_the_stack():
    before = new().add(prune(0.1)).add(prune(0.2)).toggle(1)
    space = before.instead(prune(0.7))
    assert [(s.edit.sparsity, s.on) for s in space.stack.steps] == [(0.2, False), (0.7, True)]
    assert space.undo().stack == before.stack


def test_what_takes_the_place_is_written_out_in_full():
    assert new().instead({"kind": "prune"}).stack == new().add(prune()).stack


def test_the_same_edit_again_is_not_history():
    space = new().add(edit()).add(prune()).undo().redo()
    assert space.instead(prune()) is space


def test_there_is_room_for_one_in_the_place_of_another_on_a_full_stack():
    space = new()
    for place in range(MAX_EDITS):
        space = space.add(prune(place / MAX_EDITS))
    assert len(space.instead(prune(1.0)).stack.steps) == MAX_EDITS
    with pytest.raises(RecipeError, match="Remove one first"):
        space.instead(edit())


@pytest.mark.parametrize("wrong", [{}, {"kind": "wish"}, prune(1.5), prune(sparse=1), {"kind": 5}])
def test_an_unusable_edit_takes_no_place(wrong):
    space = new().add(prune(0.1))
    with pytest.raises(RecipeError):
        space.instead(wrong)
    assert sparsities(space) == [0.1]


def test_trying_in_place_leaves_the_workspace_it_was_tried_on_alone():
    space = new().add(edit()).add(prune())
    before = json.dumps(space.to_json())
    space.without("prune")
    space.instead(prune(0.1))
    assert json.dumps(space.to_json()) == before
    assert through_json(space.instead(prune(0.1))) == space.instead(prune(0.1))


def test_a_history_that_cannot_be_measured_is_left_behind_at_the_next_change():
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    space = replace(new(), past=({"stack": deep},))
    assert space.add(edit()).past == (new().stack.to_json(),)
    assert space.undo().past == ()


def test_what_takes_a_steps_place_is_refused_by_that_steps_number():
    with pytest.raises(RecipeError, match=r"^Edit 1 "):
        new().add(prune()).instead({"kind": "prune", "sparsity": 5})
    with pytest.raises(RecipeError, match=r"^Edit 1 "):
        new().add(prune()).add(edit()).put({"kind": "prune", "sparsity": 5}, ("kind",))
