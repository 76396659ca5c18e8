"""Reactions: schedules, sensors, hooks, and what they do."""

from datajoint.reactions.actions import Command as Command, Mail as Mail, Notice as Notice, Webhook as Webhook
from datajoint.reactions.base import Reaction as Reaction
from datajoint.reactions.freshness import Freshness as Freshness
from datajoint.reactions.hook import Hook as Hook
from datajoint.reactions.schedule import Schedule as Schedule
from datajoint.reactions.sensor import Sensor as Sensor
