"""What every edit is: typed data, one function that applies it, and messages about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic_core import PydanticCustomError

from playground.engine.fork import Fork, TensorChange
from playground.engine.models.loader import Base
from playground.engine.work import QUIET, Work
from playground.errors import Message


def one_of(registry: Mapping[str, Any]) -> BeforeValidator:
    """For a field that names a row of a registry, whose rows may come later than the field."""

    def known(name: Any) -> Any:
        if not isinstance(name, str) or name not in registry:
            *names, last = map(repr, registry)
            raise PydanticCustomError("literal_error", "not known", {"expected": f"{', '.join(names)} or {last}"})
        return name

    return BeforeValidator(known)


EDITS: dict[str, type[Edit]] = {}  # by their kind; ``kinds.py`` imports the families, which fills it


class Edit(BaseModel):
    """One step of a recipe. Subclasses add fields, a ``KIND``, under which they stand in recipes, and ``apply``."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    KIND: ClassVar[str]
    # Whether it changes whole tensors: then it takes seconds or minutes and must wait its turn,
    # and the model's sizes are counted after it.
    WHOLE: ClassVar[bool] = False

    kind: str

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Register the kind."""
        EDITS[cls.KIND] = cls

    def check(self, base: Base) -> None:
        """Refuse what only the model can tell to be wrong.

        :raises RecipeError: the edit does not fit this model.
        """

    def apply(self, fork: Fork, work: Work = QUIET) -> Sequence[TensorChange]:
        """Change a fork that nobody else uses yet, and say what changed.

        :param work: told how far it is; what makes it stop leaves the fork half done.
        :raises RecipeError: the edit does not fit this model.
        :raises Stopped: nobody waits for it any more.
        """
        raise NotImplementedError

    def outcome(self, fork: Fork) -> Sequence[Message]:
        """What a visitor should know of how it went, asked once it is done.

        :param fork: as the edit left it.
        """
        return ()

    def advice(self, base: Base) -> Sequence[Message]:
        """What a visitor may not expect about this edit on this model."""
        return ()
