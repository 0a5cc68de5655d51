"""many_converts.py MODELS OUT JOBS: `convert` for each [name, model, to] of a JSON list, in one process, into OUT/name.

Prints a JSON object: name → exit code and what was said.
"""

import contextlib
import io
import json
import sys
from pathlib import Path

from seedwise_contract.command import main
from seedwise_fairseq.backend import FairseqBackend

answers = {}
for name, model, to in json.loads(sys.argv[3]):
    out = Path(sys.argv[2]) / name
    out.mkdir(parents=True)
    (out / "spec.json").write_text(json.dumps({"model": model, "to": to}))
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        code = main(FairseqBackend(), ["convert", str(out / "spec.json"), "--models", sys.argv[1], "--out", str(out)])
    answers[name] = [int(code), said.getvalue()]
print(json.dumps(answers))
