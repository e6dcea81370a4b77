"""speculate-training: respond, train, evaluate, export, compare, laboratory."""

from __future__ import annotations

import argparse
import sys

import torch

from .checkpoint import CheckpointError


def main() -> None:
    from . import compare, evaluate, export, laboratory, respond, train

    parser = argparse.ArgumentParser(prog="speculate-training", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for module in (respond, train, evaluate, export, compare, laboratory):
        name = module.__name__.rpartition(".")[2]
        command = commands.add_parser(name, help=(module.__doc__ or "").splitlines()[0])
        module.add_arguments(command)
        command.set_defaults(run=module.main)
    args = parser.parse_args()
    if "device" in args and not usable(args.device):
        parser.error(f"--device is {args.device}, expected cpu, or cuda where there is a GPU")
    if "threads" in args and args.threads < 0:
        parser.error(f"--threads is {args.threads}, expected at least 0")
    try:
        args.run(args)
    except CheckpointError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        print(f"\n{args.command}: interrupted; what is finished is kept", file=sys.stderr)
        sys.exit(130)


def usable(device: str) -> bool:
    try:
        kind = torch.device(device).type
    except RuntimeError:
        return False
    return kind == "cpu" or kind == "cuda" and torch.cuda.is_available()


if __name__ == "__main__":
    main()
