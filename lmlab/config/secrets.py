"""Keys whose values are secrets, and the environment variables that hold them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

HIDDEN = "***"
_WORD = (
    r"secrets?|passwords?|passwd|passphrase|credentials?|api[_-]?keys?|(?:access|private)[_-]?key"
)
_ANYWHERE = re.compile(rf"(?:^|[_\-.])(?:{_WORD})(?:$|[_\-.])")
_TOKEN = re.compile(r"(?:^|[_\-.])token$")
_TEXT_TOKENS = (
    "mask|pad|padding|eos|bos|unk|unknown|sep|cls|special|start|end|begin|first|last|next|stop"
    "|text|document|image|per|each|new|split|decoder_start|sentinel|prefix|suffix"
)
_TEXT_TOKEN = re.compile(rf"(?:^|[_\-.])(?:{_TEXT_TOKENS})_token$")
_CREDENTIALS = re.compile(r"://[^/\s@:]*:(?!\$\{oc\.env:)[^/\s@]+@")  # https://name:password@host
_FROM_ENV = re.compile(r"^\$\{oc\.env:\s*[A-Za-z_]\w*\s*(?:,\s*null\s*)?\}$")
# A key and its value as typed: `track.token=abc`, `{token: abc}`, `api_key: abc`.
_KEY = rf"(?:^|[\s{{,.+_\-'\"])(?:\w*[_\-])?(?:{_WORD}|token)[\w\-]*['\"]?\s*[=:]\s*"
_VALUE = r"(?!\$\{oc\.env:|\*\*\*)[^\s,}\]]+"
_TYPED = re.compile(f"({_KEY})({_VALUE})", re.IGNORECASE)


def is_secret_key(key: str) -> bool:
    """Whether a key promises a secret: token, api_key ... but not tokens, tokenizer, mask_token."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", str(key)).lower()
    if _ANYWHERE.search(name):
        return True
    return bool(_TOKEN.search(name)) and not _TEXT_TOKEN.search(name)


def literal_secrets(node: Any, path: str = "", secret: bool = False) -> Iterator[str]:
    """Dotted paths of values written out under a secret key, in an unresolved container."""
    if isinstance(node, dict):
        for key, value in node.items():
            inner = f"{path}.{key}" if path else str(key)
            yield from literal_secrets(value, inner, secret or is_secret_key(str(key)))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from literal_secrets(value, f"{path}[{index}]", secret)
    elif (secret and _is_written_out(node)) or _CREDENTIALS.search(str(node)):
        yield path


def _is_written_out(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, str | int | float | bytes):
        return False
    return value not in ("", "???") and not _FROM_ENV.match(str(value))


def secret_values() -> list[str]:
    """Values of environment variables with a secret's name, longest first."""
    found = {
        value
        for name, value in os.environ.items()
        if len(value) >= 4 and (is_secret_key(name) or name.lower().endswith(("token", "_key")))
    }
    return sorted(found, key=len, reverse=True)


def redact(text: str) -> str:
    """`text` with the values of secret environment variables, and of typed secrets, as ***."""
    for value in secret_values():
        text = text.replace(value, HIDDEN)
    text = re.sub(r"(\w://[^\s/@:]*:)[^\s/@]+@", rf"\1{HIDDEN}@", text)
    return _TYPED.sub(_hide, text)


def _hide(match: re.Match[str]) -> str:
    key = re.split(r"[\s{,.+'\"=:]+", match.group(1).strip(" +{,'\"=:"))[-1]
    return match.group(1) + HIDDEN if is_secret_key(key) else match.group(0)
