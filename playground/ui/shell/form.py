"""Controls by name: gradio is given them as a set, and a handler gets what stands in them by name."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from playground.checked import whole

Values = dict[str, Any]  # what stands in the controls of a form


class Form(dict[str, Any]):
    """Controls and what else a handler reads, by their names, in the order of the page."""

    @property
    def inputs(self) -> set[Any]:
        """For an event of gradio's, which then hands over one dictionary by control."""
        return set(self.values())

    def named(self, inputs: Mapping[Any, Any]) -> Values:
        """What gradio handed over, by name; a whole number is an ``int``, as sliders write both."""
        return {name: whole(inputs[part]) for name, part in self.items()}

    def reads(self, handler: Callable[..., Any]) -> Callable[..., Any]:
        """A handler of values as gradio calls it where ``inputs`` are this form's."""

        @functools.wraps(handler)
        def call(inputs: Mapping[Any, Any], *more: Any) -> Any:
            return handler(self.named(inputs), *more)

        return call

    def reads_in_order(self, handler: Callable[..., Any]) -> Callable[..., Any]:
        """The same where a script of the browser's needs the inputs as a list: this form's values."""

        def call(*inputs: Any) -> Any:
            return handler(self.named(dict(zip(self.values(), inputs, strict=True))))

        call.__name__ = handler.__name__
        return call

    def on(self, event: Callable[..., Any], handler: Callable[..., Any], outputs: Any, **lane: Any) -> Any:
        """Let a handler answer an event with this form's values."""
        return event(self.reads(handler), self.inputs, outputs, **lane)
