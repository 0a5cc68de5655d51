"""Seedwise: which way of fine-tuning is really better, and how sure are we?"""

__version__ = "0.1.0"
