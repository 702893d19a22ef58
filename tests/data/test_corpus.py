"""The data module: what it refuses, what it saves, and a run that is stopped and continued."""

from __future__ import annotations

from itertools import islice

import lightning as L
import pytest
import torch

from lmlab.batch import Window
from lmlab.data.source.grammar import Grammar
from lmlab.data.tokenizer.bytes import Bytes
from lmlab.objective.clm import CausalLanguageModelling
from tests.conftest import small_gpt
from tests.data.conftest import Documents, make_corpus, numbered
from tests.objective import slide


def test_what_it_offers_after_prepare(tmp_path):
    data = make_corpus(numbered(100), tmp_path)
    assert data.vocab.size == 257 and data.byte_lengths.sum() == 256
    assert data.num_train_tokens + data.num_val_tokens == 100 * 26 + 2
    assert len(data.fingerprint) == 64


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"validation_fraction": 0.0}, "data.validation_fraction=0.0"),
        ({"validation_fraction": 1.0}, "data.validation_fraction=1.0"),
        ({"validation_tokens": 0}, "data.validation_tokens=0"),
        ({"validation_sequences": 0}, "data.validation_sequences=0"),
        ({"num_workers": -1}, "data.num_workers=-1"),
        ({"seq_len": 0}, "data.seq_len=0"),
        ({"world_size": 3}, "3 processes cannot share"),
        ({"seq_len": 5000, "window": Window(5001, 5000)}, "data.seq_len=5000 needs 5001 tokens"),
    ],
)
def test_what_cannot_be_is_told_with_the_setting(tmp_path, changes, words):
    with pytest.raises(ValueError, match=words):
        make_corpus(numbered(100), tmp_path, **changes)


def test_an_epoch_of_clm_predicts_every_token_but_the_first_once(tmp_path):
    objective = CausalLanguageModelling(vocab=Bytes().vocab, z_loss=0.0)
    data = make_corpus(
        numbered(100),
        tmp_path,
        collate=objective.collate,
        window=objective.window(8),
        step_sequences=1,
    )
    batches = data.train_batches()
    each = [batches[index] for index in range(len(batches.windows))]
    predicted = torch.cat([batch.targets[batch.mask] for batch in each])
    stream = data.cache.tokens("train")
    assert sorted(predicted.tolist()) == sorted(stream[1:].tolist())


def test_documents_do_not_see_each_other_when_they_shall_not(tmp_path):
    objective = CausalLanguageModelling(vocab=Bytes().vocab, z_loss=0.0)
    keys = {"collate": objective.collate, "window": objective.window(8)}
    together = make_corpus(numbered(100), tmp_path, **keys)
    apart = make_corpus(numbered(100), tmp_path, cross_documents=False, **keys)
    assert together.train_batches()[0].documents is None
    documents = apart.train_batches()[0].documents
    assert documents is not None and (documents.diff(dim=1) >= 0).all()


def test_pairs_of_segments_are_the_same_in_every_number_of_processes(tmp_path):
    task = slide.make("mlm_nsp", vocab=Bytes().vocab.with_specials("marks"), word_starts=None)
    keys = {"collate": task.collate, "window": task.window(32), "seq_len": 32}
    whole = make_corpus(numbered(100), tmp_path, **keys).train_batches()
    ranks = [
        make_corpus(numbered(100), tmp_path, **keys, rank=rank, world_size=4).train_batches()
        for rank in range(4)
    ]
    follows = []
    for step in range(4):
        parts = [batches[step] for batches in ranks]
        assert torch.equal(torch.cat([part.tokens for part in parts]), whole[step].tokens)
        assert torch.equal(torch.cat([part.is_next for part in parts]), whole[step].is_next)
        follows += whole[step].is_next.tolist()
    assert 0 < sum(follows) < len(follows)


def test_packed_documents_have_the_logits_they_have_alone(tmp_path):
    objective = CausalLanguageModelling(vocab=Bytes().vocab, z_loss=0.0)
    data = make_corpus(
        Documents(*("abcdefgh"[: 2 + i % 7] * (1 + i % 4) + str(i) for i in range(40))),
        tmp_path,
        seq_len=64,
        cross_documents=False,
        window=objective.window(64),
        collate=objective.collate,
        step_sequences=2,
    )
    arch = small_gpt(vocab_size=257).eval()
    batch = data.train_batches()[0]
    assert batch.documents is not None
    for tokens, documents, packed in zip(
        batch.tokens, batch.documents, arch.unembed(arch(*batch.inputs)), strict=True
    ):
        assert len(documents.unique()) > 3
        for document in documents.unique():
            alone = arch.unembed(arch(tokens[None, documents == document]))[0]
            torch.testing.assert_close(packed[documents == document], alone, atol=1e-5, rtol=0)


def test_the_lowest_loss_is_known_for_a_grammar_of_bytes(tmp_path):
    keys = {"num_symbols": 4, "order": 1, "concentration": 1.0, "mean_length": 20, "seed": 0}
    source = Grammar(num_documents=50, **keys)
    assert make_corpus(source, tmp_path).entropy_rate_nats == source.entropy_rate_nats
    assert make_corpus(source, tmp_path).notes[0].startswith("entropy: ")
    assert make_corpus(numbered(100), tmp_path).entropy_rate_nats is None


def test_a_checkpoint_of_other_data_is_refused(tmp_path):
    state = make_corpus(numbered(100), tmp_path).state_dict()
    with pytest.raises(ValueError, match="other data"):
        make_corpus(numbered(101), tmp_path).load_state_dict(state)


@pytest.mark.parametrize("changes", [{"seed": 8}, {"step_sequences": 16}, {"seq_len": 9}])
def test_a_checkpoint_of_another_order_is_refused(tmp_path, changes):
    state = make_corpus(numbered(100), tmp_path).state_dict()
    with pytest.raises(ValueError, match="order of samples"):
        make_corpus(numbered(100), tmp_path, **changes).load_state_dict(state)


def test_left_out_batches_are_part_of_the_state(tmp_path):
    source = numbered(100)
    data = make_corpus(source, tmp_path)
    data.load_state_dict(data.state_dict() | {"step": 3, "skipped": [[1, 1]]})
    data.leave_out(2)
    assert data.state_dict()["skipped"] == [[1, 1], [4, 5]]
    loader = data.train_dataloader()
    assert list(islice(loader.sampler, 2)) == [6, 7]
    again = make_corpus(source, tmp_path)
    again.load_state_dict(data.state_dict())
    assert list(islice(again.train_dataloader().sampler, 2)) == [6, 7]


def test_what_is_said_of_the_text_is_kept(tmp_path):
    source = Documents("".join(f"line {index}\n" for index in range(50)))
    assert "one document" in make_corpus(source, tmp_path).notes[0]
    assert "one document" in make_corpus(source, tmp_path).notes[0]


class Recorder(L.LightningModule):
    """Trains nothing, keeps the tokens of every step."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.seen: list[list[list[int]]] = []

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)

    def transfer_batch_to_device(self, batch, device, dataloader_idx):
        return batch

    def training_step(self, batch, index):
        self.seen.append(batch.tokens.tolist())
        self.optimizers().step()

    def validation_step(self, batch, index):
        pass


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_stopped_lightning_run_goes_on_where_it_was(tmp_path, num_workers):
    def fit(num_steps, checkpoint=None, save=None):
        trainer = L.Trainer(
            accelerator="cpu",
            max_epochs=-1,
            max_steps=num_steps,
            val_check_interval=3,
            check_val_every_n_epoch=None,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            default_root_dir=tmp_path,
        )
        recorder, data = Recorder(), make_corpus(source, tmp_path, num_workers=num_workers)
        trainer.fit(recorder, datamodule=data, ckpt_path=checkpoint, weights_only=True)
        if save:
            trainer.save_checkpoint(save)
        return recorder.seen

    source = numbered(100)
    whole = fit(10)
    half = fit(4, save=tmp_path / "half.ckpt")
    assert half + fit(10, checkpoint=tmp_path / "half.ckpt") == whole
