"""Trains a drafter for a frozen verifier: stages A, B and C, resumable, on a CPU, a GPU or several."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import itertools
import math
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor
from tqdm import tqdm

from .corpus import collate, endless
from .formats import rounded
from .log import Log, summary
from .losses import Mix
from .objective import Outcome, block_loss, prepare, sample_anchors
from .run import Run
from .schedule import STAGES, block_length, learning_rate, stage_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--verifier", required=True, help="the verifier's GGUF file")
    parser.add_argument("--corpus", type=Path, required=True, help="what 'respond' made")
    parser.add_argument("--out", type=Path, required=True, help="folder of checkpoint, log and curves")
    parser.add_argument("--cache", type=Path, help="folder of the verifier's states, some kB a token")
    parser.add_argument("--stages", default="N:0.3,A:0.35,B:0.35", help="name:share of the steps, in order")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument(
        "--seconds", type=float, default=0, help="in place of --steps: time for stages and rate to pass"
    )
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
    parser.add_argument("--candidates", type=int, default=0, help="tokens that a selector scores; 0: a Markov head")
    parser.add_argument("--groups", type=int, default=0, help="channels that share a convolution's weight; 0: none")
    parser.add_argument("--guess", type=int, default=0, help="likeliest tokens that a pass tells the next; 0: none")
    parser.add_argument("--early", type=int, default=0, help="tapped state that the anchor's slot sees there, from 1")
    parser.add_argument("--vocabulary", type=int, default=8192, help="tokens that can be drafted")
    parser.add_argument("--mask-token", type=int, default=-1, help="default: the last unused control token, else 0")
    parser.add_argument("--mix", default="", help="overrides every stage's loss, as kl=1,ce=0.1,tv=0,lk=0")
    parser.add_argument("--pace", action="store_true", help="slots count what they add to a draft's expected length")
    parser.add_argument(
        "--replay", action="store_true", help="most blocks begin where rounds of the drafter given by --weights do"
    )
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


def main(args: argparse.Namespace) -> None:
    if not 0 <= args.seconds < math.inf:
        raise SystemExit(f"--seconds is {args.seconds}, expected a finite number, 0 or more")
    if args.seconds and args.steps < 1:
        raise SystemExit(f"--steps is {args.steps}, expected at least 1 beside --seconds")
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
    last = min(math.inf if args.seconds else args.steps, args.stop_after or math.inf)
    window: list[Outcome] = []
    clock = saved = time.monotonic()
    hidden = None if run.rank == 0 else True
    steps = itertools.takewhile(lambda step: step < last, itertools.count(run.step))
    for step in tqdm(steps, initial=run.step, total=last, disable=hidden):
        if args.seconds:
            run.seconds = agreed(run)
            if run.seconds >= args.seconds:
                break
        mine = [next(batches) for _ in range(run.world)][run.rank]
        outcomes, stage_name = train_step(run, mine)
        run.step = step + 1
        run.blocks += sum(outcome.blocks for outcome in outcomes) * run.world
        now = time.monotonic()
        run.seconds += now - clock
        clock = now
        window += outcomes
        if run.rank == 0 and run.step % 25 == 0:
            log.append(summary(run, stage_name, window))
            window = []
        if run.rank == 0 and now - saved > args.save_every:
            run.save()
            saved = now
    if run.rank == 0:
        from .curves import draw

        if window:
            log.append(summary(run, stage_name, window))
        run.save()
        draw(args.out)
    if run.world > 1:
        dist.destroy_process_group()


def train_step(run: Run, indices: list[int]) -> tuple[list[Outcome], str]:
    """One pass of the verifier and several updates, each on its own part of the blocks; and the stage's name."""
    args = run.args
    # All randomness in a step depends only on the step's number, so that a resumed run computes the same weights (but
    # with --seconds, where the rate goes by the clock).
    generator = torch.Generator().manual_seed(args.seed * 1_000_000_007 + run.step * 1009 + run.rank)
    # With --seconds the clock says how many of --steps would have passed.
    step = min(args.steps - 1, int(run.seconds / args.seconds * args.steps)) if args.seconds else run.step
    stage_name = stage_of(step, args.steps, args.stages)
    stage = STAGES[stage_name]
    if args.mix:
        parts = dict(part.split("=") for part in args.mix.split(","))
        stage = dataclasses.replace(stage, mix=Mix(**{key: float(value) for key, value in parts.items()}))
    stage = dataclasses.replace(stage, pace=args.pace)
    rate = learning_rate(step, args.steps, args.lr, args.fall)
    if args.seconds:  # The first steps are the slowest.
        rate *= min(1.0, (run.step + 1) / 40)
    for optimizer in run.optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate
    batch = collate(run.corpus, indices)
    remember = run.states is not None and stage.on_policy == 0  # Blocks of its own need the verifier's keys.
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
        if not own and not args.replay:
            run.missed[cells.gather(1, part.cpu() + 1)] = outcome.missed.cpu()
        synchronize(run.drafter.parameters(), run.world)
        torch.nn.utils.clip_grad_norm_([p for p in run.drafter.parameters() if p.grad is not None], 1.0)
        for optimizer in run.optimizers:
            optimizer.step()
        run.updates += 1
        decay = min(args.ema, run.updates / (run.updates + 10))
        with torch.no_grad():
            parameters = dict(run.drafter.named_parameters())
            torch._foreach_lerp_([run.average[name] for name in parameters], list(parameters.values()), 1 - decay)
        outcome.loss = outcome.loss.detach()
        outcomes.append(outcome)
    return outcomes, stage_name


def agreed(run: Run) -> float:
    """The seconds so far by the first process's clock, which all go by."""
    if run.world == 1:
        return run.seconds
    said = torch.tensor([run.seconds], dtype=torch.float64, device=run.device)
    dist.broadcast(said, 0)
    return float(said)


def synchronize(parameters: Iterable[Tensor], world: int) -> None:
    """Averages the gradients over all processes."""
    if world > 1:
        for parameter in parameters:
            if parameter.grad is not None:
                dist.all_reduce(parameter.grad, dist.ReduceOp.AVG)
