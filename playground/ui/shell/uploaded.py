"""Reading what was uploaded: bounded, and never deleted here.

Gradio keeps an upload under a hash of its content, so that two visitors who upload the same file
share it: only the sweep of ``playground.temporary`` deletes it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from playground.checked import printable
from playground.engine.recipe import MAX_RECIPE_BYTES
from playground.errors import PlaygroundError
from playground.temporary import KEPT_HOURS


def there(files: Iterable[str] | None) -> list[Path]:
    """The paths of uploaded files, each once.

    :raises PlaygroundError: one was deleted meanwhile.
    """
    paths = list(dict.fromkeys(Path(file) for file in files or ()))
    for path in paths:
        if not path.is_file():
            raise _gone(path)
    return paths


def read(file: str | Path, limit: int) -> bytes:
    """An uploaded file, of one that is larger than ``limit`` the first ``limit`` + 1 bytes.

    :raises PlaygroundError: it was deleted meanwhile.
    """
    try:
        with Path(file).open("rb") as opened:
            return opened.read(limit + 1)
    except OSError as error:
        raise _gone(Path(file)) from error


def recipe_text(file: str | None) -> str:
    """The text of an uploaded recipe, as far as a recipe may be long.

    :raises PlaygroundError: none was chosen, or it was deleted meanwhile.
    """
    if not file:
        raise PlaygroundError("No recipe file is chosen. Choose one that was saved from this page.")
    return read(file, MAX_RECIPE_BYTES).decode("utf-8-sig", errors="replace")


def _gone(path: Path) -> PlaygroundError:
    return PlaygroundError(
        "The file {name} is no longer here: uploads are kept for {hours} hours. Choose it again.",
        name=printable(path.name)[:80],
        hours=KEPT_HOURS,
    )
