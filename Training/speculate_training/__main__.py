"""speculate-training: respond, train, evaluate, export, compare, laboratory."""

from __future__ import annotations

import argparse
import sys

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
    try:
        args.run(args)
    except CheckpointError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
