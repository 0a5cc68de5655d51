"""The `fairseq` backend: sentence classification and regression with fairseq's own task, criterion and Trainer."""

__version__ = "0.1.0"
