"""make_models.py FOLDER: a tiny model folder of each kind below it: config, tokenizer of whole words, encoder weights."""

import string
import sys
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModel, BertTokenizerFast

WORDS = ["fine", "lovely", "bright", "dull", "awful", "grey", "so", *(f"w{n}" for n in range(40))]
DIALOGUE = ["<", ">", ":", "?", "human", "assistant", "goodgood", "badbad"]  # of templates and answers
COMMON = {
    "vocab_size": 100,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
}
ENDS = {"bos_token_id": 2, "eos_token_id": 3}
KINDS = {
    "bert": {**COMMON, "max_position_embeddings": 64},
    "loud": {**COMMON, "max_position_embeddings": 64, "initializer_range": 0.4},  # gradients of a norm above 1
    "poolerless": {**COMMON, "max_position_embeddings": 64},
    "roberta": {**COMMON, "max_position_embeddings": 66, "pad_token_id": 0},
    "distilbert": {"vocab_size": 100, "dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64},
    "albert": {**COMMON, "embedding_size": 16, "max_position_embeddings": 64},
    "electra": {**COMMON, "embedding_size": 16, "max_position_embeddings": 64},
    "mpnet": {**COMMON, "max_position_embeddings": 66, "pad_token_id": 0},
    "gpt2": {"vocab_size": 100, "n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64, **ENDS},
    "bloom": {"vocab_size": 100, "hidden_size": 32, "n_layer": 2, "n_head": 2, **ENDS},
    "llama": {**COMMON, "max_position_embeddings": 64, **ENDS},
}

for kind, settings in KINDS.items():
    folder = Path(sys.argv[1]) / kind
    folder.mkdir(parents=True)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *string.digits, *WORDS, *DIALOGUE]
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    ends = {"bos_token": "[CLS]", "eos_token": "[SEP]"} if kind in ("gpt2", "bloom", "llama") else {}
    BertTokenizerFast(str(folder / "vocab.txt"), **ends).save_pretrained(folder)
    torch.manual_seed(0)
    config = AutoConfig.for_model("bert" if kind in ("loud", "poolerless") else kind, **settings)
    pooler = {"add_pooling_layer": False} if kind == "poolerless" else {}
    AutoModel.from_config(config, **pooler).save_pretrained(folder)
