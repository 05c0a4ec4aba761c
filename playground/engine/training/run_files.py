"""What is kept of each training run on the host's disk, so that a restart loses none.

A private folder for each: ``job.json`` is what was asked and how far it is, ``examples.json`` what
it learns from, ``state.safetensors`` where it goes on from. The last two go when it has ended.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import astuple, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from playground import disk
from playground.disk import DiskError
from playground.engine.recipe import parse
from playground.engine.training.data import DataError, Example
from playground.engine.training.job import BeforeAfter, Job, Status
from playground.engine.training.points import TrainingPoint
from playground.engine.training.settings import TrainingSettings
from playground.errors import Message, PlaygroundError
from playground.settings import settings

if TYPE_CHECKING:
    from playground.engine.training.run import TrainingRun

CARD, EXAMPLES, STATE = "job.json", "examples.json", "state.safetensors"
GUARD = "training.lock"  # in the home: held by the process that goes on with what is kept
MOST_STATE_BYTES = 4_000_000_000  # of all runs together
POINT = tuple(field.name for field in fields(TrainingPoint))  # as they are written
FIGURES = "run"  # the key of the numbers among a state's metadata

_ID = re.compile(r"[0-9a-f]{32}")
_log = logging.getLogger(__name__)


def runs_folder() -> Path:
    """Where the runs of this host are kept."""
    return settings().home / "training"


def sweep_runs() -> None:
    """Delete the runs of which nothing was written for too long."""
    disk.sweep(runs_folder())


def claim_runs() -> int | None:
    """Become the process that goes on with the runs of this home.

    :return: what holds the claim until it is closed, None if another process has it.
    """
    try:
        settings().home.mkdir(mode=0o700, parents=True, exist_ok=True)
        opened = os.open(settings().home / GUARD, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:  # a home that cannot be written to keeps no runs
        return None
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(opened)
        return None
    except OSError:  # a file system without locks
        _log.debug("no lock on %s", GUARD)
    return opened


# Writing: a disk that refuses costs the safety, not the run


def write_job(job: Job) -> None:
    """Keep what is known of a job by now; of one that has ended nothing else."""
    place = runs_folder() / job.id
    text = json.dumps(_card(job), ensure_ascii=False).encode("utf-8", "replace")
    try:
        if job.examples and job.active() and not (place / EXAMPLES).is_file():
            rows = [astuple(example) for example in job.examples]
            data = json.dumps(rows, ensure_ascii=False).encode("utf-8", "replace")
            disk.write_whole(place / EXAMPLES, data)
        disk.write_whole(place / CARD, text)
    except (DiskError, OSError) as error:
        _log.warning("A training run is not kept: %s", error)
        return
    if job.status in ("done", "failed"):
        job.saved = 0
        for name in (EXAMPLES, STATE):
            disk.remove(place / name)
    disk.touch(place)


def save_state(job: Job, run: TrainingRun, others: Sequence[Job]) -> bool:
    """Keep a run's state, and how far it is.

    :param others: may lose theirs where there is no room, the first of them first.
    :return: whether it is kept.
    """
    tensors, figures = run.state()
    size = sum(tensor.nbytes for tensor in tensors.values())
    path = runs_folder() / job.id / STATE
    held = _held(job)
    theirs = [(other, disk.size_of(runs_folder() / other.id / STATE)) for other in others]
    if held - sum(each for _, each in theirs) + size > MOST_STATE_BYTES:
        return False  # nobody's would make room enough
    for other, each in theirs:
        if held + size <= MOST_STATE_BYTES:
            break
        disk.remove(runs_folder() / other.id / STATE)
        other.saved, held = 0, held - each
    try:
        with disk.aside(path) as part:
            whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
            save_file(whole, part, {FIGURES: json.dumps(figures)})
    except (DiskError, OSError, SafetensorError) as error:
        _log.warning("The state of a training run is not kept: %s", error)
        return False
    job.saved = run.step
    write_job(job)
    return True


def _held(job: Job) -> int:
    """Bytes of the states of all other jobs."""
    states = (path for path in runs_folder().glob(f"*/{STATE}") if path.parent.name != job.id)
    return sum(disk.size_of(path) for path in states)


def remove_run(job_id: str) -> None:
    """Keep nothing of a job any more."""
    disk.remove(runs_folder() / job_id)


# Reading


def jobs() -> Iterator[Job]:
    """What is kept, without examples; what is damaged is deleted."""
    for path in sorted(runs_folder().iterdir()) if runs_folder().is_dir() else ():
        if not _ID.fullmatch(path.name):
            continue
        try:
            yield _job(path.name, json.loads((path / CARD).read_bytes()))
        except (FileNotFoundError, ValueError, TypeError, KeyError, PlaygroundError) as error:
            _log.warning("A kept training run is damaged: %s", error)
            disk.remove(path)
        except OSError as error:  # the disk's moment; it may be read at the next start
            _log.warning("A kept training run cannot be read: %s", error)


def examples(job_id: str) -> tuple[Example, ...]:
    """What a job learns from.

    :raises DataError: it is no longer there.
    """
    try:
        rows = json.loads((runs_folder() / job_id / EXAMPLES).read_bytes())
        return tuple(
            Example(prompt, completion, tuple((role, text) for role, text in before))
            for prompt, completion, before in rows
        )
    except (OSError, ValueError, TypeError) as error:
        raise DataError(
            "The examples of this run are no longer here: they are kept for {days} days. Press "
            "Train to begin a new one.",
            days=disk.MAX_DAYS,
        ) from error


def restore_run(job: Job, run: TrainingRun) -> bool:
    """Take a run to where its kept state is; whether that was possible.

    A run that could not be restored is not usable: make a new one.
    """
    path = runs_folder() / job.id / STATE
    try:
        with path.open("rb") as file:  # metadata is in the header, which load_file passes over
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        run.restore(load_file(path), json.loads(header["__metadata__"][FIGURES]))
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError) as error:
        _log.warning("The state of a training run cannot be read: %s", error)
        return False
    return True


# JSON


def _card(job: Job) -> dict[str, Any]:
    return {
        "recipe": json.loads(job.recipe.json_text()),
        "settings": job.settings.model_dump(),
        "title": job.title,
        "prompts": job.prompts,
        "status": job.status,
        "points": [astuple(point) for point in job.points],
        "total": job.total,
        "source": job.source,
        "error": _written(job.error),
        "told": _written(job.told),
        "answers": [astuple(answer) for answer in job.answers],
        "general": job.general,
        "owner": job.owner,
        "session": job.session,
        "queued": job.queued,
        "saved": job.saved,
        "restarts": job.restarts,
    }


def _job(job_id: str, card: dict[str, Any]) -> Job:
    status: Status = card["status"]
    if status not in get_args(Status):
        raise ValueError(f"unknown status {status!r}")
    saved = int(card["saved"]) if (runs_folder() / job_id / STATE).is_file() else 0
    before, after = card["general"] or (0.0, 0.0)
    return Job(
        id=job_id,
        recipe=parse(card["recipe"]),
        examples=(),
        settings=TrainingSettings.model_validate(card["settings"]),
        title=str(card["title"]),
        prompts=tuple(map(str, card["prompts"])),
        status=status,
        points=tuple(TrainingPoint(**dict(zip(POINT, values, strict=False))) for values in card["points"]),
        total=int(card["total"]),
        source=str(card["source"]),
        error=_read(card["error"]),
        told=_read(card["told"]),
        answers=tuple(BeforeAfter(*texts) for texts in card["answers"]),
        general=(float(before), float(after)) if card["general"] else None,
        owner=str(card["owner"]),
        session=str(card["session"]),
        queued=float(card["queued"]),
        saved=saved,
        restarts=int(card["restarts"]),
    )


def _written(message: Message | None) -> Any:
    if message is None:
        return None
    values = {
        name: _written(value) if isinstance(value, Message) else _plain(value) for name, value in message.values.items()
    }
    return {"template": message.template, "values": values}


def _plain(value: object) -> object:
    return value if isinstance(value, int | float | str) else str(value)


def _read(data: Any) -> Message | None:
    if data is None:
        return None
    values = {name: _read(value) if isinstance(value, dict) else value for name, value in data["values"].items()}
    message = Message(str(data["template"]), values)
    str(message)  # whether it can be filled
    return message
