"""Long work that a press starts and a visitor can stop: one way to do it, and what is kept of it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import gradio as gr
from markupsafe import Markup

from playground.engine.work import Stopped, Work
from playground.ui.shell.form import Form, Values
from playground.ui.shell.page import AT_ONCE, MODEL, PROGRESS, SEARCH, TOLD, refused, session_of
from playground.ui.shell.turns import TURNS, begins, work_for
from playground.ui.text import say, tell

SWITCH = "() => ({__type__: 'update', interactive: %s})"  # a button, in the browser
RUNS: dict[str, Run] = {}  # all of a page, by name


@dataclass(kw_only=True, eq=False)
class Run:
    """Long work of a tab.

    Stopped, overtaken or refused it leaves everything as it was, but for what its handler gave in
    part on purpose. That it was stopped is said in the visitor's language.

    :param name: in the list of all runs.
    :param handler: does the work. What it gives fills the outputs; of a generator, as it comes.
    :param form: what the handler reads, the language among it.
    :param outputs: as many as the handler gives values, one alone for a single one.
    :param told: where it is said that it was stopped: a line of its own, or one of the outputs,
        which then keeps before it what it got of this run.
    :param activity: whose turn it takes, if not its own. A newer turn ends an older one.
    :param over: other activities that are of no use any more once it begins.
    :param lane: in which it waits.
    :param first: what the work needs and is done before it in the line for searching.
    :param status: where progress is shown, if not on what is filled.
    :param words: key of what is said of partial results; else the work's own message.
    :param early: the same where the first of the outputs got none yet.
    :param picks: what the handler gets as ``picked``, of the data of a press.
    :param keep: puts an edit that was built on the recipe: the handler of (recipe, language, edit).
        The handler of such a run gives an edit and a line to be told.
    :param off: the button that is off meanwhile.
    """

    name: str
    handler: Callable[[Values, Work], Any]
    form: Form
    outputs: Sequence[Any] = ()
    told: gr.HTML
    activity: str = ""
    over: tuple[str, ...] = ()
    lane: Mapping[str, Any] = field(default_factory=lambda: MODEL)
    first: Callable[[Values, Work], Any] | None = None
    status: Any = None
    words: str = ""
    early: str = ""
    picks: Callable[[gr.EventData], Any] | None = None
    keep: Callable[..., Any] | None = None
    off: gr.Button | None = None

    def __post_init__(self) -> None:
        # Not a State, which is read when an event's turn in line comes: of a press that waits, the
        # number would be that of the newest press, and all of them would run.
        self.turn = gr.Number(0, precision=0, visible=False)
        if self.picks:
            self.form = Form(**self.form, picked=gr.State(None))
        self.ready = [gr.State(None)] if self.keep else []  # the edit, once it is built

    def on(self, *presses: Any) -> Any:
        """Wire it to the events that start it; gives the event after which it is over."""
        done: Any = None
        for press in presses:
            done = self._wire(press)
        return done

    def _wire(self, press: Any) -> Any:
        once = "once" if self.off else "multiple"
        begun = self.begun(press, trigger_mode=once)
        start = begun.then
        if self.first:
            shows = self.status or self.outputs
            start = start(
                self.call_first, self.inputs, self.told, show_progress_on=shows, trigger_mode=once, **SEARCH
            ).success
        done = start(self.call, self.inputs, self.filled, show_progress_on=self._shows, trigger_mode=once, **self.lane)
        if self.keep:
            saved, language = self.form["saved"], self.form["language"]
            inputs, outputs = [saved, language, *self.ready], [saved, *self.ready]
            # Not "once": while that of an overtaken press is on its way, that of the newer one would be dropped
            done = done.success(_keeps_once(self.keep), inputs, outputs, trigger_mode="multiple", **TOLD)
        if self.off:
            working(self.off, begun, done)
        return done

    def begun(self, press: Any, **more: Any) -> Any:
        """Take the visitor's turn at an event; gives the event after which it is taken."""
        RUNS[self.name] = self
        begin, picks = begins(self.activity or self.name, *self.over), self.picks
        if picks is None:
            return press(begin, None, self.turn, **more, **AT_ONCE)

        def begin_picked(event: gr.EventData, request: gr.Request) -> tuple[int, Any]:
            return begin(request), picks(event)

        return press(begin_picked, None, [self.turn, self.form["picked"]], **more, **AT_ONCE)

    @property
    def inputs(self) -> set[Any]:
        """What ``call`` gets by control."""
        return {*self.form.inputs, self.turn}

    @property
    def filled(self) -> list[Any]:
        """What ``call`` fills, in its order."""
        if self.keep:
            return [*self.ready, self.told]
        return [*self.outputs] if self.told in self.outputs else [*self.outputs, self.told]

    @property
    def _shows(self) -> Any:
        if self.status is not None or self.keep or self.told in self.outputs:
            return self.status
        return self.outputs  # not on the line that says it was stopped

    @cached_property
    def call(self) -> Callable[..., Any]:
        """The handler as gradio calls it."""
        return self._calls(self.handler, self.filled)

    @cached_property
    def call_first(self) -> Callable[..., Any]:
        """What is done before, as gradio calls it: fills what tells of it."""
        assert self.first is not None
        return self._calls(self.first, [self.told])

    def _calls(self, handler: Callable[..., Any], filled: list[Any]) -> Callable[..., Any]:
        def stream(inputs: Mapping[Any, Any], request: gr.Request, progress: Any = PROGRESS) -> Iterator[Any]:
            values = self.form.named(inputs)
            language = str(values["language"])
            session, turn = session_of(request), int(inputs[self.turn])
            if handler is self.handler:
                turn = TURNS.called(session, self.activity or self.name, turn)
            work = work_for(session, turn, progress, language)
            last: tuple[Any, ...] = ()
            try:
                work.check()  # while it waited
                for value in _each(handler, values, work):
                    last = value if isinstance(value, tuple) else (value,)
                    last = last if len(last) == len(filled) else (*last, "")
                    yield _plain(last)
            except Stopped as stop:
                yield _plain(self._ended(last, filled, language, stop))
            except gr.Error:
                raise
            except Exception as error:
                raise refused(error, language) from error

        def once(inputs: Mapping[Any, Any], request: gr.Request, progress: Any = PROGRESS) -> Any:
            [row] = stream(inputs, request, progress)
            return row

        call = stream if inspect.isgeneratorfunction(handler) else once
        call.__name__, call.__module__ = handler.__name__, handler.__module__
        return call

    def _ended(self, last: tuple[Any, ...], filled: list[Any], language: str, stop: Stopped) -> tuple[Any, ...]:
        """Everything as it is, and a line about it."""
        key = self.words if last and last[0] != gr.skip() else self.early or self.words
        text = say(language, key) if key else tell(language, stop.message)
        index = filled.index(self.told)
        before = last[index] if last and isinstance(last[index], Markup) else Markup()
        row = [None if part in self.ready else gr.skip() for part in filled]  # not the edit of the run before
        row[index] = before + Markup('<div class="pg-hint">{}</div>').format(text)
        return tuple(row)


def _keeps_once(keep: Callable[..., Any]) -> Callable[..., Any]:
    """What puts a built edit on the recipe, and forgets it then: two presses keep it once."""

    @functools.wraps(keep)
    def kept(saved: Any, language: str, edit: Any) -> tuple[Any, None]:
        return keep(saved, language, edit), None

    return kept


def _each(handler: Callable[..., Any], values: Values, work: Work) -> Iterator[Any]:
    """What a handler gives; at once only if it was not stopped, whatever the handler made of that."""
    if inspect.isgeneratorfunction(handler):
        yield from handler(values, work)
    else:
        value = handler(values, work)
        work.check()
        yield value


def _plain(row: tuple[Any, ...]) -> Any:
    return row[0] if len(row) == 1 else row


def working(button: gr.Button, *events: Any) -> None:
    """Switch a button off when it is pressed, and on again when the last of the events that the
    press sets off is over: done, stopped, refused, or turned away by a server that is full.

    The browser does both by itself, so that no answer of the server is needed for it. ("then" is
    not told of errors. After a lost connection gradio opens the page anew, with the button on.)
    """
    button.click(None, None, button, js=SWITCH % "false", api_visibility="private")
    ends = [*(event.failure for event in events), events[-1].then]
    for end in ends:
        end(None, None, button, js=SWITCH % "true", api_visibility="private")
