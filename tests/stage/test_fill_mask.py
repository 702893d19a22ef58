from __future__ import annotations

import pytest
import torch
from torch import nn

from lmlab.data.tokenizer.bytes import Bytes
from lmlab.stage.fill_mask import FillMask, as_on_slide
from tests.arch.test_bert import small as small_bert
from tests.arch.test_t5 import small_t5
from tests.conftest import small_gpt
from tests.objective import slide
from tests.stage.posttraining import make_run

EOS, PAD, MASK, CLS = 256, 257, 258, 259
CPU = torch.device("cpu")


def sentinel_bytes() -> Bytes:
    tokenizer = Bytes()
    return tokenizer.extend(tokenizer.vocab.with_specials("sentinels"))


class Recorded(nn.Module):
    """An encoder that notes what it reads, and finds `a` three times as likely as `b` everywhere."""

    kind, max_seq_len = "encoder", 32

    def forward(self, tokens):
        self.tokens = tokens.tolist()
        return torch.zeros(*tokens.shape, 4)

    def unembed(self, hidden):
        logits = torch.full((*hidden.shape[:-1], 363), -torch.inf)
        logits[..., [ord("a"), ord("b"), MASK]] = torch.tensor([3.0, 1.0, 4.0]).log()
        return logits


def stage(arch, prompts, answers=None, k=2, max_new_tokens=2, objective=None) -> FillMask:
    return FillMask(
        arch=arch,
        objective=objective,
        tokenizer=sentinel_bytes(),
        prompts=prompts,
        answers=answers,
        k=k,
        max_new_tokens=max_new_tokens,
    )


def test_an_encoder_s_blanks_by_hand():
    filling = stage(Recorded(), ["x ___y<mask>", "_____"], answers=["a", "b"])
    filling.perform(CPU)
    assert filling.arch.tokens == [[CLS, EOS, MASK, EOS]]
    assert filling.rows[0] == {
        "prompt": "x ___y<mask>",
        "fills": [[("a", pytest.approx(3 / 8)), ("b", pytest.approx(1 / 8))]] * 2,
    }
    assert filling.samples[1]["continuation"] == "  [a .375 b .125]"
    assert filling.latest == {"fill/num_prompts": 2.0, "fill/accuracy": 0.5, "fill/among_k": 1.0}


def test_an_encoder_reads_the_text_around_its_blanks():
    filling = stage(Recorded(), ["x___yz"])
    filling.perform(CPU)
    assert filling.arch.tokens == [[CLS, EOS, ord("x"), MASK, *b"yz", EOS]]


def test_a_slide_s_line():
    """Row S4-03."""
    fills = [("her", 0.992), ("one", 0.003), ("", 0.0021)]
    assert as_on_slide(fills) == "her .992 one .003 (nothing) .002"
    assert as_on_slide([("all", 1.0)]) == "all 1.000"


def recorded_beam(monkeypatch):
    """What the beam search is asked for, with `ab` and `c` as its answer."""
    from lmlab.rollout.beam import Continuation
    from lmlab.stage import fill_mask

    calls = []

    def answer(arch, prompt, **keys):
        calls.append((prompt.tolist(), keys["forced"], keys["ends"]))
        return [Continuation((97, 98), -0.5, True), Continuation((99,), -1.0, False)]

    monkeypatch.setattr(fill_mask, "beam_search", answer)
    return calls


def test_a_decoder_fills_the_middle_from_both_sides(monkeypatch):
    calls, filling = recorded_beam(monkeypatch), stage(small_gpt(), ["x___yz"])
    before, after, middle = filling.vocab.sentinels[:3]
    fills = filling.fill("x___yz", CPU)
    assert calls == [([before, ord("x"), after, *b"yz", middle], (), (EOS,))]
    assert [word for word, _ in fills[0]] == ["ab", "c ..."]


def test_an_encoder_decoder_fills_one_blank_after_the_other(monkeypatch):
    calls, filling = recorded_beam(monkeypatch), stage(small_t5(), ["x___y__"])
    first, second, third = filling.vocab.sentinels[:3]
    assert len(filling.fill("x___y__", CPU)) == 2
    source = [ord("x"), first, ord("y"), second, EOS]
    assert calls == [
        (source, (first,), (second, EOS)),
        (source, (first, 97, 98, second), (third, EOS)),
    ]


@pytest.mark.parametrize(
    ("make", "objective"),
    [
        ("bert_tiny", "mlm"),
        ("t5_tiny", "span_corruption"),
        ("t5_tiny", "ul2"),
        ("gpt_tiny", "fill_in_the_middle"),
    ],
)
def test_every_kind_of_architecture_fills_in_a_built_run(make, objective, tmp_path):
    keys = ["stage=fill_mask", f"arch={make}", f"objective={objective}", "stage.k=2"]
    run = make_run(tmp_path, *keys, 'stage.prompts=["I put ___ fork down"]')
    run.stage.arch.eval()
    run.stage.perform(CPU)
    (fills,) = run.stage.rows[0]["fills"]
    assert 1 <= len(fills) <= 2 and all(0 <= probability <= 1 for _, probability in fills)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"prompts": ["no blank"]}, "'no blank' has no blank; write ___ or <mask>"),
        ({"prompts": ["_ _"]}, "has no blank"),
        ({"prompts": ["__ __"]}, "has 2 blanks; a decoder fills one"),
        ({"prompts": ["__"], "k": 0}, "stage.k=0"),
        ({"prompts": ["__"], "answers": []}, "stage.answers are 0 and stage.prompts 1"),
    ],
)
def test_wrong_prompts_raise(keys, words):
    with pytest.raises(ValueError, match=words):
        stage(small_gpt(), **keys)


def test_an_encoder_decoder_of_ul2_is_asked_as_its_regular_denoiser(monkeypatch):
    objective = slide.make("ul2", vocab=sentinel_bytes().vocab)
    calls, filling = (
        recorded_beam(monkeypatch),
        stage(small_t5(), ["x___y"], objective=objective),
    )
    filling.fill("x___y", CPU)
    first, second = filling.vocab.sentinels[:2]
    regular = int(objective.mode_tokens[0])
    assert calls == [([regular, ord("x"), first, ord("y"), EOS], (first,), (second, EOS))]
    assert regular not in filling.names


def test_a_prompt_that_does_not_fit_raises():
    long = stage(small_bert(), ["__" + "x" * 80])
    with pytest.raises(ValueError, match="a prompt of 84 tokens does not fit"):
        long.perform(CPU)
