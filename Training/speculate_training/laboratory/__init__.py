"""Diffusion processes over tokens, around one trunk: as language models and as drafters."""
