from __future__ import annotations

import pytest

from lmlab.sweep.language import Child, parse


def child(arch: str, width: int, loss: float, stage: str | None = None) -> Child:
    config = {"arch": {"width": width}, "init_from": None}
    return Child(
        f"arch={arch}",
        {"val/loss_nats": loss, "val/accuracy": 1 / loss},
        {"arch": arch},
        config,
        stage,
    )


JOBS = [child("a", 8, 4.0), child("b", 16, 2.0), child("c", 32, 1.0, "sft")]


@pytest.mark.parametrize(
    ("expect", "holds"),
    [
        ("min(val/loss_nats) < 1.5", True),
        ("max(val/loss_nats) - min(val/loss_nats) == 3", True),
        ('child("arch=a").val/loss_nats > 3 and not child("arch=b").val/loss_nats > 3', True),
        ('child("arch.width=16").val/loss_nats == 2', True),
        ('child("arch=a arch.width=8").val/loss_nats == 4', True),
        ('child("sft").val/accuracy == 1', True),
        ('mean(children("init_from=null").val/loss_nats) > 2.4', False),
        ('rank_correlation(setting("arch.width"), val/loss_nats) < -0.99', True),
        ('slope(log(setting("arch.width")), log(val/loss_nats)) < -0.999', True),
        ("max(val/loss_nats * val/accuracy - 1) < 1e-9", True),
        ("1 < min(val/loss_nats) + 1 <= 2 or 1 > 2", True),
        ('max(children("arch=c,arch.width=32").val/loss_nats) < -1', False),
    ],
)
def test_hand_cases(expect, holds):
    assert parse(expect).value(JOBS) is holds


def test_what_it_rests_on_is_shown_as_it_was_written():
    found = parse('min(val/loss_nats) < 2 and child("arch=a").val/accuracy > 0').sides(JOBS)
    assert found == {"min(val/loss_nats)": 1.0, "child('arch=a').val/accuracy": 0.25}


@pytest.mark.parametrize(
    ("expect", "said"),
    [
        ("val/loss_nats < 2", "is a number of every job"),
        ("val/loss_nats", "is a list"),
        ("median(val/loss_nats) < 2", "there is no median"),
        ("maen(val/loss_nats) < 2", "did you mean mean"),
        ("slope(val/loss_nats) < 2", "takes 2 lists"),
        ("min(3) < 2", "takes 1 list"),
        ('child("arch=a") < 2', "write child"),
        ("child(val/loss_nats).val/accuracy < 2", "write child"),
        ('child("arch=a").__class__ < 2', "write child|is not allowed"),
        ("__import__('os').system('x')", "is not allowed|write child"),
        ("().__class__", "is not allowed"),
        ("(lambda: 1)()", "is not allowed"),
        ("min(val/x, key=max) < 1", "is not allowed"),
        ("[val/x]", "is not allowed"),
        ("val/x[0] > 1", "is not allowed"),
        ("'a' == 'a'", "is not allowed"),
        ("min(val/x >", "is not an expression"),
    ],
)
def test_anything_else_is_refused_and_never_run(expect, said):
    with pytest.raises(ValueError, match=said) as caught:
        parse(expect)
    assert "experiment.expect=" in str(caught.value)


def test_what_a_job_lacks_is_an_error_of_the_value():
    with pytest.raises(KeyError):
        parse("min(val/other) < 1").value(JOBS)
    with pytest.raises(ValueError, match="0 jobs"):
        parse('child("arch=z").val/loss_nats < 1').value(JOBS)
    with pytest.raises(ValueError, match="do not pair"):
        parse('slope(children("sft").val/accuracy, val/loss_nats) < 1').value(JOBS)
