"""`make bench`: every benchmark, or those named (`make bench ARGS="forks answers"`).

Ratios are taken within one run, since machines are noisy; no figure here is a test.
"""

import sys

from tests.benchmarks import answers, batching, forks, startup

ALL = {"forks": forks, "batching": batching, "startup": startup, "answers": answers}

for name in sys.argv[1:] or ALL:
    print(f"\n## {name}\n", flush=True)
    ALL[name].main()
