"""The drafter's trunk under another diffusion process: what a slot knows of the noisy block, and what it says.

Slot i of [anchor, MASK × (B − 1)] predicts the token at i + 1. Under the absorbing processes the slots hold the tokens
that are revealed, as in the plain drafter. Under the others they hold MASK, and matrices that are zero at first add
what stands there (`state_here`), what stands where the slot predicts (`state_own`) and the time: every process begins
as the one-pass drafter. The autoregressive head is the same trunk with all tokens shown and slots that do not look
ahead.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..attention import linear
from ..drafter import Drafter, DrafterConfig, Injected

AUTOREGRESSIVE = "autoregressive"
PROCESSES = ("absorbing", "uniform", "token-distance", "score-absorbing", "score-uniform", "gaussian")
#: Processes whose noise is one more state, MASK.
ABSORBING = ("absorbing", "score-absorbing")
#: Processes whose slots are told directly of the noisy token that they predict, as D3PM's networks are. Bayes' rule
#: brings it in anyway, so that the others leave it to that, and to attention, which still carries it.
TOLD = ("uniform", "token-distance")
WIDTH = 64  # Of the Gaussian process's learnt embedding.
TIMES = 32  # Features of the time.

#: The network within a block of a batch: z, t [S, A] → final states [S, A, B, hidden].
Denoiser = Callable[[Tensor, Tensor], Tensor]


class Network(Drafter):
    def __init__(
        self, config: DrafterConfig, d2t: Tensor, embedding: Tensor, dtype: torch.dtype, process: str = "absorbing",
        schedule: str = "linear",
    ) -> None:  # fmt: skip
        super().__init__(config, d2t, embedding, dtype)
        if process not in (*PROCESSES, AUTOREGRESSIVE):
            raise ValueError(f"there is no process '{process}', expected one of {', '.join(PROCESSES)}")
        self.process, self.schedule = process, schedule
        hidden = config.hidden
        if not self.reveals:
            width = WIDTH if process == "gaussian" else hidden
            self.state_here = nn.Parameter(torch.zeros(hidden, width))
            if process in TOLD:
                self.state_own = nn.Parameter(torch.zeros(hidden, width))
            self.time = nn.Parameter(torch.zeros(hidden, TIMES))
        if process == "score-absorbing":
            self.score_mass = nn.Parameter(torch.zeros(1, hidden))
        if process == "gaussian":
            self.rounding = nn.Parameter(self.first_embedding(WIDTH))

    @property
    def reveals(self) -> bool:
        """Whether slots hold the block's tokens themselves."""
        return self.process in (*ABSORBING, AUTOREGRESSIVE)

    def first_embedding(self, width: int) -> Tensor:
        """[V, width], numbers of mean square 1: the first principal components of the verifier's embedding."""
        rows = self.embedding[self.d2t].float()
        rows = rows - rows.mean(0)
        values, vectors = torch.linalg.eigh(rows.t() @ rows)
        kept = rows @ vectors[:, values.argsort(descending=True)[:width]]
        kept = F.pad(kept, (0, width - kept.shape[1]))  # A verifier may be narrower.
        return kept / kept.square().mean().sqrt()

    def slots(self, z: Tensor, first: Tensor) -> Tensor:
        """The slots' tokens [S, A, B], of the verifier's vocabulary; z [S, A, B] draft tokens or V for MASK."""
        mask = torch.full_like(self.d2t[:1], self.config.mask_token)
        tokens = torch.cat([self.d2t, mask])[z[..., :-1]]
        return torch.cat([first.unsqueeze(-1), tokens], -1)

    def denoise(self, z: Tensor, t: Tensor, first: Tensor, anchors: Tensor, context: Injected) -> Tensor:
        """The final states [S, A, B, hidden] of blocks that stand at z at time t.

        z [S, A, B] draft tokens, V for MASK; [S, A, B, width] under the Gaussian process. t, anchors and first [S, A]:
        time, position and token of the anchor."""
        B = z.shape[2]
        within = torch.ones(B, B, dtype=torch.bool, device=anchors.device)
        if self.process == AUTOREGRESSIVE:
            within = within.tril()
        if self.reveals:
            return self.trunk(self.embed(self.slots(z, first)), anchors, context, within)
        masked = torch.full((*first.shape, B), self.config.draft_vocabulary, device=first.device)
        x = self.embed(self.slots(masked, first))
        vectors = (z if self.process == "gaussian" else F.embedding(z, self.draft_embd)).to(self.dtype)
        x = x + F.pad(linear(vectors[..., :-1, :], self.state_here).float(), (0, 0, 1, 0))
        if self.process in TOLD:
            x = x + linear(vectors, self.state_own).float()
        x = x + linear(features(t), self.time).unsqueeze(2)
        return self.trunk(x, anchors, context, within)

    def denoiser(self, first: Tensor, anchors: Tensor, context: Injected) -> Denoiser:
        return lambda z, t: self.denoise(z, t, first, anchors, context)

    def unary(self, hidden: Tensor) -> Tensor:
        """[.., V], what the process is told: u, without the Markov head; under `score-absorbing` log_softmax(u) +
        w · h, whose sum of exponentials is the ratios' sum against what it should be."""
        u = linear(hidden, self.output).float()
        if self.process != "score-absorbing":
            return u
        return u.log_softmax(-1) + linear(hidden, self.score_mass).float()


def features(t: Tensor) -> Tensor:
    """t [..] → [.., 32]: cos πkt for k = 1 to 16, then sin πkt."""
    angles = math.pi * t.float().unsqueeze(-1) * torch.arange(1, TIMES // 2 + 1, device=t.device)
    return torch.cat([angles.cos(), angles.sin()], -1)


def adopt(drafter: Drafter, process: str, schedule: str = "linear") -> Network:
    """A network under a process that begins as the drafter, whatever its own parts."""
    network = Network(drafter.config, drafter.d2t.cpu(), drafter.embedding.cpu(), drafter.dtype, process, schedule)
    network.load_state_dict(network.state_dict() | drafter.state_dict())
    return network.to(drafter.d2t.device)
