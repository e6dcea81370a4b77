"""Trains and compares every diffusion process of the literature, as drafter and as language model, on one trunk."""

from .run import add_arguments, main

__all__ = ["add_arguments", "main"]
