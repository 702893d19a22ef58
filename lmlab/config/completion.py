"""Shell completion for `lmlab` and for `python -m lmlab`."""

from __future__ import annotations

INSTALL = 'eval "$(lmlab completion)"'

# Hydra's own function answers only for the console script, so the line is rewritten for it.
BASH = r"""_lmlab_complete() {
  local line="$COMP_LINE" ask="lmlab"
  if [[ "$line" =~ ^([^\ ]*python[0-9.]*)\ +-m\ +lmlab(\ .*)?$ ]]; then
    ask="${BASH_REMATCH[1]} -m lmlab"; line="lmlab${BASH_REMATCH[2]}"
  elif [[ "$line" != lmlab* ]]; then return; fi
  local word="${line##* }"
  COMPREPLY=($(compgen -o nospace -W \
    "$(COMP_LINE="$line" COMP_POINT=${#line} $ask -sc query=bash 2>/dev/null)" -- "$word"))
}
COMP_WORDBREAKS=${COMP_WORDBREAKS//=}
complete -o nospace -o default -F _lmlab_complete lmlab python python3
"""
