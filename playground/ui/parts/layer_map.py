"""The map of a model's layers: where its matrices are changed, empty, or alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from markupsafe import Markup

from playground.ui.parts.charts import heat_map
from playground.ui.parts.html import percent
from playground.ui.text import say

Matrix = tuple[str, int]  # its role, as "self_attn.q_proj", and its layer


def layer_map(
    values: Mapping[Matrix, float | None],
    title: str,
    missing: str,
    language: str,
    *,
    said: Callable[[float], str] = percent,
    scale: Callable[[float], str] = percent,
) -> Markup:
    """Layers across, kinds of matrices down; the deeper, the further from zero.

    :param values: None where there is nothing to tell; such a matrix is struck through.
    :param missing: what hovering says there.
    :param said: how hovering says a value.
    :param scale: how the value of the deepest colour is said.
    """
    roles = list(dict.fromkeys(role for role, _ in values))
    layers = sorted({layer for _, layer in values})

    def hint(role: str, layer: int) -> str:
        value = values.get((role, layer))
        text = missing if value is None else said(value)
        return say(language, "view_cell", layer=layer, role=role, value=text)

    def depth(value: float | None) -> float | None:
        return None if value is None else abs(value)

    return heat_map(
        [role.rpartition(".")[2] for role in roles],
        [str(layer) for layer in layers],
        [[depth(values.get((role, layer))) for layer in layers] for role in roles],
        title,
        [[hint(role, layer) for layer in layers] for role in roles],
        scale(max((abs(value) for value in values.values() if value is not None), default=0.0)),
    )
