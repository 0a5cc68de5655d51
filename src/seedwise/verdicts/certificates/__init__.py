"""Proof that two backends do the same work, without which no claim across them is decided."""
