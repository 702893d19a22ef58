"""Parameters against real models of this project and against the published tables."""

from __future__ import annotations

import pytest

from lmlab.scaling.plan.shape import Shape, num_params, params_by_part
from tests.conftest import small_gpt

SMALL = {"num_layers": 2, "width": 32, "num_heads": 4, "ff_width": 128, "vocab_size": 61}


def stack(num_layers: int, width: int, heads: int, vocab: int, length: int = 512) -> Shape:
    return Shape(num_layers, width, heads, 4 * width, vocab, length, head_width=64)


def test_by_hand():
    shape = Shape(1, 4, 2, 8, 10, max_seq_len=3, bias=False, norm_vectors=1)
    assert params_by_part(shape) == {
        "token embedding": 40,
        "position embedding": 12,
        "attention": 64,
        "feed-forward": 64,
        "norms": 12,
        "unembedding": 0,
        "other": 0,
    }


@pytest.mark.parametrize(
    ("arch", "shape"),
    [
        ({}, {"max_seq_len": 64}),
        ({"bias": False, "norm": "rms"}, {"max_seq_len": 64, "bias": False, "norm_vectors": 1}),
        ({"num_kv_heads": 2, "position": "rotary"}, {"num_kv_heads": 2}),
        (
            {"feed_forward": "swiglu", "tied_embeddings": False, "ff_width": 80},
            {"max_seq_len": 64, "ff_matrices": 3, "tied_embeddings": False, "ff_width": 80},
        ),
    ],
)
def test_the_count_is_that_of_the_real_model(arch, shape):
    real = sum(parameter.numel() for parameter in small_gpt(**arch).parameters())
    assert num_params(Shape(**(SMALL | shape))) == real


@pytest.mark.parametrize(
    ("name", "shape", "published", "tolerance"),
    [
        ("BERT-Base", stack(12, 768, 12, 30522), 110e6, 0.02),
        ("BERT-Large, XLNet-Large", stack(24, 1024, 16, 30522), 340e6, 0.02),
        ("RoBERTa-Large", stack(24, 1024, 16, 50265), 355e6, 0.01),
        ("GPT-2", stack(48, 1600, 25, 50257, 1024), 1.5e9, 0.05),
        ("Megatron-LM", Shape(72, 3072, 32, 4 * 3072, 51200, 1024), 8.3e9, 0.01),
        ("Turing-NLG", Shape(78, 4256, 28, 4 * 4256, 50257, 1024), 17e9, 0.02),
        ("GPT-3", Shape(96, 12288, 96, 4 * 12288, 50257, 2048), 175e9, 0.01),
    ],
)
def test_table_s4_01(name, shape, published, tolerance):
    assert num_params(shape) == pytest.approx(published, rel=tolerance), name


@pytest.mark.parametrize(
    ("width", "heads", "published", "tolerance"),
    [(512, 8, 65e6, 0.04), (1024, 16, 213e6, 0.01)],
)
def test_the_first_transformer_with_encoder_and_decoder(width, heads, published, tolerance):
    shape = Shape(6, width, heads, 4 * width, 37000, num_encoder_layers=6, bias=True)
    assert num_params(shape) == pytest.approx(published, rel=tolerance)


@pytest.mark.parametrize(
    ("layers", "width", "published"),
    [
        (12, 768, 125e6),
        (24, 1024, 350e6),
        (24, 1536, 760e6),
        (24, 2048, 1.3e9),
        (32, 2560, 2.7e9),
        (32, 4096, 6.7e9),
        (40, 5120, 13e9),
        (96, 12288, 175e9),
    ],
)
def test_table_s3_51(layers, width, published):
    shape = Shape(layers, width, width // 64, 4 * width, 50257, 2048)
    assert num_params(shape) == pytest.approx(published, rel=0.025)


def test_mistakes():
    with pytest.raises(ValueError, match="shape.num_layers=0"):
        Shape(0, 8, 2, 32, 10)
    with pytest.raises(ValueError, match="not a multiple"):
        Shape(1, 10, 4, 40, 10)
