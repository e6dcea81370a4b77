"""The graph of similar tokens, its rates and their exponential."""

from __future__ import annotations

import torch
from enumeration import rate_matrix, token_distance

from speculate_training.laboratory.schedules import SCHEDULES
from speculate_training.laboratory.token_distance import ROWS, TokenDistance, link, nearest


def at(value: float) -> torch.Tensor:
    return torch.tensor([value], dtype=torch.float64)


def embedding(count: int, seed: int) -> torch.Tensor:
    return torch.randn(count, 4, generator=torch.Generator().manual_seed(seed))


def test_token_distance_is_doubly_stochastic_and_forgets_everything_in_the_end() -> None:
    neighbours = link(embedding(12, 3), 3)
    R = rate_matrix(neighbours)
    torch.testing.assert_close(R, R.t())
    torch.testing.assert_close(R.sum(0), torch.zeros(12, dtype=torch.float64))
    process = token_distance(SCHEDULES["linear"], neighbours)
    rows = process.pull(torch.arange(12), at(0.0), at(1.0))
    torch.testing.assert_close(rows, torch.full_like(rows, 1 / 12))
    torch.testing.assert_close(process.prior_divergence(torch.arange(12)), torch.zeros(12, dtype=torch.float64))


def test_a_graph_of_two_parts_is_forgotten_by_jumps() -> None:
    process = token_distance(SCHEDULES["linear"], torch.tensor([[1, 2], [0, 2], [0, 1], [4, 3], [3, 4]]))
    Q = torch.matrix_exp(process.schedule.sigma(at(0.9)) * rate_matrix(process.neighbours))
    torch.testing.assert_close(process.row(torch.arange(5), at(0.9)), Q)
    rows = process.pull(torch.arange(5), at(0.0), at(1.0))
    torch.testing.assert_close(rows, torch.full_like(rows, 1 / 5))
    drawn = process.noise(torch.full((5000,), 4), at(1.0), torch.Generator().manual_seed(1))
    assert torch.bincount(drawn, minlength=5).min() > 900


def test_token_distance_keeps_small_probabilities_in_single_precision() -> None:
    neighbours = link(embedding(2 * ROWS + 20, 9), 5)  # More than are spread at once.
    V = len(neighbours)
    process = TokenDistance(neighbours, SCHEDULES["linear"])
    x, near = torch.arange(V), torch.arange(V)[:, None].expand(V, 5)
    for t in (0.01, 0.5, 0.99):
        Q = torch.matrix_exp(float(process.schedule.sigma(at(t))) * rate_matrix(neighbours))
        torch.testing.assert_close(process.row(x, at(t)), Q, rtol=0, atol=1e-12)
        row = process.row(x, at(t).float())
        torch.testing.assert_close(row.double(), Q, rtol=0, atol=1e-6)
        torch.testing.assert_close(row[near, neighbours].double(), Q[near, neighbours], rtol=1e-4, atol=0)
        torch.testing.assert_close(row.sum(-1), torch.ones(V), rtol=0, atol=1e-5)


def test_gradients_pass_through_the_spreading() -> None:
    process = token_distance(SCHEDULES["linear"], link(embedding(6, 2), 2))
    rows = torch.rand(3, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64, requires_grad=True)
    sigma = torch.tensor([0.0, 1.3, float("inf")], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda rows: process.spread(rows, sigma), rows)


def test_neighbours_are_mutual_and_the_most_alike_first() -> None:
    vectors = embedding(60, 5)
    neighbours, most = link(vectors, 4), 4
    links = [[other for other in row if other != token] for token, row in enumerate(neighbours.tolist())]
    assert all(token in links[other] for token, row in enumerate(links) for other in row)
    assert all(len(set(row)) == len(row) <= most for row in links)
    cosine = torch.cosine_similarity(vectors.unsqueeze(1), vectors.unsqueeze(0), dim=-1)
    # Two that are none have at least one whose neighbours are all more like it.
    for one in range(60):
        for other in range(one):
            if other not in links[one]:
                full = [x for x in (one, other) if len(links[x]) == most]
                assert any(float(cosine[x, links[x]].min()) >= float(cosine[one, other]) for x in full)


def test_nearest_neighbours_are_those_of_the_largest_cosine() -> None:
    vectors = torch.randn(1500, 5, generator=torch.Generator().manual_seed(4))  # More than one chunk of rows.
    _, found = nearest(vectors, 4)
    for token in (0, 700, 1023, 1024, 1499):
        cosine = torch.cosine_similarity(vectors[token], vectors, dim=-1)
        cosine[token] = -2
        assert set(found[token].tolist()) == set(cosine.argsort(descending=True)[:4].tolist())
