"""What is refused while objects are made; what they do together is tested in test_train.py."""

from __future__ import annotations

import pytest

from lmlab.build import make_arch
from lmlab.config.compose import Composer
from lmlab.config.place import find_places
from tests.weights.published import config_of


@pytest.mark.parametrize("key", ["num_heads", "num_layers", "width", "max_seq_len"])
def test_a_size_below_one_is_named(key):
    config = Composer(find_places()).compose([f"arch.{key}=0"]).cfg
    with pytest.raises(ValueError, match=f"arch.{key}=0 must be 1 or more"):
        make_arch({"arch": config_of(config)}, 64)
