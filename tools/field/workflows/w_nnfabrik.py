import collections
import collections.abc

import w_old_server

for name in ("Iterable", "Mapping", "Sequence"):  # nnfabrik is older than Python 3.10
    setattr(collections, name, getattr(collections.abc, name))

from nnfabrik.examples import nnfabrik
