"""reload.py CHECKPOINT: reads {"text", "pair"} rows on stdin; prints their logits by transformers alone, one at a time."""

import json
import sys

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
model = AutoModelForSequenceClassification.from_pretrained(sys.argv[1], dtype=torch.float32).eval()
with torch.inference_mode():
    logits = [
        model(**tokenizer(row["text"], row["pair"], truncation=True, max_length=24, return_tensors="pt"))
        .logits[0]
        .tolist()
        for row in json.load(sys.stdin)
    ]
print(json.dumps(logits))
