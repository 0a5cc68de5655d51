"""peft_train.py SPEC DATA MODELS OUT: a bare loop of torch with peft on the work of a spec; prints seconds, and those of its updates.

What a reader of peft's documentation writes: get_peft_model, AdamW, a schedule, batches padded to their longest.  BitFit, which
peft does not have, is the usual loop over names.  No events, no digests, no table of parameters, nothing that can be resumed.
"""

import time

begun = time.monotonic()

import json  # noqa: E402
import os  # noqa: E402
import random  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

spec = json.loads(Path(sys.argv[1]).read_text())
os.environ["OMP_NUM_THREADS"] = str(spec["device"]["threads"])
os.environ["HF_HUB_OFFLINE"] = "1"

import torch  # noqa: E402
from peft import LoraConfig, TaskType, get_peft_model  # noqa: E402
from transformers import (  # noqa: E402
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    get_linear_schedule_with_warmup,
)

torch.set_num_threads(spec["device"]["threads"])
folder = Path(sys.argv[3], spec["model"]["path"])
recipe, optim, method = spec["recipe"], spec["recipe"]["optimizer"], spec["method"]
tokenizer = AutoTokenizer.from_pretrained(folder)


def split(name):
    rows = map(json.loads, Path(sys.argv[2], spec["task"]["splits"][name]["file"]).read_text().splitlines())
    return [
        (tokenizer(row["text"], truncation=True, max_length=recipe["max_length"])["input_ids"],
         spec["task"]["labels"].index(row["label"]))
        for row in rows
    ]  # fmt: skip


def padded(rows):
    longest = max(len(ids) for ids, _ in rows)
    ids = torch.tensor([ids + [tokenizer.pad_token_id] * (longest - len(ids)) for ids, _ in rows])
    mask = torch.tensor([[1] * len(ids) + [0] * (longest - len(ids)) for ids, _ in rows])
    return {"input_ids": ids, "attention_mask": mask}, torch.tensor([label for _, label in rows])


def accuracy(rows):
    model.eval()
    right = 0
    ordered = sorted(rows, key=lambda row: len(row[0]))
    with torch.inference_mode():
        for start in range(0, len(ordered), spec["evaluation"]["batch_size"]):
            inputs, labels = padded(ordered[start : start + spec["evaluation"]["batch_size"]])
            right += int((model(**inputs).logits.argmax(dim=1) == labels).sum())
    return right / len(rows)


torch.manual_seed(spec["seeds"]["initialisation"])
if spec["initialisation"] == "random":
    model = AutoModelForSequenceClassification.from_config(AutoConfig.from_pretrained(folder))
else:
    model = AutoModelForSequenceClassification.from_pretrained(folder)
if method["name"] == "lora":
    given = method["parameters"]
    targets = ["query", "value"]
    model = get_peft_model(
        model,
        LoraConfig(task_type=TaskType.SEQ_CLS, r=given["r"], lora_alpha=given["alpha"], lora_dropout=given["dropout"],
                   target_modules=targets),
    )  # fmt: skip
elif method["name"] in ("bitfit", "head"):
    for name, parameter in model.named_parameters():
        parameter.requires_grad = name.startswith("classifier") or (
            method["name"] == "bitfit" and name.endswith(".bias")
        )
train, selection, test = split("train"), split("selection"), split("test")
size = recipe["batch_size"]
updates = recipe["epochs"] * -(-len(train) // size)
trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
optimizer = torch.optim.AdamW(
    trained, lr=optim["lr"], betas=optim["betas"], eps=optim["eps"], weight_decay=optim["weight_decay"]
)
schedule = get_linear_schedule_with_warmup(optimizer, recipe["schedule"]["warmup_updates"], updates)
seconds = 0.0
for epoch in range(recipe["epochs"]):
    order = train[:]
    random.Random(f"{spec['seeds']['order']}/{epoch}").shuffle(order)
    model.train()
    started = time.perf_counter()
    for start in range(0, len(order), size):
        inputs, labels = padded(order[start : start + size])
        loss = torch.nn.functional.cross_entropy(model(**inputs).logits, labels)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, recipe["clip_norm"] or float("inf"))
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    seconds += time.perf_counter() - started
    accuracy(selection)
accuracy(test)
model.save_pretrained(sys.argv[4])
print(seconds, time.monotonic() - begun)
