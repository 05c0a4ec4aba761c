"""The recipe as HTML: its steps, what they are called, and their receipts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from markupsafe import Markup

from playground.engine.adapters import store
from playground.engine.build import Receipt
from playground.engine.edit import EDITS
from playground.engine.merging.edit import Merge
from playground.ui.parts.html import duration, figure, join, link, note, notes, size, tag
from playground.ui.text import say, tell
from playground.workspace import Step, Workspace


def stack(workspace: Workspace, receipts: Sequence[Receipt], language: str, building: bool = False) -> Markup:
    """The edits as a stack with their receipts, and buttons to switch one off or remove it."""
    if not workspace.stack.steps:
        return note(say(language, "stack_empty"))
    left = iter(receipts)
    items = (
        _step(number, step, next(left, None) if step.on else None, language, building)
        for number, step in enumerate(workspace.stack.steps)
    )
    return tag("ol", *items, class_="pg-stack")


def crumbs(workspace: Workspace, receipts: Sequence[Receipt], broken: bool, language: str) -> Markup:
    """The recipe in one line: the base, and each edit that is on, with a sign where a receipt warns."""
    on = [step for step in workspace.stack.steps if step.on]
    warned = [bool(receipt.warnings) for receipt in receipts] + [broken] * len(on)
    names = [tag("b", say(language, "crumbs_base"))]
    names += [
        tag("span", step_title(step, language), " ⚠" if warns else "") for step, warns in zip(on, warned, strict=False)
    ]
    if not on:
        names.append(tag("small", say(language, "crumbs_empty")))
    return tag("span", join(names, " ▸ " if on else " "))


def _step(number: int, step: Step, receipt: Receipt | None, language: str, building: bool) -> Markup:
    name = step_title(step, language)
    waiting = "step_building" if building else "step_not_built"
    missing = say(language, waiting if step.on else "step_off")
    what = receipt_line(receipt, language) if receipt else missing
    warnings = [tell(language, message) for message in receipt.warnings] if receipt else []
    switch, remove = say(language, "step_switch_off" if step.on else "step_switch_on"), say(language, "step_remove")
    return tag(
        "li",
        tag("b", name),
        tag("div", what, class_="pg-receipt"),
        notes(warnings, "warn"),
        link(switch, "toggle", f"{switch}: {name}", place=number),
        " ",
        link(remove, "remove", f"{remove}: {name}", place=number),
        class_="" if step.on else "pg-off",
    )


def step_title(step: Step, language: str) -> str:
    """An edit in a few words."""
    edit, kind = step.edit.model_dump(), step.edit.kind
    key = f"title_nudge_{edit['direction']}" if kind == "nudge_tokens" else f"title_{kind}"
    values = {k: str(v) for k, v in edit.items()}
    if kind == "adapter":
        values["source"] = adapter_title(values["source"], language)
    if kind == "merge":
        values["models"] = merged_models(cast(Merge, step.edit), language)
    if kind == "edit_fact":
        first = edit["facts"][0]
        values["facts"], more = f"“{first['prompt']}{first['target']}”", len(edit["facts"]) - 1
        if more:
            values["facts"] = say(language, "more_facts", fact=values["facts"], more=more)
    title = say(language, key, **values)
    if "targets" in edit and tuple(edit["targets"]) != EDITS[kind].model_fields["targets"].default:
        title += say(language, "title_targets", targets=", ".join(edit["targets"]))
    return title


def merged_models(merge: Merge, language: str) -> str:
    """The models of a merge with their weights, and how far the way to them goes."""
    named = []
    for model in merge.models:
        if model.recipe:
            name = " + ".join(step_title(Step(edit), language) for edit in model.recipe.edits) or model.recipe.model
        else:
            name = (model.checkpoint or "")[:12]
        named.append(name if model.weight == 1 else f"{_number(model.weight)} × {name}")
    models = ", ".join(named)
    return models if merge.t == 1 else f"{models}; t = {_number(merge.t)}"


def _number(value: Any) -> str:
    """A parameter that may differ along the layers."""
    return f"{value:g}" if isinstance(value, int | float) else "…"


def adapter_title(source: str, language: str) -> str:
    """What an adapter is called on the page."""
    if source in store.shipped():
        return say(language, f"shipped_{source}")
    about = store.about(source)
    return about.title if about else source[:8]


def receipt_line(receipt: Receipt, language: str) -> str:
    """A receipt: what changed, by how much, what it holds, how long it took; for edits of whole
    tensors also what is nominal, what is effective, and what a file would take."""
    line = say(
        language,
        "receipt",
        tensors=len(receipt.changes),
        change=figure(receipt.relative_change * 100),
        bytes=size(receipt.bytes),
        seconds=duration(receipt.seconds),
    )
    nominal = getattr(receipt.edit, "nominal_bits", None)
    if nominal is not None:
        line += " " + say(language, "receipt_nominal", bits=figure(nominal))
    if receipt.sizes is not None:
        line += " " + say(
            language,
            "receipt_sizes",
            bits=figure(receipt.sizes.effective_bits),
            zeros=figure(100 * receipt.sizes.zeros / max(1, receipt.sizes.weights)),
            file=size(receipt.sizes.file_bytes),
            packed=size(receipt.sizes.packed_bytes),
        )
    return line
