"""Reactions: schedules, sensors, hooks, and what they do."""

from datajoint._lazy import names_from

__all__, __getattr__ = names_from(
    {
        "reactions.actions": "Command Mail Notice Webhook",
        "reactions.base": "Reaction",
        "reactions.freshness": "Freshness",
        "reactions.hook": "Hook",
        "reactions.schedule": "Schedule",
        "reactions.sensor": "Sensor",
    }
)
