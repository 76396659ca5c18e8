"""Older import path of the previews of expressions."""

from datajoint.query.preview import as_html as repr_html, as_text as preview
