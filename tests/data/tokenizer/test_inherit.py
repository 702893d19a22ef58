from __future__ import annotations

import pytest

from lmlab.batch import NUM_SENTINELS
from lmlab.data.chat_template import own_template
from lmlab.data.source.grammar import Grammar
from lmlab.data.tokenizer.bpe import Bpe
from lmlab.data.tokenizer.bytes import Bytes
from lmlab.data.tokenizer.file import File
from lmlab.data.tokenizer.inherit import FOLDER, RECORD, Kept, inherited, keep
from tests.data.conftest import Documents

TEXT = "the cat sat on the mat, and the dog <|im_start|> too"


def trained(tmp_path, source) -> Bpe:
    return Bpe(size=280, sample_mb=1).prepare(source, tmp_path / "cache")


@pytest.fixture
def source():
    words = "the cat sat on the mat and the dog sat with another animal whose name nobody knows"
    return Documents(*[f"{one} {other}. " * 3 for one in words.split() for other in words.split()])


@pytest.mark.parametrize("specials", ["none", "marks", "sentinels"])
def test_a_kept_tokenizer_is_the_same_whatever_it_was_extended_by(tmp_path, source, specials):
    first = trained(tmp_path, source)
    first.extend(first.vocab.with_specials(specials))
    keep(first, tmp_path / "run")
    again = inherited(Bpe(size=999, sample_mb=1), [tmp_path / "run"]).prepare(source, tmp_path)
    assert isinstance(again, Kept) and again.fingerprint == first.fingerprint
    assert again.vocab == trained(tmp_path, source).vocab
    assert [*again.encode_batch([TEXT])[0]] == [*first.encode_batch([TEXT])[0]]
    again.extend(again.vocab.with_specials("sentinels"))
    assert again.vocab.size == 280 + 6 + NUM_SENTINELS == len(again.byte_lengths)
    assert again.decode([again.vocab.mask, again.vocab.sentinels[1]]) == "<|mask|><|span_1|>"


def test_bytes_are_inherited_too_and_another_choice_is_refused(tmp_path):
    keep(Bytes(), tmp_path / "run")
    assert isinstance(inherited(Bpe(size=280, sample_mb=1), [tmp_path / "run"]), Bytes)
    keep(trained(tmp_path, grammar()), tmp_path / "other")
    with pytest.raises(ValueError, match="trained with another tokenizer"):
        inherited(Bytes(), [tmp_path / "other"])


def test_nothing_kept_nothing_inherited(tmp_path):
    asked = Bpe(size=280, sample_mb=1)
    assert inherited(asked, [tmp_path]) is asked and inherited(asked, []) is asked


def test_a_kept_tokenizer_is_written_once_and_again_after_a_kill_midway(tmp_path, source):
    tokenizer = trained(tmp_path, source)
    folder = tmp_path / "run" / FOLDER
    folder.mkdir(parents=True)
    (folder / "tokenizer.json").write_text('{"half": ')  # killed before the record was there
    keep(tokenizer, tmp_path / "run")
    whole = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert whole["tokenizer.json"] != b'{"half": ' and RECORD in whole
    times = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    keep(tokenizer, tmp_path / "run")
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == times


def test_text_never_gives_an_added_token(tmp_path, source):
    tokenizer = trained(tmp_path, source)
    tokenizer.extend(tokenizer.vocab.with_specials("sentinels"))
    assert max(tokenizer.encode_batch([TEXT + "<|span_0|>"])[0]) < 280


def grammar() -> Grammar:
    import yaml

    from tests.conftest import ROOT

    node = yaml.safe_load((ROOT / "conf/data/grammar.yaml").read_text())["source"]
    return Grammar(**{key: value for key, value in node.items() if key != "_target_"})


def test_the_chat_template_of_a_file_stays_with_its_runs(tmp_path, source):
    first = trained(tmp_path, source)
    first.extend(first.vocab.with_specials("marks"))
    first.save(tmp_path / "given")
    template = "{% for m in messages %}<|im_start|>{{ m.content }}<|im_end|>{% endfor %}"
    (tmp_path / "given" / "chat_template.jinja").write_text(template)
    given = File(path=str(tmp_path / "given"), eos=None).prepare(source, tmp_path)
    places = [tmp_path / "one", tmp_path / "two"]
    keep(given, places[0])
    keep(inherited(given, [places[0]]).prepare(source, tmp_path), places[1])
    for place in places:
        kept = inherited(Bpe(size=280, sample_mb=1), [place]).prepare(source, tmp_path)
        assert own_template(kept.path) == (template, {})
    keep(first, tmp_path / "without")
    assert own_template(inherited(first, [tmp_path / "without"]).path) is None
