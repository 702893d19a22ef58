"""lmlab: language-model experiments composed from configuration."""

__version__ = "0.1.0"
