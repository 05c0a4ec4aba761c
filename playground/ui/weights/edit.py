"""The edit that the controls of the Weights tab stand for."""

from __future__ import annotations

from typing import Any

from playground.engine.edit import Edit
from playground.engine.recipe import parse_edit
from playground.errors import PlaygroundError
from playground.retrieval.corpus import load_corpus
from playground.ui.parts.corpus_menu import chosen_corpus
from playground.ui.shell.form import Values

CALIBRATED = ("wanda", "taylor", "sparsegpt")


def calibrated(kind: str, method: str, rounding: str) -> bool:
    """Whether an edit reads a text first."""
    return method in CALIBRATED if kind == "prune" else kind == "quantize" and rounding == "gptq"


def edit_of(values: Values) -> Edit:
    """The edit that the panel's controls stand for.

    :raises PlaygroundError: a control holds what cannot be used.
    """
    v, kind = values, values["kind"]
    if not v["targets"]:
        raise PlaygroundError("No weights are chosen. Choose at least one target, such as linear.")
    edit: dict[str, Any] = {"kind": kind, "targets": _ranged(v["targets"], v["first"], v["last"])}
    if kind == "cast":
        return parse_edit(edit | {"dtype": v["dtype"]})
    if kind == "prune":
        edit |= {
            "method": v["method"],
            "sparsity": round(float(v["sparsity"]), 4),
            "pattern": v["pattern"],
            "scope": "auto" if v["method"] == "sparsegpt" else v["scope"],
            "seed": int(v["seed"] or 0),
        }
    else:
        size = v["group_size"]
        edit |= {
            "scheme": v["scheme"],
            "symmetric": v["symmetric"],
            "method": v["rounding"],
            "mode": v["mode"],
            "group_size": int(size) if size.isdecimal() else size,
        }
    if calibrated(kind, v["method"], v["rounding"]):
        edit["calibration"] = _calibration(v["source"], v["text"], v["corpus"], v["own"])
    return parse_edit(edit)


def _ranged(targets: list[str], first: str, last: str) -> list[str]:
    """Targets within the range of layers; one with a range of its own keeps it."""
    low, high = _layer(first), _layer(last)
    if low is None and high is None:
        return targets
    low, high = low or 0, 9999 if high is None else high
    if low > high:
        raise PlaygroundError(
            "The first layer, {first}, comes after the last, {last}. Swap them.", first=low, last=high
        )
    return [target if "@" in target else f"{target}@{low}-{high}" for target in targets]


def _layer(text: str) -> int | None:
    text = "" if text is None else str(text).strip()
    if text and not (text.isdecimal() and len(text) <= 4):
        raise PlaygroundError(
            "The layer {given} is not a whole number. Give one from 0 on, or leave it empty.", given=text[:20]
        )
    return int(text) if text else None


def _calibration(source: str, text: str, corpus: str, own: str) -> str:
    """The text that goes into the recipe: empty for the shipped one."""
    if source == "shipped":
        return ""
    if source == "own":
        if not text.strip():
            raise PlaygroundError("Your calibration text is empty. Paste some, or choose another.")
        return text
    passages = load_corpus(chosen_corpus(own, corpus)).passages
    return "\n\n".join(passage.text for passage in passages)[:20_000]
