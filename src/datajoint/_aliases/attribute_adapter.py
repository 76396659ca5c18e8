"""Import path of the adapters of releases before 2.0."""

from datajoint.codecs.adapter import AttributeAdapter
