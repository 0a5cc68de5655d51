"""The `hf` backend: sequence classification with transformers' own Trainer."""

__version__ = "0.1.0"
