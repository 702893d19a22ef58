"""`lmlab export`: transformers loads what is written, and gives the same numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from lmlab.__main__ import main
from lmlab.config.error import ConfigError
from lmlab.data.chat_template import find_template
from lmlab.data.conversation import Turn
from lmlab.export import export, tokenizer_of
from lmlab.io.weights import load_into
from lmlab.job import read
from tests.finished_run import finished_run, random_arch

LLAMA_LIKE = [
    "arch.norm=rms",
    "arch.position=rotary",
    "arch.feed_forward=swiglu",
    "arch.bias=false",
]
CASES = {
    "GPT2LMHeadModel": (["arch=gpt_tiny"], "none"),
    "LlamaForCausalLM": (["arch=llama_tiny"], "marks"),
    "BertForPreTraining": (["arch=bert_tiny", "objective=mlm"], "marks"),
    "T5ForConditionalGeneration": (["arch=t5_tiny", "objective=random_spans"], "sentinels"),
    "BartForConditionalGeneration": (["arch=bart_tiny", "objective=random_spans"], "sentinels"),
}
AUTO = {"decoder": "AutoModelForCausalLM", "encoder": "AutoModelForPreTraining"}


@pytest.mark.parametrize("model", CASES)
def test_automodel_and_autotokenizer_load_it(model, tmp_path):
    transformers = pytest.importorskip("transformers")
    overrides, specials = CASES[model]
    run = finished_run(tmp_path / "runs", *overrides, specials=specials)
    done = export(str(run), None)
    assert (done.model, done.folder) == (model, run / "hf")
    tokenizer = tokenizer_of(run, len_of_vocabulary(done.folder))
    arch = random_arch(run, tokenizer.vocab)
    kind = arch.kind
    auto = getattr(transformers, AUTO.get(kind, "AutoModelForSeq2SeqLM"))
    twin = auto.from_pretrained(done.folder).eval()
    assert type(twin).__name__ == model
    theirs = transformers.AutoTokenizer.from_pretrained(done.folder)
    text = "It was a dark and stormy night; naïve <|endoftext|>"
    ids = tokenizer.encode_batch(["It was a dark and stormy night; naïve "])[0].tolist()
    ids.append(tokenizer.vocab.eos)
    assert theirs(text)["input_ids"] == ids and theirs.decode(ids) == text
    assert theirs.eos_token_id == tokenizer.vocab.eos
    if specials != "none":
        assert theirs.pad_token_id == tokenizer.vocab.pad == twin.config.pad_token_id
        assert theirs.mask_token_id == tokenizer.vocab.mask
    tokens = torch.tensor([ids])
    with torch.no_grad():
        if kind == "encoder_decoder":
            wanted = twin(input_ids=tokens, decoder_input_ids=tokens[:, :5]).logits
            found = arch.unembed(arch(tokens, tokens[:, :5]))
        else:
            output = twin(tokens)
            wanted = output.logits if "logits" in output else output.prediction_logits
            found = arch.unembed(arch(tokens))
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)


def len_of_vocabulary(folder: Path) -> int:
    return json.loads((folder / "config.json").read_text())["vocab_size"]


def test_what_was_exported_is_a_start_again(tmp_path):
    run = finished_run(tmp_path / "runs", "arch=llama_tiny")
    settings = read(run / "config.yaml").config["arch"]
    place = export(str(run), str(tmp_path / "new")).folder
    vocab = tokenizer_of(run, 257).vocab
    arch = random_arch(run, vocab, seed=5)
    assert load_into(arch, f"hf:{place}", tmp_path, settings) == f"hf:{place}"
    for name, weight in random_arch(run, vocab).state_dict().items():
        assert torch.equal(weight, arch.state_dict()[name]), name


def test_a_chat_keeps_its_template_and_stops_at_the_end_of_a_turn(tmp_path):
    transformers = pytest.importorskip("transformers")
    run = finished_run(tmp_path / "runs", "stage=sft", "arch=gpt_tiny", specials="marks")
    place = export(str(run), None).folder
    tokenizer = tokenizer_of(run, len_of_vocabulary(place))
    vocab = tokenizer.vocab
    config = transformers.GenerationConfig.from_pretrained(place)
    assert config.eos_token_id == [vocab.eos, vocab.turn_end]
    parts = find_template("auto", tokenizer).parts([Turn("user", "Hello")], asks=True)
    ours = [
        token
        for part in parts
        for token in ([part.token] if part.token else tokenizer.encode_batch([part.text])[0])
    ]
    theirs = transformers.AutoTokenizer.from_pretrained(place).apply_chat_template(
        [{"role": "user", "content": "Hello"}], add_generation_prompt=True, return_dict=False
    )
    assert ours == theirs


def test_a_gpt_of_llamas_parts_becomes_a_llama(tmp_path):
    run = finished_run(tmp_path / "runs", "arch=gpt_tiny", *LLAMA_LIKE)
    assert export(str(run), None).model == "LlamaForCausalLM"


def test_a_roberta_whose_padding_is_elsewhere_becomes_a_bert(tmp_path):
    run = finished_run(
        tmp_path / "runs",
        "arch=roberta",
        "arch.max_seq_len=64",
        "objective=mlm",
        specials="marks",
    )
    place = export(str(run), None).folder
    config = json.loads((place / "config.json").read_text())
    assert (config["model_type"], config["max_position_embeddings"]) == ("bert", 64)
    assert not (place / "generation_config.json").exists()


def test_what_transformers_does_not_have_is_named(tmp_path, capsys):
    runs = tmp_path / "runs"
    run = finished_run(runs, "arch=gpt_tiny", "arch.position=sinusoidal")
    assert main(["export", run.name, "--root", str(runs)]) == 2
    assert "arch.position=sinusoidal" in capsys.readouterr().err
    assert not (run / "hf").exists() and not list(run.glob(".hf*"))
    other = finished_run(runs, "arch=transformer_tiny", "objective=random_spans", specials="marks")
    with pytest.raises(ValueError, match="transformers has no such model"):
        export(str(other), None)


def test_the_command_says_what_it_wrote_and_writes_over_nothing(tmp_path, capsys):
    runs = tmp_path / "runs"
    run = finished_run(runs, "arch=gpt_tiny")
    target = tmp_path / "model"
    assert main(["export", run.name, "--to", str(target), "--root", str(runs)]) == 0
    assert capsys.readouterr().out == f"GPT2LMHeadModel in {target}\n"
    with pytest.raises(ConfigError, match="exists already"):
        export(str(run), str(target))
    assert export(str(run), None) == export(str(run), None)  # the run's own is made anew
    with pytest.raises(ConfigError, match="no such run"):
        export("nothing", None, runs)


def test_a_run_without_its_tokenizer_is_refused(tmp_path):
    run = finished_run(tmp_path / "runs", "arch=gpt_tiny")
    with pytest.raises(ConfigError, match="257 tokens, its weights 300"):
        tokenizer_of(run, 300)
    (run / "tokenizer" / "lmlab.json").unlink()
    with pytest.raises(ConfigError, match="has no tokenizer"):
        export(str(run), None)


def test_a_mask_that_the_format_cannot_say_is_told(tmp_path, capsys):
    run = finished_run(tmp_path, "objective=prefix_lm", specials="marks")
    assert main(["export", str(run)]) == 0
    assert "prefix_attention); the published format has no such mask" in capsys.readouterr().out
    plain = finished_run(tmp_path)
    assert export(str(plain), None).notes == ()
