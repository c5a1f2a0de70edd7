"""``aoclient config``: the settings in force."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cyclopts import App

from aoclient.cli.connection import NO_CONNECTION, ConnectionOptions, Settings, settle
from aoclient.cli.output import NO_OUTPUT, OutputOptions, write_rows
from aoclient.secret import Secret

app = App(name="config")


@app.command
def show(
    *,
    output: OutputOptions = NO_OUTPUT,
    connection: ConnectionOptions = NO_CONNECTION,
) -> None:
    """Show each setting, its value and its source; a secret is masked."""
    write_rows(_rows(settle(connection)), output.format)


def _rows(settings: Settings) -> Iterator[dict[str, Any]]:
    from aoclient.session import BASE_URL

    yield {
        "setting": "config",
        "value": str(settings.path),
        "source": "found" if settings.path.exists() else "not there",
    }
    yield {"setting": "profile", "value": settings.profile.value, "source": settings.profile.source}
    for name, setting in settings.found.items():
        value = "********" if isinstance(setting.value, Secret) else setting.value
        if name == "base_url" and value is None:
            yield {"setting": name, "value": BASE_URL, "source": "default"}
        else:
            yield {"setting": name, "value": value, "source": setting.source}
