"""fairseq_train.py SPEC DATA MODELS OUT: fairseq's own command line on the work of a spec.

The texts are binarised as the backend does it, which is left out of the time; then `fairseq_cli.train` trains, validates after
every epoch and keeps the best checkpoint, in a process of its own.  Prints the seconds that it took.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from seedwise_contract.data import model_folder, read_split
from seedwise_contract.spec import load_spec
from seedwise_fairseq.architecture import read_folder
from seedwise_fairseq.binarise import binarised
from seedwise_fairseq.command import command_line
from seedwise_fairseq.model import read_source
from seedwise_fairseq.text import coder_of

spec, data, models, out = load_spec(Path(sys.argv[1])), Path(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4])
folder = read_folder(model_folder(spec.model, models))
coder = coder_of(folder)
examples = {split: read_split(spec.task, split, data) for split in ("train", "selection", "test")}
words = command_line(spec, read_source(spec, folder, coder).architecture, binarised(spec, coder, examples), out)
words = [word for word in words if word not in ("--disable-validation", "--no-save")]
words += ["--valid-subset", "selection", "--batch-size-valid", str(spec.evaluation.batch_size)]
words += ["--best-checkpoint-metric", "accuracy", "--maximize-best-checkpoint-metric"]
words += ["--no-epoch-checkpoints", "--no-last-checkpoints", "--no-save-optimizer-state"]
command = [sys.executable, "-m", "fairseq_cli.train", *words]
threads = {name: str(spec.device.threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
begun = time.monotonic()
done = subprocess.run(command, env={**os.environ, **threads}, capture_output=True, text=True, check=False)
seconds = time.monotonic() - begun
if done.returncode != 0:
    sys.exit(done.stderr[-3000:])
print(seconds)
