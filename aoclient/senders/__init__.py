"""Senders: each holds the next and adds one concern to the verb ``send(request) -> response``."""
