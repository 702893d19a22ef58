from __future__ import annotations

from pathlib import Path

import pytest

from lmlab.check import check_config_from_checkpoint
from lmlab.config.error import ConfigError
from lmlab.config.report import guarded, is_users, report, unwrapped


def failing(error: Exception) -> int:
    raise error


def test_config_error_is_short(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(lambda: failing(ConfigError(["a=1: wrong"])), debug=False) == 2
    assert capsys.readouterr().err == "a=1: wrong\n"


def test_debug_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(lambda: failing(ConfigError(["a=1: wrong"])), debug=True) == 2
    assert "Traceback" in capsys.readouterr().err


def test_unexpected_errors_go_to_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_TOKEN", "canary-9")
    assert guarded(lambda: failing(RuntimeError("boom canary-9")), False, tmp_path) == 1
    err = capsys.readouterr().err
    assert "RuntimeError: boom ***" in err and "Traceback" not in err
    assert str(tmp_path / "log.txt") in err
    log = (tmp_path / "log.txt").read_text()
    assert "Traceback" in log and "canary" not in log


def test_only_lmlabs_own_value_errors_are_the_users() -> None:
    with pytest.raises(ConfigError) as own:
        check_config_from_checkpoint({"_target_": "os.system"})
    with pytest.raises(ValueError) as elsewhere:
        int("no number")
    assert is_users(own.value)
    assert not is_users(elsewhere.value)
    assert not is_users(RuntimeError("of another kind"))


def test_debug_is_read_from_the_run_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.yaml").write_text("config:\n  seed: 0\n  debug: true\n")
    assert report(ConfigError(["x"]), folder=tmp_path) == 2
    assert "ConfigError" in capsys.readouterr().err


def test_what_a_constructor_said_is_not_hidden_by_hydra(capsys: pytest.CaptureFixture[str]) -> None:
    from hydra.errors import InstantiationException

    error = InstantiationException("Error in call to target")
    error.__cause__ = ConfigError(["arch.width=3: must be even"])
    assert report(error) == 2
    assert capsys.readouterr().err == "arch.width=3: must be even\n"


def test_interrupt_is_130() -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    assert guarded(interrupted, debug=False) == 130


def test_a_wrapped_mistake_is_known_for_the_users_by_every_process() -> None:
    own = ValueError("inside")
    wrapper = type("InstantiationException", (Exception,), {})("outside")
    wrapper.__cause__ = own
    assert unwrapped(wrapper) is own and unwrapped(own) is own
