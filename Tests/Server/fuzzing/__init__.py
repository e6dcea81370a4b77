"""The parts of `fuzz.py`: requests are generated and sent to a server, and its answers are judged."""
