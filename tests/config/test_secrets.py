from __future__ import annotations

import pytest

from lmlab.config.secrets import is_secret_key, literal_secrets, redact


@pytest.mark.parametrize(
    "key",
    [
        "token",
        "hf_token",
        "password",
        "db_password",
        "passwd",
        "api_key",
        "apikey",
        "api-key",
        "apiKey",
        "secret",
        "client_secret",
        "secret_key",
        "aws_secret_access_key",
        "private_key",
        "credentials",
        "HF_TOKEN",
        "hfToken",
    ],
)
def test_secret_keys(key: str) -> None:
    assert is_secret_key(key)


@pytest.mark.parametrize(
    "key",
    [
        "tokens",
        "batch_tokens",
        "num_tokens",
        "tokenizer",
        "budget_tokens",
        "mask_token",
        "pad_token",
        "eos_token",
        "width",
        "token_embedding",
        "tokens_per_second",
        "key",
        "num_kv_heads",
        "secretary",
        "bypass",
    ],
)
def test_other_keys(key: str) -> None:
    assert not is_secret_key(key)


def test_literals_are_found_and_references_are_not() -> None:
    tree = {
        "track": {"token": "abc", "password": "${oc.env:PW}", "api_key": "${oc.env:KEY,null}"},
        "list": [{"secret": 12345}],
        "under": {"credentials": {"user": "me"}},
        "default": {"token": "${oc.env:T,literal}", "secret": None},
        "use": {"hf_token": False},
    }
    assert list(literal_secrets(tree)) == [
        "track.token",
        "list[0].secret",
        "under.credentials.user",
        "default.token",
    ]


def test_redact_hides_values_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_TOKEN", "canary-1234")
    assert redact("sent canary-1234 away") == "sent *** away"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("track.token=canary", "track.token=***"),
        ("+track={token: canary, project: a}", "+track={token: ***, project: a}"),
        ("api_key: canary", "api_key: ***"),
        ("token=${oc.env:T}", "token=${oc.env:T}"),
        ("batch.tokens=4096", "batch.tokens=4096"),
        ("https://me:canary@host/x", "https://me:***@host/x"),
    ],
)
def test_redact_hides_what_was_typed(text: str, shown: str) -> None:
    assert redact(text) == shown


def test_a_password_inside_an_address_is_a_literal_secret():
    written = {"track": {"uri": "https://me:canary@host/x"}}
    assert list(literal_secrets(written)) == ["track.uri"]
    kept = {"track": {"uri": "https://me:${oc.env:PASS}@host/x", "other": "https://host:80/a@b"}}
    assert list(literal_secrets(kept)) == []
