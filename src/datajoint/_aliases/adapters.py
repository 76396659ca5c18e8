"""Import path of the SQL of databases."""

from datajoint.backends.base import Dialect as DatabaseAdapter
