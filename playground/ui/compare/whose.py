"""Whose weights answer: the base's, the recipe's, an adapter's, or those of a recipe that was kept for comparing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground.engine.adapters.store import shipped
from playground.engine.recipe import MAX_EDITS, Recipe, parse, parse_edit
from playground.errors import RecipeError
from playground.ui.parts.adapter_menu import adapter_choices
from playground.ui.parts.steps import adapter_title, step_title
from playground.ui.shell import uploaded
from playground.ui.shell.page import LOOK, shown
from playground.ui.text import label, say
from playground.workspace import UNUSABLE, Step, Workspace, workspace_from_json

ADAPTER, RECIPE = "adapter:", "recipe:"  # before the id of an adapter, of a kept recipe
FIRST = ("base", "mine", f"{ADAPTER}handbook")
MOST_KEPT = 6  # recipes
MOST_CHARACTERS = 50_000  # of one, as JSON
MOST_TITLE = 60  # characters


@dataclass(frozen=True)
class Kept:
    """A recipe that the browser keeps for comparing."""

    title: str
    recipe: Recipe

    def to_json(self) -> dict[str, Any]:
        """What the browser keeps of it."""
        return {"title": self.title, "recipe": self.recipe.model_dump(mode="json")}


@dataclass(frozen=True)
class Chosen:
    """Whose weights, by the name that is shown."""

    title: str
    recipe: Recipe


def kept_recipes(data: Any) -> list[Kept]:
    """The recipes that a browser kept; what is unusable is left out."""
    found = []
    for one in data[:MOST_KEPT] if isinstance(data, list) else ():
        try:
            if len(json.dumps(one)) <= MOST_CHARACTERS:
                found.append(Kept(str(one["title"])[:MOST_TITLE], parse(one["recipe"])))
        except UNUSABLE:
            continue
    return found


def with_kept(data: Any, recipe: Recipe, title: str) -> list[dict[str, Any]]:
    """The kept recipes with one more, as the browser keeps them; one that is there already moves to the end.

    :raises RecipeError: it has no edit, or is too long.
    """
    if not recipe.edits:
        raise RecipeError("This recipe has no edits: it is the base, which is among the contestants already.")
    if len(recipe.json_text()) > MOST_CHARACTERS - 4 * MOST_TITLE:
        raise RecipeError(
            "This recipe takes more than {limit} kB, perhaps by a calibration text: it cannot be kept for comparing.",
            limit=MOST_CHARACTERS // 1000,
        )
    others = [kept for kept in kept_recipes(data) if kept.recipe.id != recipe.id]
    return [kept.to_json() for kept in [*others, Kept(title[:MOST_TITLE], recipe)][-MOST_KEPT:]]


def whose_at_first() -> list[tuple[Any, str]]:
    """The choices before the browser has told what else there is."""
    return [
        *((label(f"weights_{name}"), name) for name in ("base", "mine")),
        *((label(f"shipped_{name}"), f"{ADAPTER}{name}") for name in shipped()),
    ]


def whose_choices(mine: Any, kept: Any, language: str) -> list[tuple[str, str]]:
    """Everything that can answer, by its name.

    :param mine: ids of the visitor's own adapters.
    :param kept: the kept recipes.
    """
    return [
        *((say(language, f"weights_{name}"), name) for name in ("base", "mine")),
        *((title, f"{ADAPTER}{source}") for title, source in adapter_choices(mine, language)),
        *((one.title, f"{RECIPE}{one.recipe.id}") for one in kept_recipes(kept)),
    ]


def chosen(value: str, space: Workspace, kept: Any, language: str) -> Chosen:
    """The recipe behind a choice.

    :raises RecipeError: it is none, or not here any more.
    """
    if value.startswith(RECIPE):
        found = next((one for one in kept_recipes(kept) if one.recipe.id == value.removeprefix(RECIPE)), None)
        if found is None:
            raise RecipeError("The recipe that was kept for comparing is gone. Choose other weights.")
        return Chosen(found.title, found.recipe)
    if value.startswith(ADAPTER):
        edit = parse_edit({"kind": "adapter", "source": value.removeprefix(ADAPTER)})
        title = adapter_title(value.removeprefix(ADAPTER), language)
        return Chosen(title, Recipe(model=space.stack.model, edits=(edit,)))
    if value not in ("base", "mine"):
        raise RecipeError("The weights {value} are unknown. Choose some from the menu.", value=value[:MOST_TITLE])
    return Chosen(say(language, f"weights_{value}"), space.recipe() if value == "mine" else space.base())


def together(each: Sequence[Chosen]) -> Chosen:
    """One recipe of the edits of several, in their order.

    :raises RecipeError: they are of different models, or too many.
    """
    changed = [one for one in each if one.recipe.edits]
    models = {one.recipe.model for one in changed}
    if len(models) > 1:
        raise RecipeError("These recipes are of different models, so they cannot be put together.")
    edits = tuple(edit for one in changed for edit in one.recipe.edits)
    if len(edits) > MAX_EDITS:
        raise RecipeError(
            "Together these recipes have {count} edits: at most {limit} are allowed.", count=len(edits), limit=MAX_EDITS
        )
    return Chosen(" + ".join(one.title for one in changed), Recipe(model=changed[0].recipe.model, edits=edits))


def build_kept(saved: gr.BrowserState, kept: gr.BrowserState, language: gr.Textbox) -> list[Any]:
    """Lay out the buttons that keep a recipe for comparing: the one on the bar, or one from a file.

    :return: the events after which there is one more.
    """
    keep = gr.Button(label("keep_recipe"), size="sm", elem_id="keep-recipe", min_width=250, scale=0)
    load = gr.UploadButton(
        label("keep_file"), size="sm", file_types=[".json"], elem_id="keep-file", min_width=170, scale=0
    )
    return [
        keep.click(keep_recipe, [saved, kept, language], kept, **LOOK).success,
        load.upload(keep_file, [kept, language, load], kept, **LOOK).success,
    ]


@shown
def keep_recipe(saved: Any, kept: Any, language: str) -> list[dict[str, Any]]:
    """Keep the recipe on the bar as it is now."""
    space = workspace_from_json(saved)
    return with_kept(kept, space.recipe(), recipe_title(space.recipe(), language))


@shown
def keep_file(kept: Any, language: str, file: str | None) -> list[dict[str, Any]]:
    """Keep a recipe that was saved as a file."""
    recipe = parse(uploaded.recipe_text(file))
    return with_kept(kept, recipe, recipe_title(recipe, language))


def recipe_title(recipe: Recipe, language: str) -> str:
    """A recipe's edits in a few words."""
    return " ▸ ".join(step_title(Step(edit), language) for edit in recipe.edits)


def list_whose(mine: Any, kept: Any, language: str, *values: Any) -> list[Any]:
    """The menus with all choices; what was chosen and is gone gives way to the base."""
    choices = whose_choices(mine, kept, language)
    names = {name for _, name in choices}

    def still(value: Any) -> Any:
        if isinstance(value, list):
            return [one for one in value if one in names]
        return value if value in names else "base"

    return [gr.update(choices=choices, value=still(value)) for value in values]
