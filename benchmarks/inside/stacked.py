"""stacked.py MODEL DEVICE SEEDS ROWS TOKENS UPDATES: passes of several seeds by turns, and of all of them stacked (`torch.func`).

The classifier of MODEL's configuration, each seed with weights and batches of its own, in float32, without dropout, whose streams
stacking could not keep.  Prints JSON: the seconds of an update of all seeds, each way, and how far the gradients are apart.
"""

import json
import os
import sys
import time

model_folder, device = sys.argv[1:3]
seeds, rows, tokens, updates = map(int, sys.argv[3:])
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"

import torch  # noqa: E402
from torch.func import functional_call, grad_and_value, stack_module_state, vmap  # noqa: E402
from transformers import AutoConfig, AutoModelForSequenceClassification  # noqa: E402

if device == "cpu":
    torch.set_num_threads(1)
config = AutoConfig.from_pretrained(model_folder, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)


def made(seed):
    torch.manual_seed(seed)
    return AutoModelForSequenceClassification.from_config(config, attn_implementation="eager").to(device).train()


models = [made(seed) for seed in range(seeds)]
ids = torch.randint(5, config.vocab_size, (seeds, rows, tokens), device=device)
labels = torch.randint(0, config.num_labels, (seeds, rows), device=device)
mask = torch.ones(rows, tokens, dtype=torch.long, device=device)
stacked, buffers = stack_module_state(models)


def loss(weights, kept, batch, answers):
    told = functional_call(models[0], (weights, kept), args=(), kwargs={"input_ids": batch, "attention_mask": mask})
    return torch.nn.functional.cross_entropy(told.logits, answers)


def by_turns():
    for model, batch, answers in zip(models, ids, labels, strict=True):
        model.zero_grad()
        torch.nn.functional.cross_entropy(model(input_ids=batch, attention_mask=mask).logits, answers).backward()


together = vmap(grad_and_value(loss), randomness="different")


def timed(work):
    begun = time.monotonic()
    work()
    if device != "cpu":
        torch.cuda.synchronize()
    return time.monotonic() - begun


by_turns()
found, _ = together(stacked, buffers, ids, labels)
apart = max(
    float((found[name][place] - weights.grad).abs().max())
    for place, model in enumerate(models)
    for name, weights in model.named_parameters()
)
turns, stacks = [], []
for _ in range(updates):  # in turn, so that both see the same machine
    turns.append(timed(by_turns))
    stacks.append(timed(lambda: together(stacked, buffers, ids, labels)))
print(json.dumps({"by_turns": sorted(turns)[updates // 2], "stacked": sorted(stacks)[updates // 2], "apart": apart}))
