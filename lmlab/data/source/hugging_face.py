"""The source `hf`: data sets that the package `datasets` can load, from its hub or from disk."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from lmlab.data.document import Piece, Source, pieces_of
from lmlab.data.source.content_hash import hash_of_files, hash_of_text

BUILDERS = {".jsonl": "json", ".json": "json", ".csv": "csv", ".parquet": "parquet", ".txt": "text"}


class HuggingFace(Source):
    """One text field of a data set, a row a document. Code of a data set is never run.

    name: of the hub, or a local file or folder (which needs no network); config, revision: null
    takes the default; streaming: rows are read as they are needed, without a copy on disk.
    """

    def __init__(
        self,
        *,
        name: str,
        config: str | None,
        split: str,
        field: str,
        revision: str | None,
        streaming: bool,
        max_documents: int | None,
    ) -> None:
        if max_documents is not None and max_documents < 1:
            raise ValueError(
                f"data.source.max_documents={max_documents} must be 1 or more, or null"
            )
        self.name, self.config, self.split, self.field = name, config, split, field
        self.revision, self.streaming, self.max_documents = revision, streaming, max_documents
        self.local = Path(name).expanduser()

    def pieces(self) -> Iterator[Piece]:
        dataset = self._load()
        columns = dataset.column_names
        if columns is not None and self.field not in columns:
            raise ValueError(
                f"data.source.field={self.field} is not in {self.name}; it has {', '.join(columns)}"
            )
        for row in islice(dataset, self.max_documents):
            text = row.get(self.field)
            is_text = text is None or isinstance(text, str)
            if not is_text:
                raise ValueError(
                    f"data.source.field={self.field} of {self.name} holds "
                    f"{type(text).__name__}, not text"
                )
            yield from pieces_of([text or ""])

    def fingerprint(self, cache_dir: Path) -> str:
        settings = (self.config, self.split, self.field, self.max_documents)
        if self.local.exists():
            inside = [self.local] if self.local.is_file() else sorted(self.local.rglob("*"))
            files = [path for path in inside if path.is_file()]
            return hash_of_text("hf 1", *settings, hash_of_files(files, cache_dir))
        if self.streaming:
            return hash_of_text("hf 1", *settings, self.name, self._commit())
        return hash_of_text("hf 1", *settings, self.name, self._load()._fingerprint)

    def _commit(self) -> str:
        """The commit of the hub that streaming reads from; the rows themselves stay unread."""
        _datasets()
        from huggingface_hub import HfApi

        try:
            return str(HfApi().dataset_info(self.name, revision=self.revision).sha)
        except Exception as error:
            raise self._unreadable(error) from error

    def _load(self) -> Any:
        datasets = _datasets()
        keywords: dict[str, Any] = {"split": self.split, "streaming": self.streaming}
        try:
            if self.local.is_file():
                packed = self.local.suffix == ".gz"
                builder = BUILDERS.get(
                    (self.local.with_suffix("") if packed else self.local).suffix
                )
                if builder is None:
                    raise ValueError(f"a file must be one of {', '.join(BUILDERS)}")
                return datasets.load_dataset(builder, data_files=str(self.local), **keywords)
            if self.local.is_dir() and list(self.local.glob("*_info.json")):
                saved = datasets.load_from_disk(str(self.local))
                return saved[self.split] if isinstance(saved, dict) else saved
            return datasets.load_dataset(
                self.name if not self.local.is_dir() else str(self.local),
                self.config,
                revision=None if self.local.is_dir() else self.revision,
                **keywords,
            )
        except Exception as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> ValueError:
        what = f"data.source.name={self.name}, config={self.config}, split={self.split}"
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        hint = "" if self.local.exists() else "; it is no local file or folder either"
        return ValueError(f"{what} could not be loaded: {first}{hint}")


def _datasets() -> Any:
    try:
        import datasets  # type: ignore[import-untyped]
    except ImportError as error:
        raise ValueError("data=hf needs the package datasets: pip install 'lmlab[hf]'") from error
    datasets.disable_progress_bars()
    return datasets
