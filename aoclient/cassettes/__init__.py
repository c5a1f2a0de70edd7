"""Real traffic on a file, masked, and played back: what the service answers, without who the people are.

`Recording` is a sender that writes each request form and its answer down, `Replayed` one that answers from the file.
Both stand in for the network: ``Session(.., sender=Replayed("academy.jsonl"))``.
"""

from aoclient.cassettes.lines import Exchange, read
from aoclient.cassettes.recording import Recording
from aoclient.cassettes.replayed import NotRecordedError, Replayed

__all__ = ["Exchange", "NotRecordedError", "Recording", "Replayed", "read"]
