"""The `hf` backend: sequence classification and regression with transformers' own Trainer."""

__version__ = "0.1.0"
