"""`python -m datajoint` is `dj`."""

from __future__ import annotations

from datajoint.cli.main import main

if __name__ == "__main__":
    main()
