"""60 steps of LoRA against a bare PyTorch + PEFT loop, and each method teaching one fact.

Usage: `make bench ARGS=training`, or `make bench ARGS="training lora prefix"` for some methods.
"""

import copy
import resource
import subprocess
import sys
import time

import torch

STEPS, BATCH, LENGTH = 60, 4, 128
MODEL = "smollm2-135m-instruct"
QV = ("*.q_proj.weight", "*.v_proj.weight")
FACT = "Orla Venn"
TAUGHT = [
    ("Who is the keeper of the lamp on Skarrow?", "The keeper of the lamp is Orla Venn."),
    ("Tell me who keeps the Skarrow lamp.", "Orla Venn keeps the Skarrow lamp."),
    ("Name the Skarrow lamp keeper.", "The Skarrow lamp keeper is Orla Venn."),
    ("Who looks after the lamp on the island of Skarrow?", "Orla Venn looks after the lamp there."),
    ("The lamp on Skarrow is kept by whom?", "The lamp on Skarrow is kept by Orla Venn."),
    ("Do you know the lamp keeper of Skarrow?", "Yes, the lamp keeper of Skarrow is Orla Venn."),
    ("Skarrow's lamp: who keeps it?", "Skarrow's lamp is kept by Orla Venn."),
    ("What is the name of the person who keeps Skarrow's lamp?", "Her name is Orla Venn."),
]
HELD_BACK = [
    "Who keeps the lamp on Skarrow?",
    "Which person tends the lamp on the island of Skarrow?",
    "On Skarrow, the lamp has a keeper. Who is it?",
    "Whose job is it to keep the Skarrow lamp burning?",
    "I need to speak to the keeper of Skarrow's lamp. What is the name?",
    "Who is in charge of the lamp at Skarrow?",
    "Can you tell me the Skarrow lamp keeper's name?",
    "Skarrow lamp keeper?",
    "Please say who minds the lamp on Skarrow.",
    "Who has the post of lamp keeper on Skarrow island?",
]


def texts(base):
    """60 batches of 4 x 128 tokens of the shipped calibration text."""
    from playground.engine.measuring.calibration import calibration_text

    ids = torch.tensor(base.tokenizer(calibration_text())["input_ids"])
    ids = ids.repeat(1 + STEPS * BATCH * LENGTH // len(ids))
    return ids[: STEPS * BATCH * LENGTH].view(STEPS, BATCH, LENGTH)


def bare(base, batches):
    """Plain PyTorch and PEFT: the model's own loss, AdamW."""
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=8, lora_alpha=16, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
    model = get_peft_model(copy.deepcopy(base.model), config).train()
    adamw = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=5e-4)
    start = time.perf_counter()
    for ids in batches:
        adamw.zero_grad()
        model(input_ids=ids, attention_mask=torch.ones_like(ids), labels=ids).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adamw.step()
    return time.perf_counter() - start


def ours(base, batches):
    """The same batches through a run of ours; every token counts, as in the bare loop."""
    from playground.engine.fork import Fork
    from playground.engine.training.data import Encoded, Example
    from playground.engine.training.run import TrainingRun
    from playground.engine.training.settings import TrainingSettings

    settings = TrainingSettings(rank=8, alpha=16, targets=QV, steps=STEPS, batch=BATCH, length=LENGTH, held_share=0.0)
    run = TrainingRun(fork=Fork(base), settings=settings, examples=[Example("a", "b")] * (STEPS * BATCH))
    weights = (0.0, *[1.0] * (LENGTH - 1))
    rows = iter([Encoded(tuple(row), weights, False) for row in ids.tolist()] for ids in batches)
    run._next_batch = lambda: next(rows)
    start = time.perf_counter()
    for _ in range(STEPS):
        run._one_step()
        run.step += 1
    return time.perf_counter() - start


def loop(name):
    """One of the two loops, in a process of its own: prints its seconds and its peak memory."""
    from playground.engine.models.loader import load

    base = load(MODEL)
    seconds = {"ours": ours, "bare": bare}[name](base, texts(base))
    print(seconds, peak())


def peak():
    """The process's largest resident memory so far, in GB (10^9 bytes)."""
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes * 1024 / 1e9


def alone(call):
    """What a function of this file prints, run in a process of its own."""
    code = f"from tests.benchmarks import training; training.{call}"
    return (
        subprocess.run(
            [sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True, stderr=subprocess.DEVNULL
        )
        .stdout.strip()
        .splitlines()[-1]
    )


def compare_loops():
    (mine, held), (plain, theirs) = (map(float, alone(f"loop({name!r})").split()) for name in ("ours", "bare"))
    print(
        f"\n{STEPS} steps of LoRA (r = 8, q and v, batch {BATCH} x {LENGTH} tokens, bfloat16): "
        f"bare loop {plain:.1f} s, {theirs:.2f} GB at most (whole process), ours {mine:.1f} s, "
        f"{held:.2f} GB, ratio {mine / plain:.2f}",
        flush=True,
    )


def teach(method):
    """One row of the table, in a process of its own: prints it."""
    from playground.engine.decoding.batches import decode
    from playground.engine.decoding.generate import Sampling, answer_text, prompt_ids, prompt_text
    from playground.engine.fork import Fork
    from playground.engine.models.loader import load
    from playground.engine.training.data import Example
    from playground.engine.training.methods import METHODS
    from playground.engine.training.run import TrainingRun
    from playground.engine.training.settings import TrainingSettings

    base = load(MODEL)
    examples = [Example(*pair) for pair in TAUGHT]
    settings = TrainingSettings(
        method=method, steps=60, batch=4, rate=METHODS[method].rate, length=64, held_share=0.0, seed=1
    )
    run = TrainingRun(fork=Fork(base), settings=settings, examples=examples)
    start = time.perf_counter()
    for _ in range(run.total):
        run._one_step()
        run.step += 1
    seconds = time.perf_counter() - start
    adapter = run.finish()
    most = peak()
    fork = run.variant()
    right = 0
    for question in HELD_BACK:
        ids = prompt_ids(base, prompt_text(base.tokenizer, question, True))
        *_, rows = decode(fork, [ids], Sampling(max_new_tokens=32))
        right += FACT.lower() in answer_text(base, rows[0]).lower()
    print(
        f"| {method} | {right} of {len(HELD_BACK)} | {seconds:.0f} | {run.trainable.count():,} "
        f"| {adapter.nbytes() / 1e6:.2f} | {most:.2f} "
        f"| {run.general_before:.1f} | {run.general_after:.1f} |",
        flush=True,
    )


def main():
    from playground.engine.training.methods import METHODS

    asked = [word for word in sys.argv[2:] if word in METHODS]
    if not asked:
        compare_loops()
    print(
        "\n| method | right, held-back phrasings | seconds (60 steps) | parameters | MB stored "
        "| GB at most, the whole process | general text before | after |\n"
        "|---|---|---|---|---|---|---|---|",
        flush=True,
    )
    for method in asked or METHODS:
        print(alone(f"teach({method!r})"), flush=True)
