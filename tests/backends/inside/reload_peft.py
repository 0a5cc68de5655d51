"""reload_peft.py BASE CHECKPOINT: reads texts on stdin; prints their logits by peft alone, one text at a time.

BASE is the model folder that the adapter was trained on, or `base/` in the checkpoint.
"""

import json
import sys

import torch
from peft import PeftModel
from transformers import AutoModelForSequenceClassification, AutoTokenizer

import seedwise_peft.bitfit  # peft knows BitFit from here on

torch.set_num_threads(1)
tokenizer = AutoTokenizer.from_pretrained(sys.argv[2])
base = AutoModelForSequenceClassification.from_pretrained(sys.argv[1], num_labels=2, dtype=torch.float32)
base.config.pad_token_id = tokenizer.pad_token_id
model = PeftModel.from_pretrained(base, sys.argv[2]).eval()
assert seedwise_peft.bitfit.BitFitConfig().peft_type == "BITFIT"
with torch.inference_mode():
    logits = [
        model(**tokenizer(text, truncation=True, max_length=24, return_tensors="pt")).logits[0].tolist()
        for text in json.load(sys.stdin)
    ]
print(json.dumps(logits))
