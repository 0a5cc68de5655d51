"""seconds.py WORD…: Python with these words, and the processor seconds that it took, printed last.

On one core they are those of the clock, without what else the machine does meanwhile.
"""

import os
import subprocess
import sys
from resource import RUSAGE_CHILDREN, getrusage


def processor_seconds(words, **threads):
    """Of Python with `words` as a process of its own, from its start to its end; its errors end this one too."""
    done = subprocess.run(
        [sys.executable, *words], env={**os.environ, **threads}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(done.stderr[-3000:])
    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    print(processor_seconds(sys.argv[1:]))
