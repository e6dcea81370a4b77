from __future__ import annotations

import gguf
import pytest
import torch
from gguf import GGMLQuantizationType

from speculate_training.drafter import Drafter
from speculate_training.formats import BODY, EMBEDDING, format_of, is_matrix, rounded, through


@pytest.mark.compiled
@pytest.mark.parametrize("kind", [BODY, EMBEDDING])
def test_rounding_is_what_the_file_gives_back(kind: GGMLQuantizationType) -> None:
    torch.manual_seed(2)
    matrix = torch.randn(300, 576) * torch.logspace(-3, 1, 300).unsqueeze(1)
    matrix[3] = 0
    matrix[4] = 0.7
    back = torch.tensor(gguf.dequantize(gguf.quantize(matrix.numpy(), kind), kind))
    assert torch.equal(through(matrix, kind), back)


def test_a_format_that_is_not_trained_in_is_named() -> None:
    with pytest.raises(ValueError, match="Q8_0"):
        through(torch.zeros(2, 32), GGMLQuantizationType.Q8_0)


def test_inside_weights_are_rounded_and_outside_they_are_as_before(drafter: Drafter) -> None:
    drafter.tap_scale.copy_(torch.linspace(0.5, 30, len(drafter.tap_scale)))
    before = {name: parameter.detach().clone() for name, parameter in drafter.named_parameters()}
    with rounded(drafter):
        for name, parameter in drafter.named_parameters():
            if not is_matrix(name, parameter):
                assert torch.equal(parameter, before[name]), name
                continue
            scale = drafter.tap_scale if name == "fc" else torch.ones(1)
            held = through(before[name] / scale, format_of(name)) * scale
            assert torch.equal(parameter, held) and not torch.equal(parameter, before[name]), name
        drafter.output.sum().backward()
    for name, parameter in drafter.named_parameters():
        assert torch.equal(parameter, before[name]), name
    assert drafter.output.grad is not None and bool((drafter.output.grad == 1).all())
