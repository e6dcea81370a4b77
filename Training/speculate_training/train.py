"""Trains a drafter for a frozen verifier: stages A, B and C, resumable, on a CPU, a GPU or several."""

from __future__ import annotations

import argparse
import contextlib
import csv
import dataclasses
import itertools
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor
from tqdm import tqdm

from .checkpoint import Checkpoint, fingerprint
from .corpus import Corpus, collate, endless
from .drafter import Drafter, DrafterConfig, read_taps
from .drafter_file import read
from .formats import rounded
from .losses import Mix
from .objective import Outcome, Stage, block_loss, prepare, sample_anchors
from .states import StateCache
from .verifier import Verifier, working_dtype

STAGES = {
    "N": Stage(Mix(kl=1.0, ce=0.3), states=0.5, full=1.0, prefix=0.0, lengths=(0.0,)),
    "A": Stage(Mix(kl=1.0, ce=0.3), states=0.5, full=0.8, prefix=0.15, decay=0.65, lengths=(0.0, 0.25, 0.5, 0.5)),
    "B": Stage(
        Mix(kl=0.5, ce=0.7, lk=0.3),
        states=0.2,
        full=0.8,
        prefix=0.15,
        decay=0.75,
        confidence=0.2,
        lengths=(0.0, 0.25, 0.5, 0.5, 1.0),
        share=0.5,
        easy=0.3,
        rounded=True,
    ),
    "C": Stage(
        Mix(kl=0.5, ce=0.7, lk=0.3),
        full=0.5,
        prefix=0.4,
        confidence=0.2,
        on_policy=0.25,
        passes_match=0.3,
        rounded=True,
    ),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--verifier", required=True, help="the verifier's GGUF file")
    parser.add_argument("--corpus", type=Path, required=True, help="what 'respond' made")
    parser.add_argument("--out", type=Path, required=True, help="folder of checkpoint, log and curves")
    parser.add_argument("--cache", type=Path, help="folder of the verifier's states, some kB a token")
    parser.add_argument("--stages", default="N:0.3,A:0.35,B:0.35", help="name:share of the steps, in order")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--tokens", type=int, default=1792, help="tokens of text a batch")
    parser.add_argument("--updates", type=int, default=2, help="parts that a batch's blocks are learnt in")
    parser.add_argument("--anchors", type=int, default=1000, help="most blocks per sequence")
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--kv-heads", type=int, default=0, help="default: as many as query heads")
    parser.add_argument("--start", action=argparse.BooleanOptionalAction, default=True, help="begin from the verifier")
    parser.add_argument("--weights", type=Path, help="begin from another run's checkpoint.pt or a drafter's .gguf")
    parser.add_argument("--taps", default="", help="verifier layers whose input is fused; default: five spread evenly")
    parser.add_argument("--block", type=int, default=8)
    parser.add_argument("--window", type=int, default=512)
    parser.add_argument("--rank", type=int, default=64, help="of the Markov head; 0 leaves it out")
    parser.add_argument("--vocabulary", type=int, default=8192, help="tokens that can be drafted")
    parser.add_argument("--mask-token", type=int, default=-1, help="default: the last unused control token, else 0")
    parser.add_argument("--mix", default="", help="overrides every stage's loss, as kl=1,ce=0.1,tv=0,lk=0")
    parser.add_argument("--lr", type=float, default=4e-4)
    parser.add_argument("--fall", type=float, default=0.4, help="share of the steps in which the rate falls to nothing")
    parser.add_argument("--optimizer", choices=["muon", "adamw"], default="adamw")
    parser.add_argument("--freeze-head", action="store_true", help="keep the verifier's output rows as they are")
    parser.add_argument("--ema", type=float, default=0.998, help="decay of the averaged weights that are exported")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--save-every", type=float, default=300, help="seconds between checkpoints")
    parser.add_argument("--stop-after", type=int, default=0, help="end this run at this step; a later one continues")


class Run:
    """Everything that a checkpoint holds."""

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
        if begun:  # It may have learnt another corpus, with a vocabulary of its own.
            self.d2t = begun.d2t.tolist()
            self.coverage = self.corpus.coverage(self.d2t)
        self.config = drafter_config(args, self.verifier, len(self.d2t), checkpoint)
        torch.manual_seed(args.seed)
        self.drafter = Drafter(self.config, torch.tensor(self.d2t), self.verifier.embedding.cpu(), self.dtype)
        self.drafter.to(self.device)
        if begun and not self.path.exists():
            self.check(begun.config.as_dict(), self.d2t, args.weights)
            self.drafter.load_state_dict(begun.state_dict())
            if args.weights.suffix != ".pt":  # Files have the scale of the taps folded into the matrix after them.
                self.drafter.unfold(self.drafter.tap_sizes(self.verifier, self.sample(1)[0]))
        elif args.start and not self.path.exists():
            self.drafter.start_from(self.verifier, self.sample(45))
        if args.freeze_head:
            self.drafter.output.requires_grad_(False)
        if args.rank == 0:
            self.drafter.markov_w1.requires_grad_(False)
            self.drafter.markov_w2.requires_grad_(False)
        self.optimizers = optimizers(self.drafter, args)
        self.average = {name: p.detach().clone() for name, p in self.drafter.named_parameters()}
        self.step, self.updates, self.blocks, self.seconds = 0, 0, 0, 0.0
        # Which tokens of the corpus the drafter had wrong when they were last drafted right after an anchor: the next
        # round begins there.
        self.missed = torch.ones(len(self.corpus.tokens), dtype=torch.bool)
        self.states: StateCache | None = None
        if args.cache:
            self.states = StateCache(args.cache, self.corpus, self.config.taps, self.verifier, self.fingerprint)

    def begin(self, checkpoint: Checkpoint) -> Drafter:
        """The drafter that `--weights` names."""
        if not self.args.weights.exists():
            raise SystemExit(f"{self.args.weights}: there is no such drafter")
        return read(self.args.weights, self.verifier, checkpoint)

    def sample(self, count: int) -> list[Tensor]:
        """Token rows [S, T] of the corpus, always the same."""
        parts = endless(self.corpus, np.arange(len(self.corpus)), self.args.tokens, 96, 0)
        return [collate(self.corpus, part).tokens.to(self.device) for part in itertools.islice(parts, count)]

    @property
    def path(self) -> Path:
        return Path(self.args.out) / "checkpoint.pt"

    def save(self) -> None:
        """Atomically: written beside and renamed."""
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
        """Refuses another configuration or draft vocabulary."""
        if config != self.config.as_dict() or d2t != self.d2t:
            raise SystemExit(f"{path}: made with another configuration or corpus; name another one")

    def resume(self) -> None:
        if not self.path.exists():
            return
        state: dict[str, Any] = torch.load(self.path, map_location=self.device, weights_only=True)
        self.check(state["config"], state["d2t"], self.path)
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


def learning_rate(step: int, steps: int, peak: float, share: float) -> float:
    """Linear warm-up, a plateau, and a linear fall over the last `share` of the steps."""
    warm = min(1.0, (step + 1) / max(1, min(40, steps // 10)))
    fall = min(1.0, (steps - step) / (steps * share))
    return peak * min(warm, max(fall, 0.02))


def stage_of(step: int, steps: int, text: str) -> str:
    parts = [part.split(":") for part in text.split(",")]
    total, seen = sum(float(share) for _, share in parts), 0.0
    for name, share in parts:
        seen += float(share) / total
        if step < seen * steps:
            return name
    return parts[-1][0]


def block_length(block: int, stage: Stage, generator: torch.Generator) -> int:
    """Whole blocks and, as shallow drafts use them, shorter ones, which cost less for the tokens that matter most."""
    share = stage.lengths[int(torch.randint(len(stage.lengths), (1,), generator=generator))]
    return max(1, int(block * share))


class Log:
    """train.csv: one row every few steps."""

    def __init__(self, path: Path, block: int) -> None:
        self.path = path
        self.fields = ["step", "stage", "blocks", "seconds", "loss", "tau", "confidence_loss"]
        self.fields += [f"acceptance_{i + 1}" for i in range(block)] + [f"match_{i + 1}" for i in range(block)]

    def rewind(self, step: int) -> None:
        """Drops rows that a resumed run will write again."""
        rows = []
        if self.path.exists() and step > 0:
            with self.path.open() as file:
                rows = [row for row in csv.DictReader(file) if int(row["step"]) <= step]
        with self.path.open("w", newline="") as file:
            writer = csv.DictWriter(file, self.fields)
            writer.writeheader()
            writer.writerows(rows)

    def append(self, row: dict[str, Any]) -> None:
        with self.path.open("a", newline="") as file:
            csv.DictWriter(file, self.fields).writerow(row)


def synchronize(parameters: Iterable[Tensor], world: int) -> None:
    if world > 1:
        for parameter in parameters:
            if parameter.grad is not None:
                dist.all_reduce(parameter.grad, dist.ReduceOp.AVG)


def main(args: argparse.Namespace) -> None:
    args.out.mkdir(parents=True, exist_ok=True)
    run = Run(args)
    run.resume()
    log = Log(args.out / "train.csv", args.block)
    if run.rank == 0:
        log.rewind(run.step)
        parameters = sum(p.numel() for p in run.drafter.parameters())
        print(
            f"{len(run.corpus)} sequences, {run.corpus.answer_tokens()} answer tokens, {len(run.d2t)} of"
            f" {run.config.vocabulary} tokens can be drafted ({run.coverage:.2%} of the text); {parameters / 1e6:.1f} M"
            f" parameters, {run.dtype} on {run.device}, from step {run.step}",
            flush=True,
        )
    lengths = run.corpus.lengths()
    usable = np.flatnonzero((lengths - run.corpus.prompts >= 4) & (lengths <= run.config.context))
    batches = endless(run.corpus, usable, args.tokens, args.seed, run.step * run.world)
    last = min(args.steps, args.stop_after or args.steps)
    window: list[Outcome] = []
    clock = saved = time.monotonic()
    hidden = None if run.rank == 0 else True
    for step in tqdm(range(run.step, last), initial=run.step, total=last, disable=hidden):
        mine = [next(batches) for _ in range(run.world)][run.rank]
        stage_name = stage_of(step, args.steps, args.stages)
        outcomes = train_step(run, mine, stage_name, step)
        run.step = step + 1
        run.blocks += sum(outcome.blocks for outcome in outcomes) * run.world
        now = time.monotonic()
        run.seconds += now - clock
        clock = now
        window += outcomes
        if run.rank == 0 and (run.step % 25 == 0 or run.step == last) and window:
            log.append(summary(run, stage_name, window))
            window = []
        if run.rank == 0 and (now - saved > args.save_every or run.step == last):
            run.save()
            saved = now
    if run.rank == 0:
        from .curves import draw

        draw(args.out)
    if run.world > 1:
        dist.destroy_process_group()


def train_step(run: Run, indices: list[int], stage_name: str, step: int) -> list[Outcome]:
    """One pass of the verifier, and several updates, each on its own part of the blocks."""
    args = run.args
    # Everything random in a step depends on its number alone, so that a resumed run repeats what it would have been.
    generator = torch.Generator().manual_seed(args.seed * 1_000_000_007 + step * 1009 + run.rank)
    stage = STAGES[stage_name]
    if args.mix:
        parts = dict(part.split("=") for part in args.mix.split(","))
        stage = dataclasses.replace(stage, mix=Mix(**{key: float(value) for key, value in parts.items()}))
    rate = learning_rate(step, args.steps, args.lr, args.fall)
    for optimizer in run.optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate
    batch = collate(run.corpus, indices)
    remember = run.states is not None and stage.on_policy == 0  # Blocks of one's own need the verifier's keys.
    remembered = run.states.batch(indices, batch.tokens) if run.states and remember else None
    lesson = prepare(run.verifier, run.drafter, batch, remembered)
    answers = int((batch.lengths - batch.prompts).float().mean() * stage.share)
    offsets = torch.from_numpy(run.corpus.offsets[indices])
    cells = (offsets.unsqueeze(-1) + torch.arange(batch.tokens.shape[1])).clamp(max=len(run.missed) - 1)  # [S, T]
    weights = torch.where(run.missed[cells], 1.0, stage.easy)
    anchors = sample_anchors(batch, max(args.updates, min(args.anchors, answers)), generator, weights)
    outcomes = []
    for part in anchors.to(run.device).tensor_split(args.updates, dim=1):
        own = bool(torch.rand(1, generator=generator) < stage.on_policy)
        if own:  # The verifier reads these blocks too, which costs three times as much.
            part = part[:, : max(1, part.shape[1] // 3)]
        length = block_length(args.block, stage, generator)
        for optimizer in run.optimizers:
            optimizer.zero_grad(set_to_none=True)
        with rounded(run.drafter) if stage.rounded else contextlib.nullcontext():
            outcome = block_loss(run.verifier, run.drafter, lesson, stage, part, length, generator, own)
            outcome.loss.backward()
        if not own:
            run.missed[cells.gather(1, part.cpu() + 1)] = outcome.missed.cpu()
        synchronize(run.drafter.parameters(), run.world)
        torch.nn.utils.clip_grad_norm_([p for p in run.drafter.parameters() if p.grad is not None], 1.0)
        for optimizer in run.optimizers:
            optimizer.step()
        run.updates += 1
        decay = min(args.ema, run.updates / (run.updates + 10))
        with torch.no_grad():
            for name, parameter in run.drafter.named_parameters():
                run.average[name].lerp_(parameter, 1 - decay)
        outcome.loss = outcome.loss.detach()
        outcomes.append(outcome)
    return outcomes


def summary(run: Run, stage: str, window: list[Outcome]) -> dict[str, Any]:
    longest = max(len(outcome.matches) for outcome in window)
    row: dict[str, Any] = {
        "step": run.step,
        "stage": stage,
        "blocks": run.blocks,
        "seconds": round(run.seconds, 1),
        "loss": round(float(torch.stack([outcome.loss for outcome in window]).mean()), 5),
        "confidence_loss": round(sum(outcome.confidence_loss for outcome in window) / len(window), 5),
    }
    tau = 1.0
    for i in range(longest):
        long_enough = [outcome for outcome in window if len(outcome.matches) > i]
        match = sum(float(outcome.matches[i]) for outcome in long_enough) / len(long_enough)
        accepted = sum(float(outcome.acceptance[i]) for outcome in long_enough) / len(long_enough)
        row |= {f"acceptance_{i + 1}": round(accepted, 4), f"match_{i + 1}": round(match, 4)}
        tau += match
    return row | {"tau": round(tau, 4)}
