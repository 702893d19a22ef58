"""What stage=classify cannot use: settings that do nothing there, labels that mean nothing."""

from __future__ import annotations

from typing import Any


def check_settings(
    kind: str,
    dropout: float | None,
    aux_lm_weight: float,
    lora_rank: int | None,
    of_lora: tuple[float | None, list[str] | None],
) -> None:
    """Raises: ValueError for settings that have no effect on an architecture of this kind."""
    if aux_lm_weight < 0 or (aux_lm_weight and kind != "decoder"):
        raise ValueError(
            f"stage.aux_lm_weight={aux_lm_weight:g} must be 0 or more, and predicts the next token, "
            f"which needs a decoder; this architecture is {kind}. Set it to 0"
        )
    if dropout is not None and kind == "encoder_decoder":
        raise ValueError(
            f"stage.dropout={dropout} has no effect on an encoder-decoder, which has no head; "
            "set it to null"
        )
    if lora_rank is None and of_lora != (None, None):
        raise ValueError(
            "stage.lora_alpha and stage.lora_targets have no effect with stage.lora_rank=null; "
            "set stage.lora_rank=8 or leave them null"
        )
    if lora_rank is not None and lora_rank < 1:
        raise ValueError(f"stage.lora_rank={lora_rank} must be 1 or more, or null")


def check_labels(data: Any, objective: Any, kind: str) -> None:
    """Raises: ValueError for labels that the objective, or the architecture, can do nothing with."""
    if kind == "encoder_decoder" and (data.is_choice or getattr(objective, "label_smoothing", 0)):
        what = "data.source.choices" if data.is_choice else "objective.label_smoothing"
        raise ValueError(
            f"{what} has no meaning for an encoder-decoder, which writes the label's words; choose a "
            "decoder or an encoder: arch=gpt_tiny"
        )
    if objective.is_numeric:
        if data.is_choice or not data.is_numeric:
            raise ValueError(
                "objective=regression needs labels that are numbers; these are "
                f"{', '.join(data.labels[:5]) or 'choices'}. Use objective=classification"
            )
        return
    if data.unknown:
        names = ", ".join(sorted(data.unknown)[:5])
        raise ValueError(
            f"{sum(data.unknown.values())} validation examples have labels that no training example "
            f"has: {names}. Set data.source.labels=[...] or data.source.leave_out=[...]"
        )
    if not data.is_choice and len(data.labels) < 2:
        raise ValueError(f"there is only one class, {data.labels}; two or more are needed")
    if not data.is_choice and 2 * len(data.labels) > len(data.train_examples):
        hint = "; labels that are numbers take objective=regression" if data.is_numeric else ""
        raise ValueError(
            f"data.source.label gives {len(data.labels)} classes to {len(data.train_examples)} "
            f"examples: is it the right column?{hint}"
        )
