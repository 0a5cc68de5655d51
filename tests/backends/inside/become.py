"""become.py NAME PYTHON ROOT WORD…: becomes backend NAME of the checkout ROOT, by the interpreter PYTHON."""

import os
import sys

name, python, root, *words = sys.argv[1:]
os.environ["PYTHONPATH"] = os.pathsep.join(f"{root}/backends/{part}/src" for part in ("contract", name))
os.execv(python, [python, "-m", f"seedwise_{name}", *words])
