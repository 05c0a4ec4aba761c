"""What two threads would import at once is imported before there are two."""

import subprocess
import sys


def test_the_page_has_imported_narwhals_before_a_thread_can_race_for_it():
    # plotly and scikit-learn begin with it from two ends: the second is refused as a deadlock.
    code = "import playground.ui.layout, sys; print('narwhals.stable.v2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"
