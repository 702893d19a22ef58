"""The peers of `post_training_speed.py`: lmlab's stages and TRL's trainers on the same rows.

Both read one jsonl of random words (one token a word) through the same tokenizer.json; the models
have random weights and the shape of `shape.py`, and no answer ends before its last token.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import shape

AfterStep = Callable[..., None]

# GRPO: prompts of a step, answers of each, tokens of a prompt and of an answer.
PROMPTS, SAMPLES, PROMPT_TOKENS, NEW_TOKENS = 4, 8, 63, 64
# Comparisons of a reward model's step, and conversations of an sft step; median tokens of an answer.
PAIRS, CONVERSATIONS, MEDIAN_ANSWER, ASKED = 16, 32, 60, 24
ROWS, WORDS = 4096, shape.VOCAB - 8
GRPO_KL = 0.04


def words(number: int, draw: random.Random) -> str:
    """That many words; each is one token."""
    return " ".join(f"w{draw.randrange(WORDS)}" for _ in range(number))


def answer(draw: random.Random) -> str:
    """An answer whose length varies as people's do: log-normal, at most 200 tokens."""
    return words(min(200, max(4, round(draw.lognormvariate(0, 0.7) * MEDIAN_ANSWER))), draw)


def write_tokenizer(folder: str) -> str:
    """A tokenizer.json with one token a word; its path."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    vocab = {"<eos>": 0, "<pad>": 1, "<unk>": 2} | {f"w{n}": n + 3 for n in range(WORDS)}
    tokenizer = Tokenizer(models.WordLevel(vocab, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(["<eos>", "<pad>", "<unk>"])
    path = Path(folder, "tokenizer.json")
    tokenizer.save(str(path))
    return str(path)


def rows(kind: str) -> list[dict[str, str]]:
    """Rows with the columns that both sides read: prompts, conversations or comparisons."""
    draw = random.Random(0)
    if kind == "grpo":
        return [{"prompt": words(PROMPT_TOKENS, draw), "completion": "w1"} for _ in range(ROWS)]
    asked = [words(ASKED, draw) for _ in range(ROWS)]
    if kind == "sft":
        return [{"prompt": each, "completion": answer(draw)} for each in asked]
    return [{"prompt": each, "chosen": answer(draw), "rejected": answer(draw)} for each in asked]


def real_tokens(kind: str) -> float:
    """Tokens of a row of real text, prompts and answers, in the mean."""
    table = rows(kind)
    counts = [len(text.split()) for row in table for text in row.values()]
    prompts_again = ASKED if kind == "rm" else 0  # a comparison has its prompt twice
    return sum(counts) / len(table) + prompts_again


def write_rows(kind: str, folder: str) -> str:
    """The rows as jsonl; their path."""
    path = Path(folder, "rows.jsonl")
    path.write_text("".join(json.dumps(row) + "\n" for row in rows(kind)))
    return str(path)


def lmlab_words(kind: str, precision: str, folder: str) -> list[str]:
    """lmlab's command line."""
    data = {"grpo": "instruction_prompts", "sft": "instructions", "rm": "preferences"}[kind]
    own = {
        "grpo": [
            "reward=length",
            f"stage.num_samples={SAMPLES}",
            f"stage.max_new_tokens={NEW_TOKENS}",
            "optim.schedule=constant",
            f"data.max_prompt_tokens={PROMPT_TOKENS + 1}",
            f"batch.sequences={PROMPTS}",
            f"batch.micro_sequences={PROMPTS * SAMPLES}",
            f"objective.kl_weight={GRPO_KL}",
        ],
        "sft": ["batch.sequences=12", "batch.micro_sequences=12", "stage.num_generated=0"],
        "rm": [f"batch.sequences={PAIRS}", f"batch.micro_sequences={PAIRS}"],
    }[kind]
    return [
        f"stage={kind}",
        f"data={data}",
        f"data.source.paths={write_rows(kind, folder)}",
        "data.template=plain",
        "tokenizer=file",
        f"tokenizer.path={write_tokenizer(folder)}",
        f"arch.num_layers={shape.NUM_LAYERS}",
        f"arch.width={shape.WIDTH}",
        f"arch.num_heads={shape.NUM_HEADS}",
        f"arch.max_seq_len={shape.SEQ_LEN}",
        f"hardware.precision={precision}",
        "hardware=cpu",
        f"run.root={folder}",
        *own,
        *shape.without_pauses(10**6),
    ]


def lmlab_side(kind: str) -> Callable[[str, str, AfterStep], None]:
    """lmlab's own command line for that stage."""

    def run(precision: str, folder: str, after_step: AfterStep) -> None:
        import sys

        from lmlab.__main__ import main
        from lmlab.stage.training import Training

        Training.on_train_batch_end = after_step  # type: ignore[method-assign]
        code = main(lmlab_words(kind, precision, folder))
        if code:
            sys.exit(code)

    return run


def gpt2(folder: str, head: str) -> str:
    """A saved GPT-2 of the shape with its tokenizer, as TRL's trainers open one; its folder."""
    import transformers

    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_file=write_tokenizer(folder), eos_token="<eos>", pad_token="<pad>"
    )
    config = transformers.GPT2Config(
        vocab_size=shape.VOCAB,
        n_layer=shape.NUM_LAYERS,
        n_embd=shape.WIDTH,
        n_head=shape.NUM_HEADS,
        n_positions=shape.SEQ_LEN,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        num_labels=1,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=1,
    )
    path = str(Path(folder, "model"))
    getattr(transformers, head)(config).save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


def common(precision: str, folder: str, batch: int) -> dict[str, Any]:
    """The settings of TRL's trainers that lmlab's command line has too."""
    return {
        "output_dir": folder,
        "max_steps": 10**6,
        "per_device_train_batch_size": batch,
        "gradient_checkpointing": False,
        "learning_rate": shape.LEARNING_RATE,
        "optim": "adamw_torch_fused",
        "max_grad_norm": 1.0,
        "bf16": precision == "bf16",
        "use_cpu": True,
        "report_to": [],
        "save_strategy": "no",
        "logging_strategy": "no",
        "disable_tqdm": True,
        "model_init_kwargs": {"dtype": "float32"},
    }


def train(trainer: Any, head: str, folder: str, after_step: AfterStep, **keywords: Any) -> None:
    """Train a GPT-2 with that head by one of TRL's trainers."""
    trainer(model=gpt2(folder, head), callbacks=[_callback(after_step)], **keywords).train()


def trl_grpo(precision: str, folder: str, after_step: AfterStep) -> None:
    """TRL's GRPOTrainer with the reward length, and the same KL to a reference."""
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    arguments = GRPOConfig(
        **common(precision, folder, PROMPTS * SAMPLES),
        num_generations=SAMPLES,
        max_completion_length=NEW_TOKENS,
        beta=GRPO_KL,
        loss_type="grpo",
        temperature=1.0,
    )
    table = Dataset.from_list([{"prompt": row["prompt"]} for row in rows("grpo")])
    lengths = {"reward_funcs": lambda completions, **_: [float(len(text)) for text in completions]}
    train(
        GRPOTrainer, "GPT2LMHeadModel", folder, after_step,
        args=arguments, train_dataset=table, **lengths,
    )  # fmt: skip


def trl_sft(precision: str, folder: str, after_step: AfterStep) -> None:
    """TRL's SFTTrainer as it comes: rows padded to the longest of their batch."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    asked = common(precision, folder, CONVERSATIONS)
    arguments = SFTConfig(**asked, max_length=shape.SEQ_LEN, completion_only_loss=True)
    table = Dataset.from_list(rows("sft"))
    train(SFTTrainer, "GPT2LMHeadModel", folder, after_step, args=arguments, train_dataset=table)


def trl_rm(precision: str, folder: str, after_step: AfterStep) -> None:
    """TRL's RewardTrainer."""
    from datasets import Dataset
    from trl import RewardConfig, RewardTrainer

    arguments = RewardConfig(**common(precision, folder, PAIRS), max_length=shape.SEQ_LEN)
    head, table = "GPT2ForSequenceClassification", Dataset.from_list(rows("rm"))
    train(RewardTrainer, head, folder, after_step, args=arguments, train_dataset=table)


def _callback(after_step: AfterStep) -> Any:
    from transformers import TrainerCallback

    class After(TrainerCallback):
        def on_step_end(self, *arguments: Any, **keywords: Any) -> None:
            after_step()

    return After()


PEERS = {
    "lmlab grpo": lmlab_side("grpo"),
    "TRL grpo": trl_grpo,
    "lmlab sft": lmlab_side("sft"),
    "TRL sft": trl_sft,
    "lmlab rm": lmlab_side("rm"),
    "TRL rm": trl_rm,
}
