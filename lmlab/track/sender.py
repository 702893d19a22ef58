"""The thread that brings events to the store while the run goes on."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

from lmlab.track.deliver import Delivery
from lmlab.track.folder import Folder
from lmlab.track.store import database_path, strip_credentials

MAX_PAUSE_SECONDS = 30.0  # between two tries while the store is away
MAX_WAIT_SECONDS = 1.5  # of `flush` on a server that does not answer
MAX_BUSY_WAIT_SECONDS = 10.0  # of `flush` on a server that takes what it is sent
MAX_LOCAL_WAIT_SECONDS = 60.0  # of `flush` on a database of this machine
say = logging.getLogger("lmlab.track")


class Sender:
    """Sends a folder's events every few seconds, and goes on trying while the store is away."""

    def __init__(
        self, folder: Folder, *, uri: str, root: Path, project: str, every_seconds: float
    ) -> None:
        self.folder, self.uri, self.every_seconds = folder, uri, every_seconds
        self.address = strip_credentials(uri)
        self.delivery = Delivery(folder, uri=uri, root=root, project=project)
        self.away = False
        self._state = threading.Condition()
        self._thread: threading.Thread | None = None
        self._hurry, self._closing, self._sending = True, False, False
        self._tries = 0  # how many have ended
        self._reported = ""

    def start(self) -> None:
        """Begin to send, or go on after `close`."""
        with self._state:
            self._closing = False
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="track", daemon=True)
                self._thread.start()

    def flush(self) -> bool:
        """Send now; returns whether the store has everything.

        Waits 1.5 s for a server that does not answer, 10 s for one that takes events all the while.
        """
        local = database_path(self.uri) is not None
        patience = MAX_LOCAL_WAIT_SECONDS if local else MAX_WAIT_SECONDS
        with self._state:
            self._hurry, tries = True, self._tries + (1 if self._sending else 0)
            self._state.notify_all()
            begun = time.monotonic()
            end, deadline = self.delivery.end, begun + patience
            while self._sending or self.delivery.pending():
                if self.delivery.end != end:
                    end, deadline = self.delivery.end, time.monotonic() + patience
                    deadline = min(deadline, begun + max(patience, MAX_BUSY_WAIT_SECONDS))
                left = deadline - time.monotonic()
                if left <= 0 or (self.away and self._tries > tries):
                    return False
                self._state.wait(min(left, 0.05))
        return True

    def close(self) -> None:
        """Stop after the try in progress; the folder is free for another sender then."""
        with self._state:
            self._closing = True
            self._state.notify_all()

    # ---- the thread

    def _run(self) -> None:
        pause = 0.0
        while self._wait(pause):
            failed = self._try()
            with self._state:
                self._sending = False
                self._tries += 1
                self._state.notify_all()
            pause = min(MAX_PAUSE_SECONDS, max(1.0, 2 * pause)) if failed else self.every_seconds

    def _wait(self, seconds: float) -> bool:
        """Until it is time for a try; False when the sender is closed."""
        with self._state:
            self._state.wait_for(lambda: self._hurry or self._closing, seconds)
            while not self._closing and not self._hurry and not self.delivery.pending():
                self._state.wait(self.every_seconds)
            if self._closing:
                self._thread = None
                self.folder.lock.release()
                return False
            self._hurry, self._sending = False, True
            return True

    def _try(self) -> bool:
        """One try; returns whether it failed."""
        try:
            if not self.folder.lock.is_locked:
                self.folder.lock.acquire(timeout=2)  # an earlier process may be ending
                self.delivery.end = self.folder.sent()
            self.delivery.send()
        except Exception as error:
            self._report_away(error)
            self.away = True
            return True
        if self.away:
            say.warning("MLflow at %s is back; what had waited is sent", self.address)
        self.away = False
        self._report_refused()
        return False

    def _report_away(self, error: Exception) -> None:
        if not self.away:
            say.warning(
                "MLflow at %s does not answer (%s); points wait in %s and go out when it is back",
                self.address,
                type(error).__name__,
                self.folder.track,
            )
            say.debug("%s", strip_credentials(str(error)))

    def _report_refused(self) -> None:
        if self.delivery.refused and self.delivery.refused != self._reported:
            self._reported = self.delivery.refused
            say.warning("MLflow refused %s", self._reported[:500])
