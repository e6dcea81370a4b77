"""Distils a masked diffusion drafter for an autoregressive verifier."""
