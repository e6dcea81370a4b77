"""A network of the laboratory as a GGUF file: the drafter's, with its process's name, schedule and matrices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from gguf import GGMLQuantizationType

from ..checkpoint import Checkpoint, CheckpointError, fingerprint
from ..drafter_file import FINGERPRINT, PROCESS, fill, read_config, write
from ..formats import BODY, EMBEDDING
from ..verifier import Verifier
from .gaussian import scaled
from .network import PROCESSES, Network

SCHEDULE = "speculate.process.noise_schedule"
NEIGHBOURS = "speculate.neighbours"


def save(
    path: Path, network: Network, verifier: Checkpoint, neighbours: torch.Tensor | None = None,
    body: GGMLQuantizationType = BODY, embedding: GGMLQuantizationType = EMBEDDING,
) -> None:  # fmt: skip
    """Writes beside and renames. `neighbours` [V, K] are the token-distance process's. The network's taps must have
    their scale folded in; a Gaussian process's embedding is written, and becomes, of the length that
    the process gives it."""
    if network.process not in PROCESSES:
        raise CheckpointError(f"{path}: no reader runs the {network.process} head")
    if (neighbours is not None) != (network.process == "token-distance"):
        raise CheckpointError(f"{path}: neighbours belong to the token-distance process, this is {network.process}")
    if network.process == "gaussian":
        with torch.no_grad():
            network.rounding.copy_(scaled(network.rounding))
    indices = {} if neighbours is None else {NEIGHBOURS: neighbours.cpu().numpy().astype(np.int32)}
    about = {"name": f"block diffusion drafter, {network.process}", "license": "Apache-2.0"}
    texts = {PROCESS: network.process, SCHEDULE: network.schedule}
    write(path, network, verifier, body, embedding, about, texts=texts, indices=indices)


def load(path: Path, verifier: Verifier, checkpoint: Checkpoint) -> Network:
    """Raises `CheckpointError` where the file was made for another verifier, or names no known process."""
    file = Checkpoint(path)
    if (made_for := file.value(FINGERPRINT)) != fingerprint(checkpoint):
        raise CheckpointError(f"{path}: made for a verifier with fingerprint {made_for}, not {fingerprint(checkpoint)}")
    process, schedule = file.value(PROCESS, "absorbing"), file.value(SCHEDULE, "linear")
    if process not in PROCESSES:
        raise CheckpointError(f"{path}: {PROCESS} is '{process}', expected one of {', '.join(PROCESSES)}")
    d2t, embedding = file.tensor("d2t").long(), verifier.embedding.cpu()
    network = Network(read_config(file), d2t, embedding, verifier.dtype, process, schedule)
    fill(network, file)
    return network.to(verifier.device).eval()
