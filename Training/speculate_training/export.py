"""Writes a trained drafter as GGUF, quantised, for this engine and for llama.cpp."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from gguf import GGMLQuantizationType

from .checkpoint import Checkpoint
from .drafter_file import load, write
from .formats import BODY, EMBEDDING
from .verifier import Verifier

TYPES = ["F32", "BF16", "Q8_0", "Q5_1", "Q5_0", "Q4_1", "Q4_0"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--verifier", required=True, help="the verifier's GGUF file")
    parser.add_argument("--drafter", type=Path, required=True, help="a training run's checkpoint.pt")
    parser.add_argument("--out", type=Path, required=True, help="the GGUF file to write")
    parser.add_argument("--body", choices=TYPES, default=BODY.name, help="number format of the trunk and the output")
    parser.add_argument("--embedding", choices=TYPES, default=EMBEDDING.name, help="of embedding and Markov matrices")
    parser.add_argument("--license", default="Apache-2.0")
    parser.add_argument("--name", default="", help="default: after the verifier")
    parser.add_argument("--llama-cpp", action="store_true", help="leave out the keys that only this engine reads")


def main(args: argparse.Namespace) -> None:
    checkpoint = Checkpoint(args.verifier)
    verifier = Verifier(checkpoint, torch.device("cpu"), torch.float32)
    drafter = load(args.drafter, verifier, checkpoint)
    name = str(checkpoint.value("general.name", Path(args.verifier).stem))
    about = {
        "name": args.name or f"{name} block diffusion drafter",
        "description": f"Drafts blocks of {drafter.config.block} tokens for {name}",
        "license": args.license,
    }
    write(
        args.out, drafter, checkpoint, GGMLQuantizationType[args.body], GGMLQuantizationType[args.embedding], about,
        extras=not args.llama_cpp,
    )  # fmt: skip
    print(f"{args.out}: {args.out.stat().st_size / 1e6:.1f} MB")
