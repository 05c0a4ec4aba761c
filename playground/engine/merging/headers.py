"""A safetensors file's header, looked at before anybody reads it: its length and how much it lists.

Eight bytes say how long it is; a reader would build an object for each tensor in it.
"""

from __future__ import annotations

from pathlib import Path

from playground.engine.merging.method import MergeError

MAX_HEADER = 8_000_000  # bytes; a model's with 10,000 tensors has one of them
MAX_TENSORS = 20_000
EACH = b'"data_offsets"'


def check_header(path: Path, label: str) -> None:
    """Refuse a header that would take long to read. One that is none is for the reader to refuse.

    :param label: what messages call the file.
    :raises MergeError: it is too long, or lists too many tensors.
    :raises OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > path.stat().st_size:
            return
        if length > MAX_HEADER:
            raise MergeError(
                "{name} has a header of {given} MB: at most {limit} are read. Is this a model?",
                name=label,
                given=f"{length / 1e6:.1f}",
                limit=MAX_HEADER // 1_000_000,
            )
        check_tensor_count(file.read(length).count(EACH), label)


def check_tensor_count(count: int, label: str) -> None:
    """Refuse more tensors than any model that fits here has.

    :raises MergeError: naming the limit.
    """
    if count > MAX_TENSORS:
        raise MergeError(
            "{name} lists {given} tensors: at most {limit} are read. Is this a model?",
            name=label,
            given=count,
            limit=MAX_TENSORS,
        )
