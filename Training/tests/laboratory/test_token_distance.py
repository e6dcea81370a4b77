"""The graph of similar tokens, its rates and their exponential."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import torch
from enumeration import token_distance

from speculate_training.laboratory.schedules import SCHEDULES
from speculate_training.laboratory.token_distance import TokenDistance, nearest, rate_matrix, spectrum


def at(value: float) -> torch.Tensor:
    return torch.tensor([value], dtype=torch.float64)


def test_token_distance_is_doubly_stochastic_and_forgets_everything_in_the_end() -> None:
    neighbours = nearest(torch.randn(12, 4, generator=torch.Generator().manual_seed(3)), 3)
    R = rate_matrix(neighbours, torch.float64)
    torch.testing.assert_close(R, R.t())
    torch.testing.assert_close(R.sum(0), torch.zeros(12, dtype=torch.float64))
    for i, j in itertools.product(range(12), range(12)):
        if i != j:
            links = int((neighbours[i] == j).any()) + int((neighbours[j] == i).any())
            assert math.isclose(float(R[i, j]), links / 6, abs_tol=1e-9)
    process = token_distance(SCHEDULES["linear"], neighbours)
    rows = process.pull(torch.arange(12), at(0.0), at(1.0))
    torch.testing.assert_close(rows, torch.full_like(rows, 1 / 12))
    torch.testing.assert_close(process.prior_divergence(torch.arange(12)), torch.zeros(12, dtype=torch.float64))


def test_token_distance_keeps_small_probabilities_in_single_precision() -> None:
    neighbours = nearest(torch.randn(150, 4, generator=torch.Generator().manual_seed(9)), 5)
    exact = token_distance(SCHEDULES["linear"], neighbours)
    process = TokenDistance(neighbours, SCHEDULES["linear"], *spectrum(neighbours))
    x, near = torch.arange(150), torch.arange(150)[:, None].expand(150, 5)
    for t in (0.01, 0.5, 0.99):
        Q = torch.matrix_exp(float(exact.schedule.sigma(at(t))) * rate_matrix(neighbours, torch.float64))
        torch.testing.assert_close(exact.row(x, at(t)), Q, rtol=0, atol=1e-11)
        row = process.row(x, at(t).float())
        torch.testing.assert_close(row.double(), Q, rtol=0, atol=1e-6)
        torch.testing.assert_close(row[near, neighbours].double(), Q[near, neighbours], rtol=2e-3, atol=0)
        torch.testing.assert_close(row.sum(-1), torch.ones(150), rtol=0, atol=1e-5)


def test_nearest_neighbours_are_those_of_the_largest_cosine() -> None:
    embedding = torch.randn(1500, 5, generator=torch.Generator().manual_seed(4))  # More than one chunk of rows.
    found = nearest(embedding, 4)
    for token in (0, 700, 1023, 1024, 1499):
        cosine = torch.cosine_similarity(embedding[token], embedding, dim=-1)
        cosine[token] = -2
        assert set(found[token].tolist()) == set(cosine.argsort(descending=True)[:4].tolist())


def test_the_spectrum_is_kept_on_disk(tmp_path: Path) -> None:
    neighbours = nearest(torch.randn(30, 4, generator=torch.Generator().manual_seed(5)), 3)
    values, vectors = spectrum(neighbours, tmp_path)
    torch.testing.assert_close(vectors * values @ vectors.t(), rate_matrix(neighbours), rtol=0, atol=1e-5)
    (file,) = tmp_path.iterdir()
    torch.save((values + 1, vectors), file)
    torch.testing.assert_close(spectrum(neighbours, tmp_path)[0], values + 1)
    other = nearest(torch.randn(30, 4, generator=torch.Generator().manual_seed(6)), 3)
    assert not torch.equal(spectrum(other, tmp_path)[0], values + 1)
