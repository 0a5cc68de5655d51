"""hf_train.py SPEC DATA MODELS OUT: a stock script of transformers' Trainer on the work of a spec.

Tokenised beforehand, padded to the longest of a batch, scored after every epoch, the best checkpoint kept without its optimizer
and loaded at the end: what the documentation of Trainer shows.
"""

import json
import os
import sys
from pathlib import Path

spec = json.loads(Path(sys.argv[1]).read_text())
os.environ["OMP_NUM_THREADS"] = str(spec["device"]["threads"])
os.environ["HF_HUB_OFFLINE"] = "1"

import torch  # noqa: E402
from transformers import (  # noqa: E402
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
)

torch.set_num_threads(spec["device"]["threads"])
folder = Path(sys.argv[3], spec["model"]["path"])
recipe, optimizer = spec["recipe"], spec["recipe"]["optimizer"]
tokenizer = AutoTokenizer.from_pretrained(folder)


def split(name):
    rows = map(json.loads, Path(sys.argv[2], spec["task"]["splits"][name]["file"]).read_text().splitlines())
    return [
        {**tokenizer(row["text"], truncation=True, max_length=recipe["max_length"]),
         "labels": spec["task"]["labels"].index(row["label"])}
        for row in rows
    ]  # fmt: skip


arguments = TrainingArguments(
    output_dir=sys.argv[4],
    num_train_epochs=recipe["epochs"],
    per_device_train_batch_size=recipe["batch_size"],
    per_device_eval_batch_size=spec["evaluation"]["batch_size"],
    gradient_accumulation_steps=recipe["accumulation"],
    learning_rate=optimizer["lr"],
    weight_decay=optimizer["weight_decay"],
    adam_beta1=optimizer["betas"][0],
    adam_beta2=optimizer["betas"][1],
    adam_epsilon=optimizer["eps"],
    max_grad_norm=recipe["clip_norm"] or 0.0,
    lr_scheduler_type=recipe["schedule"]["name"],
    warmup_steps=recipe["schedule"]["warmup_updates"],
    eval_strategy="epoch",
    save_strategy="epoch",
    save_only_model=True,
    save_total_limit=1,
    load_best_model_at_end=True,
    metric_for_best_model="accuracy",
    use_cpu=True,
    report_to="none",
    disable_tqdm=True,
    seed=spec["seeds"]["dropout"],
)
torch.manual_seed(spec["seeds"]["initialisation"])
dropout = {
    "hidden_dropout_prob": recipe["dropout"]["hidden"],
    "attention_probs_dropout_prob": recipe["dropout"]["attention"],
}
config = AutoConfig.from_pretrained(folder, **dropout)
if spec["initialisation"] == "random":
    model = AutoModelForSequenceClassification.from_config(config)
else:
    model = AutoModelForSequenceClassification.from_pretrained(folder, config=config)
trainer = Trainer(
    model=model,
    args=arguments,
    train_dataset=split("train"),
    eval_dataset=split("selection"),
    data_collator=DataCollatorWithPadding(tokenizer),
    compute_metrics=lambda scored: {"accuracy": float((scored.predictions.argmax(axis=1) == scored.label_ids).mean())},
)
trainer.train()
trainer.predict(split("test"))
