"""A safetensors file whose tensors are read one after another without all of it staying in memory.

What was read of a mapped file counts as the process's memory for as long as it is mapped, and a
merge goes through several files. So a file is mapped anew after every few tensors; an old mapping
goes with the last of its tensors.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from safetensors import SafetensorError, safe_open
from torch import Tensor

MOST_READ = 64_000_000  # bytes, after which a file is mapped anew


class MappedFile:
    """Like what ``safe_open`` gives, for torch; to be closed as that is.

    :raises SafetensorError: it is not such a file.
    :raises OSError: it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.read = 0  # bytes, since it was mapped
        self._stamp = _stamp(path)
        self._file: Any = safe_open(path, "pt")

    def __enter__(self) -> Self:
        self._file.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.__exit__(kind, error, trace)

    def keys(self) -> list[str]:
        """The names of its tensors."""
        names: list[str] = list(self._file.keys())
        return names

    def get_slice(self, name: str) -> Any:
        """What a tensor is, without reading it."""
        return self._file.get_slice(name)

    def get_tensor(self, name: str) -> Tensor:
        """A tensor, mapped until it is dropped."""
        if self.read > MOST_READ:
            self._map_anew()
        tensor: Tensor = self._file.get_tensor(name)
        self.read += tensor.nbytes
        return tensor

    def _map_anew(self) -> None:
        """Not where the file was taken away or replaced meanwhile: the old mapping has it still."""
        self.read = 0
        try:
            if _stamp(self.path) == self._stamp:
                fresh = safe_open(self.path, "pt")
                self._file.__exit__(None, None, None)
                self._file = fresh.__enter__()
        except (OSError, SafetensorError):
            return


def _stamp(path: Path) -> tuple[int, int, int, int]:
    """The same as long as a path leads to the same content."""
    status = os.stat(path)
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
