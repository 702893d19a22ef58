"""The server behind `lmlab ui`: MLflow's own, without the parts that act on this machine.

`python -m lmlab.track.page DATABASE ARTIFACTS PORT` serves 127.0.0.1. Any user of the machine can
reach that, so what runs commands or jobs here is closed: the assistant, the job API, the gateway.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Coroutine[Any, Any, None]]

HOST = "127.0.0.1"
ALLOWED_HOSTS = "localhost,localhost:*,127.0.0.1,127.0.0.1:*"
CLOSED = re.compile(r"(/(ajax-)?api/\d+\.\d+)?(/mlflow)?/(assistant|jobs|gateway|mcp[\w-]*)(/.*)?")
# What a first visit shows: pages for training (not for language-model applications), no assistant.
# And repairs: where runs are compared, names of metrics do not scroll along with their values;
# a run's description, which is the report of a sweep, opens folded to three lines.
_HEAD = b"""<script>
for (const [key, value] of [
  ["mlflow.workflowType_v1", '"machine_learning"'],
  ["mlflow.assistant.fab.autoOpenedOnFirstLoad_v1", "true"],
]) localStorage.getItem(key) ?? localStorage.setItem(key, value);
const grids = ".CompareRunView .ReactVirtualized__Grid";
document.addEventListener("scroll", ({target: moved}) => {
  if (!moved.matches?.(grids)) return;
  let table = moved.parentElement;
  while (table && table.querySelectorAll(grids).length < 2) table = table.parentElement;
  table?.querySelectorAll(grids).forEach((grid) => {
    if (grid.scrollHeight === moved.scrollHeight) grid.scrollTop = moved.scrollTop;
  });
}, true);
const unfolded = new Set(), folded = '[aria-label="Expand description"]';
new MutationObserver(() => {
  const more = document.querySelector(folded);
  if (!more || unfolded.has(location.hash)) return;
  unfolded.add(location.hash);
  more.click();
}).observe(document, {childList: true, subtree: true});
</script><style>[data-assistant-ui] {display: none !important}
[data-testid="note-view-outer-container"] {overflow-x: auto}
[data-testid="note-view-outer-container"] img {max-width: min(100%, 860px)}
[data-testid="note-view-outer-container"] :is(td, th) {padding: 2px 10px; text-align: left}
</style></head>"""


def guarded(app: App) -> App:
    """`app` with 404 for what is closed, and its page opened as a first visit should see it."""

    async def guard(scope: Message, receive: Receive, send: Send) -> None:
        path = str(scope.get("path", ""))
        if scope["type"] == "http" and CLOSED.fullmatch(path):
            await send({"type": "http.response.start", "status": 404, "headers": []})
            await send({"type": "http.response.body", "body": b"closed by lmlab ui"})
        elif scope["type"] == "http" and path in ("/", "/index.html"):
            await app(_plain(scope), receive, _PageSend(send))
        elif scope["type"] != "websocket":
            await app(scope, receive, send)

    return guard


def _plain(scope: Message) -> Message:
    """The request without leave to compress, to answer from a cache or to send a part."""
    dropped = (b"accept-encoding", b"if-none-match", b"if-modified-since", b"range")
    kept = [(name, value) for name, value in scope["headers"] if name not in dropped]
    return {**scope, "headers": kept}


class _PageSend:
    """Puts the first-visit settings into the page's head."""

    def __init__(self, send: Send) -> None:
        self.send, self.body = send, b""
        self.start: Message = {}

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.start = dict(message)
            return
        self.body += message.get("body", b"")
        if message.get("more_body"):
            return
        body = self.body.replace(b"</head>", _HEAD, 1)
        headers = [pair for pair in self.start["headers"] if pair[0].lower() != b"content-length"]
        headers.append((b"content-length", str(len(body)).encode()))
        await self.send({**self.start, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})


def settings(database: str, artifacts: str) -> dict[str, str]:
    """The environment that MLflow's server reads when it is imported."""
    from mlflow.server import constants

    return {
        constants.BACKEND_STORE_URI_ENV_VAR: database,
        constants.ARTIFACT_ROOT_ENV_VAR: artifacts,
        constants.ARTIFACTS_DESTINATION_ENV_VAR: artifacts,
        constants.SERVE_ARTIFACTS_ENV_VAR: "true",
        "MLFLOW_SERVER_ALLOWED_HOSTS": ALLOWED_HOSTS,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_ENABLE_AI_GATEWAY": "false",
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "_MLFLOW_SGI_NAME": "uvicorn",
    }


def main(database: str, artifacts: str, port: int) -> None:
    """Serve until a signal comes."""
    os.environ.update(settings(database, artifacts))
    import uvicorn
    from mlflow.server.fastapi_app import app

    uvicorn.run(guarded(app), host=HOST, port=port, log_level="warning")  # type: ignore[arg-type]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
