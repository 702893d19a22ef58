"""Where text comes from: one class a kind of source."""
