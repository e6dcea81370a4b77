"""The process that a network was made for."""

from __future__ import annotations

import functools

from torch import Tensor

from .absorbing import Absorbing
from .gaussian import Gaussian
from .network import Network
from .process import Process
from .schedules import SCHEDULES
from .score_entropy import ScoreAbsorbing, ScoreUniform
from .token_distance import TokenDistance, link
from .uniform import Uniform


def process_of(network: Network) -> Process:
    schedule, V = SCHEDULES[network.schedule], network.config.draft_vocabulary
    match network.process:
        case "absorbing":
            return Absorbing(V, schedule)
        case "uniform":
            return Uniform(V, schedule)
        case "token-distance":
            return token_distance(network.embedding[network.d2t], network.schedule)
        case "score-absorbing":
            return ScoreAbsorbing(V, schedule)
        case "score-uniform":
            return ScoreUniform(V, schedule)
        case "gaussian":
            return Gaussian(network.rounding, schedule)
    raise ValueError(f"the {network.process} head has no process")


def neighbours(embedding: Tensor) -> Tensor:
    """[V, K], of tokens with the verifier's embeddings [V, hidden]; where there are few tokens, fewer than ten."""
    return link(embedding, min(10, len(embedding) - 1))


def token_distance(embedding: Tensor, schedule: str) -> TokenDistance:
    return _token_distance(Rows(embedding), schedule)


class Rows:
    """A tensor that tells itself apart by its numbers, to be remembered by."""

    def __init__(self, numbers: Tensor) -> None:
        self.numbers = numbers
        self.key = (tuple(numbers.shape), str(numbers.device), float(numbers.double().sum()))

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rows) and self.key == other.key


@functools.lru_cache(4)
def _token_distance(embedding: Rows, schedule: str) -> TokenDistance:
    return TokenDistance(neighbours(embedding.numbers), SCHEDULES[schedule])
