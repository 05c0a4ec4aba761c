"""`python -m playground.lab`: see ``many``."""

import os
import sys

# Before torch is imported: threads that spin while they wait for one another take two to three
# times the processor time where other programs are at work too.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from playground.lab.counterfact import main

if __name__ == "__main__":
    sys.exit(main())
