"""states.py SPEC MODELS DATA OUT: hidden states and logits of the test split before training, in the backend that SPEC names.

Writes a JSON list into OUT: for each example {"hidden": every position's last hidden state, "logits": …}; no dropout, float32.
"""

import json
import sys
import tempfile
from pathlib import Path

import torch

from seedwise_contract import load_spec
from seedwise_contract.data import read_split

spec, models, data = load_spec(Path(sys.argv[1])), Path(sys.argv[2]), Path(sys.argv[3])
folder = models / spec.model.path
examples = read_split(spec.task, "test", data)
torch.set_num_threads(1)
answers = []
if spec.backend == "hf":
    from transformers import AutoTokenizer

    from seedwise_hf.data import Collator, encode
    from seedwise_hf.model import build

    model = build(spec, folder).model.eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    collate = Collator(tokenizer.pad_token_id)
    with torch.no_grad():
        for item in encode(tokenizer, examples, spec, model.config.vocab_size):
            batch = collate([item])
            del batch["labels"]
            out = model(**batch, output_hidden_states=True)
            answers.append({"hidden": out.hidden_states[-1][0].tolist(), "logits": out.logits[0].tolist()})
else:
    from seedwise_fairseq import model as models_module
    from seedwise_fairseq.architecture import read_folder
    from seedwise_fairseq.binarise import binarised
    from seedwise_fairseq.command import HEAD, command_line, configuration
    from seedwise_fairseq.tasks import Classification
    from seedwise_fairseq.text import coder_of

    read = read_folder(folder)
    coder = coder_of(read)
    source = models_module.read_source(spec, read, coder)
    cut = binarised(
        spec, coder, {split: read_split(spec.task, split, data) for split in ("train", "selection", "test")}
    )
    cfg = configuration(command_line(spec, source.architecture, cut, Path(tempfile.gettempdir())))
    task = Classification.setup_task(cfg.task)
    model = models_module.build(spec, source, task, cfg).model.eval()
    task.load_dataset("test")
    dataset = task.dataset("test")
    with torch.no_grad():
        for index in range(len(dataset)):
            inputs = dataset.collater([dataset[index]])["net_input"]
            hidden, _ = model(inputs["src_tokens"], features_only=True)
            logits, _ = model(inputs["src_tokens"], features_only=True, classification_head_name=HEAD)
            answers.append({"hidden": hidden[0].tolist(), "logits": logits[0].tolist()})
with open(sys.argv[4], "w", encoding="utf-8") as handle:
    json.dump(answers, handle)
