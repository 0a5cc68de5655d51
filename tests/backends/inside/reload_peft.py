"""reload_peft.py PAIRS: reads texts on stdin; prints their logits by peft alone, one text at a time, for each pair of a list.

A pair is a base model's folder and a checkpoint.  The switches decide by which kernel attention runs, and the alignment of
weights by which way products are computed, hence the last bits.
"""

import json
import sys

import torch
from peft import PeftModel
from transformers import AutoModelForSequenceClassification, AutoTokenizer

import seedwise_peft.bitfit  # peft knows BitFit from here on
from seedwise_contract.torch_device import set_determinism
from seedwise_hf.model import align

set_determinism(threads=1)
assert seedwise_peft.bitfit.BitFitConfig().peft_type == "BITFIT"
texts = json.load(sys.stdin)
answers = []
for folder, checkpoint in json.loads(sys.argv[1]):
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    base = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=2, dtype=torch.float32)
    base.config.pad_token_id = tokenizer.pad_token_id
    model = PeftModel.from_pretrained(base, checkpoint).eval()
    align(model)
    with torch.inference_mode():
        answers.append(
            [
                model(**tokenizer(text, truncation=True, max_length=24, return_tensors="pt")).logits[0].tolist()
                for text in texts
            ]
        )
print(json.dumps(answers))
