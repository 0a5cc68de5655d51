"""fairseq_train.py SPEC DATA MODELS OUT: fairseq's own command line on the work of a spec.

The texts are binarised as the backend does it; then `fairseq-train`, behind the backend's compatibility module, trains, validates
after every epoch and keeps the best checkpoint, in a process of its own.  Prints the processor seconds of both.
"""

import sys
import time
from pathlib import Path

from seconds import processor_seconds

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
architecture = read_source(spec, folder, coder).architecture
begun = time.process_time()
examples = {split: read_split(spec.task, split, data) for split in ("train", "selection", "test")}
words = command_line(spec, architecture, binarised(spec, coder, examples), out)
words = [word for word in words if word not in ("--disable-validation", "--no-save")]
words += ["--valid-subset", "selection", "--batch-size-valid", str(spec.evaluation.batch_size)]
words += ["--best-checkpoint-metric", "accuracy", "--maximize-best-checkpoint-metric"]
words += ["--no-epoch-checkpoints", "--no-last-checkpoints", "--no-save-optimizer-state"]
prepared = time.process_time() - begun
threads = {name: str(spec.device.threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
print(prepared + processor_seconds(["-m", "seedwise_fairseq.launcher", *words], **threads))
