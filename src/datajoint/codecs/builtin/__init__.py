"""The codecs that come with DataJoint, one a module."""
