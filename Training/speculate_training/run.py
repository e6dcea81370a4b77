"""A training run: the drafter, its optimizers and its progress, saved to a checkpoint and resumed from it."""

from __future__ import annotations

import argparse
import itertools
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor
from tqdm import tqdm

from .checkpoint import Checkpoint, fingerprint
from .corpus import Corpus, collate, endless, epoch_batches
from .drafter import Drafter, DrafterConfig, read_taps
from .drafter_file import read
from .evaluate import matches, rounds
from .initialization import open_gate, start_from
from .states import StateCache
from .verifier import Verifier, VerifierPass, working_dtype


class Run:
    """Everything that a checkpoint holds, and what it was made from."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.rank, self.world = 0, 1
        if "RANK" in os.environ:
            dist.init_process_group("nccl" if args.device == "cuda" else "gloo")
            self.rank, self.world = dist.get_rank(), dist.get_world_size()
        if args.threads:
            torch.set_num_threads(args.threads)
        local = int(os.environ.get("LOCAL_RANK", 0))
        self.device = torch.device(f"cuda:{local}" if args.device == "cuda" else args.device)
        self.dtype = working_dtype(self.device)
        checkpoint = Checkpoint(args.verifier)
        self.verifier = Verifier(checkpoint, self.device, self.dtype)
        self.fingerprint = fingerprint(checkpoint)
        self.corpus = Corpus.load(args.corpus)
        self.d2t, self.coverage = self.corpus.draft_vocabulary(
            args.vocabulary, [int(checkpoint.value("tokenizer.ggml.eos_token_id", 0))]
        )
        begun = self.begin(checkpoint) if args.weights else None
        if begun:  # It may have been trained on another corpus, with another draft vocabulary.
            self.d2t = begun.d2t.tolist()
            self.coverage = self.corpus.coverage(self.d2t)
        self.config = drafter_config(args, self.verifier, len(self.d2t), checkpoint)
        torch.manual_seed(args.seed)
        self.drafter = Drafter(self.config, torch.tensor(self.d2t), self.verifier.embedding.cpu(), self.dtype)
        self.drafter.to(self.device)
        if begun and not self.path.exists():
            self.carry(begun)
            if args.weights.suffix != ".pt":  # GGUF files have the taps' scale folded into the next matrix.
                self.drafter.unfold(self.drafter.tap_sizes(self.verifier, self.sample(1)[0]))
        elif args.start and not self.path.exists():
            start_from(self.drafter, self.verifier, self.sample(45))
        if args.freeze_head:
            self.drafter.output.requires_grad_(False)
        if args.rank == 0:
            self.drafter.markov_w1.requires_grad_(False)
            self.drafter.markov_w2.requires_grad_(False)
        self.optimizers = optimizers(self.drafter, args)
        self.average = {name: p.detach().clone() for name, p in self.drafter.named_parameters()}
        self.step, self.updates, self.blocks, self.seconds = 0, 0, 0, 0.0
        # The tokens of the corpus that the drafter missed when it last drafted them right after an anchor: the next
        # round would begin there.
        self.missed = torch.ones(len(self.corpus.tokens), dtype=torch.bool)
        self.states: StateCache | None = None
        if args.cache:
            self.states = StateCache(args.cache, self.corpus, self.config.taps, self.verifier, self.fingerprint)
        if args.replay and not args.weights:
            raise SystemExit("--replay plays the drafter that --weights names, which is missing")
        if args.replay and not self.path.exists():
            self.missed.copy_(self.round_starts())

    def round_starts(self) -> Tensor:
        """Which tokens [corpus] are those that the verifier puts in place of a rejected draft, or behind a whole block,
        when the answers are played round by round with the drafter as it is."""
        starts = torch.zeros_like(self.missed)
        for indices in tqdm(epoch_batches(self.corpus, np.arange(len(self.corpus)), self.args.tokens, 0)):
            batch, past = collate(self.corpus, indices), None
            if self.states is not None:
                remembered = self.states.batch(indices, batch.tokens)
                past = VerifierPass(remembered.taps, remembered.hidden, [], [])
            for index, row in zip(indices, matches(self.verifier, self.drafter, batch, (), past=past), strict=True):
                last = int(self.corpus.offsets[index] + self.corpus.prompts[index]) - 1  # Of the prompt.
                starts[[last + at for at, _, _ in rounds(row, self.config.block)]] = True
        return starts

    def begin(self, checkpoint: Checkpoint) -> Drafter:
        """The drafter that `--weights` names."""
        if not self.args.weights.exists():
            raise SystemExit(f"{self.args.weights}: there is no such drafter")
        return read(self.args.weights, self.verifier, checkpoint)

    def carry(self, begun: Drafter) -> None:
        """Takes its weights. What it has no part for begins as if it were not there."""
        ours, theirs = self.config.as_dict(), begun.config.as_dict()
        added = ("groups", "candidates", "guess", "early")
        if lost := [key for key in added if theirs[key] and theirs[key] != ours[key]]:
            raise SystemExit(f"{self.args.weights}: made with --{lost[0]}, which must stay as it is")
        self.check(theirs | {key: ours[key] for key in added}, self.d2t, self.args.weights)
        self.drafter.load_state_dict(self.drafter.state_dict() | begun.state_dict())
        if self.config.candidates and not begun.config.candidates:
            open_gate(self.drafter, self.verifier, self.sample(4))

    def sample(self, count: int) -> list[Tensor]:
        """The same `count` batches of token rows [S, T] every time."""
        parts = endless(self.corpus, np.arange(len(self.corpus)), self.args.tokens, 96, 0)
        return [collate(self.corpus, part).tokens.to(self.device) for part in itertools.islice(parts, count)]

    @property
    def path(self) -> Path:
        return Path(self.args.out) / "checkpoint.pt"

    def save(self) -> None:
        """Writes the checkpoint atomically: to a temporary file, which is then renamed."""
        state = {
            "config": self.config.as_dict(),
            "d2t": self.d2t,
            "fingerprint": self.fingerprint,
            "drafter": self.drafter.state_dict(),
            "average": self.average,
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "missed": self.missed,
            "step": self.step,
            "updates": self.updates,
            "blocks": self.blocks,
            "seconds": self.seconds,
            "arguments": {key: str(value) for key, value in vars(self.args).items()},
        }
        beside = self.path.with_suffix(".tmp")
        torch.save(state, beside)
        os.replace(beside, self.path)

    def check(self, config: dict[str, Any], d2t: list[int], path: Path) -> None:
        """Ends the program if the configuration or the draft vocabulary is not this run's."""
        if config != self.config.as_dict() or d2t != self.d2t:
            raise SystemExit(f"{path}: made with another configuration or corpus; name another one")

    def resume(self) -> None:
        """Continues from the checkpoint, if there is one."""
        if not self.path.exists():
            return
        state: dict[str, Any] = torch.load(self.path, map_location=self.device, weights_only=True)
        self.check(DrafterConfig.from_dict(state["config"]).as_dict(), state["d2t"], self.path)
        if state["fingerprint"] != self.fingerprint:
            raise SystemExit(f"{self.path}: made for another verifier; name another one")
        self.drafter.load_state_dict(state["drafter"])
        self.average, self.missed = state["average"], state["missed"].cpu()
        for optimizer, values in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(values)
        self.step, self.updates = state["step"], state["updates"]
        self.blocks, self.seconds = state["blocks"], state["seconds"]


def drafter_config(
    args: argparse.Namespace, verifier: Verifier, draft_vocabulary: int, checkpoint: Checkpoint
) -> DrafterConfig:
    """The verifier's shapes, and the drafter's own from the arguments."""
    v = verifier.config
    taps = read_taps(args.taps, v.layers)
    mask = args.mask_token
    if mask < 0:
        kinds = checkpoint.value("tokenizer.ggml.token_type", [])
        ends = {checkpoint.value(f"tokenizer.ggml.{name}_token_id", -1) for name in ("bos", "eos", "eot", "padding")}
        mask = max((i for i, kind in enumerate(kinds) if kind == 3 and i not in ends), default=0)
    return DrafterConfig(
        hidden=v.hidden,
        feed_forward=v.feed_forward,
        heads=v.heads,
        kv_heads=args.kv_heads or v.heads,
        head_dimension=v.head_dimension,
        vocabulary=v.vocabulary,
        draft_vocabulary=draft_vocabulary,
        epsilon=v.epsilon,
        rope_base=v.rope_base,
        context=v.context,
        layers=args.layers,
        taps=taps,
        block=args.block,
        window=args.window,
        rank=max(args.rank, 32),
        mask_token=mask,
        groups=args.groups,
        candidates=args.candidates,
        guess=args.guess,
        early=args.early,
    )


def optimizers(drafter: Drafter, args: argparse.Namespace) -> list[torch.optim.Optimizer]:
    """Muon (Jordan 2024) for the trunk's matrices, AdamW for everything else."""
    trunk = [p for name, p in drafter.named_parameters() if p.dim() == 2 and name.split(".")[0] in ("blk", "fc")]
    chosen = {id(p) for p in trunk} if args.optimizer == "muon" else set()
    rest = [p for p in drafter.parameters() if p.requires_grad and id(p) not in chosen]
    groups: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(rest, lr=args.lr, betas=(0.9, 0.98), weight_decay=0.0, fused=True)
    ]
    if chosen:
        groups.append(torch.optim.Muon(trunk, lr=args.lr, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"))
    return groups
