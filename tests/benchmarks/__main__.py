"""`make bench`: every benchmark, or one of them with words of its own (`make bench ARGS=forks`).

Ratios are taken within one run, since machines are noisy; no figure here is a test.
"""

import sys

from tests.benchmarks import (
    adapters,
    answers,
    ask,
    batching,
    compression,
    decoding,
    edits,
    facts,
    forks,
    hostile,
    merging,
    page,
    retrieval,
    sources,
    startup,
    training,
    visitors,
    workshop,
)

ALL = {
    "forks": forks,
    "batching": batching,
    "startup": startup,
    "answers": answers,
    "ask": ask,
    "compression": compression,
    "edits": edits,
    "adapters": adapters,
    "training": training,
    "merging": merging,
    "retrieval": retrieval,
    "facts": facts,
    "hostile": hostile,
    "sources": sources,
    "page": page,
    "decoding": decoding,
    "visitors": visitors,
    "workshop": workshop,
}

for name in [word for word in sys.argv[1:] if word in ALL] or ALL:
    print(f"\n## {name}\n", flush=True)
    ALL[name].main()
