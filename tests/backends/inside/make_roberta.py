"""make_roberta.py FOLDER: a tiny RoBERTa with a byte-level BPE tokenizer of its own, as transformers writes them."""

import random
import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import AutoModel, PreTrainedTokenizerFast, RobertaConfig

WORDS = ["fine", "lovely", "bright", "dull", "awful", "grey", "so", *(f"w{n}" for n in range(40))]
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]

folder = Path(sys.argv[1])
folder.mkdir(parents=True)
generator = random.Random(0)
lines = [" ".join(generator.choices(WORDS, k=8)) for _ in range(400)]
tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
tokenizer.train_from_iterator(lines, trainers.BpeTrainer(vocab_size=330, special_tokens=SPECIAL, show_progress=False,
    initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))  # fmt: skip
tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
names = dict(zip(["bos_token", "pad_token", "eos_token", "unk_token", "mask_token"], SPECIAL, strict=True))
PreTrainedTokenizerFast(tokenizer_object=tokenizer, cls_token="<s>", sep_token="</s>", **names).save_pretrained(folder)
torch.manual_seed(0)
config = RobertaConfig(
    vocab_size=tokenizer.get_vocab_size(), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
    max_position_embeddings=66, type_vocab_size=1, layer_norm_eps=1e-5,
)  # fmt: skip
AutoModel.from_config(config).save_pretrained(folder)
