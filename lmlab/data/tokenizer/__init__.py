"""Text to token ids and back: one class a tokenizer. This file imports nothing on purpose."""
