"""What lmlab puts before MLflow's server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from lmlab.track.page import Message, Receive, Send, guarded


async def page(scope: Message, receive: Receive, send: Send) -> None:
    headers = [(b"content-type", b"text/html"), (b"content-length", b"25")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"<head></head>", "more_body": True})
    await send({"type": "http.response.body", "body": b"<body></body>"})


def get(path: str) -> tuple[int, bytes, dict[bytes, bytes]]:
    sent: list[Any] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    scope = {"type": "http", "path": path, "headers": []}
    asyncio.run(guarded(page)(scope, receive, send))
    body = b"".join(message.get("body", b"") for message in sent)
    return sent[0]["status"], body, dict(sent[0]["headers"])


@pytest.mark.parametrize(
    "path",
    [
        "/ajax-api/3.0/mlflow/assistant/config",
        "/ajax-api/3.0/jobs/search",
        "/api/3.0/jobs",
        "/gateway/x/mlflow/invocations",
    ],
)
def test_what_acts_on_this_machine_is_closed(path: str) -> None:
    assert get(path)[0] == 404


def test_the_page_opens_for_training_and_without_the_assistant() -> None:
    status, body, headers = get("/")
    assert status == 200 and body.count(b"</head>") == 1
    assert b"machine_learning" in body and b"data-assistant-ui" in body
    assert headers[b"content-length"] == str(len(body)).encode()


def test_everything_else_is_passed_on() -> None:
    for path in (
        "/ajax-api/2.0/mlflow/runs/search",
        "/api/2.0/mlflow-artifacts/artifacts/1/jobs/a",
    ):
        assert get(path)[:2] == (200, b"<head></head><body></body>")
