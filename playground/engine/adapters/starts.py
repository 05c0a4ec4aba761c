"""LoRAs whose start was taken out of the base: PiSSA and OLoRA.

Before training these put a part of each weight into the thin matrices and take it out of the base,
so that what was saved only fits a base without that part. PEFT takes it out again when it loads
such an adapter, by the same decomposition. Here the base stays as it is, and what is taken out
becomes part of the thin matrices: scaling (B A - B0 A0) is [B, -B0] [A; A0], of twice the rank.
"""

from __future__ import annotations

import re
from typing import Any, Literal

import torch
from torch import Tensor

from playground.engine.adapters.base import AdapterError, unusable
from playground.engine.adapters.thin_matrices import leading
from playground.engine.fork.structure import Matrix

Start = Literal["plain", "pissa", "olora"]
# Of these PEFT leaves the base as it is, and everything that they set was trained since and saved.
PLAIN = ("gaussian", "orthogonal", "eva", "mica")


def start_of(value: Any) -> Start:
    """What ``init_lora_weights`` means for the base.

    :raises AdapterError: the base that the adapter fits cannot be had from its folder.
    """
    if value is None or isinstance(value, bool):
        return "plain"
    name = value if isinstance(value, str) else ""
    if name.lower() in PLAIN:
        return "plain"
    if name == "pissa":
        return "pissa"
    if name.lower() == "olora":
        return "olora"
    if re.fullmatch(r"pissa_niter_\d+|corda|loftq|lora_ga", name):
        raise AdapterError(
            "This adapter was started by {given}, which changes the base model by what is not in "
            "the adapter's folder: on the base as it is it would give nonsense. Save it with "
            "PEFT's path_initial_model_for_weight_conversion, or train it from another start.",
            given=name[:40],
        )
    raise unusable("init_lora_weights", value)


def taken_out(start: Start, weight: Tensor, matrix: Matrix, rank: int, scaling: float) -> tuple[Tensor, Tensor]:
    """A0 (r, in) and B0 (out, r): scaling B0 A0 is what a start took out of a weight.

    :param weight: as the base stores it.
    :param scaling: above 0.
    """
    if start == "pissa":  # Meng et al. 2024: the largest singular values, over the scaling
        down, up = leading(matrix.oriented(weight), rank)
        return down / scaling, up
    # Büyükakyüz 2024: the first columns of Q and rows of R, and PEFT takes the weight as it is
    # stored. The first columns of a matrix are enough for those of its Q.
    stored = weight.double()
    columns = torch.linalg.qr(stored[:, :rank])[0]
    rows = columns.T @ stored
    return (columns.T, rows.T) if matrix.transposed else (rows, columns)


def undone(down: Tensor, up: Tensor, taken: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """[A; A0] and [B, -B0], in float32."""
    return (torch.cat([down.float(), taken[0].float()]), torch.cat([up.float(), -taken[1].float()], dim=1))
