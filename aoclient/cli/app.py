"""The commands: each is a module of its own, which is imported when the command runs and not before."""

from __future__ import annotations

from collections.abc import Sequence

from cyclopts import App, Parameter

from aoclient import __version__
from aoclient.cli.exits import exit_code

app = App(
    name="aoclient",
    help=(
        "The client of the AcademyOcean learning platform.\n\n"
        "Data goes to stdout, all else to stderr. Exit codes: 0 done, 1 failure, 2 usage, 3 sign-in refused, 5 rate "
        "limit or time-out, 6 outcome unknown or answer incomplete, 130 interrupted."
    ),
    help_format="plaintext",  # markdown costs 30 ms
    version=__version__,
    default_parameter=Parameter(
        negative_iterable=(),  # no --empty-emails: an empty list cannot be sent
        show_default=lambda value: value if value not in (False, []) else None,
    ),
    suppress_keyboard_interrupt=False,  # `exit_code` says it
)


def _register(function: str, help_text: str) -> None:
    # The help of the command too: its first paragraph in the list, all of it in `COMMAND --help`.
    app.command(f"aoclient.cli.{function}", name=function.partition(":")[0], help=help_text)


_register(
    "demo:demo",
    "Start an emulated academy here and export it: everybody's progress in every course, and the quiz statistics.",
)
_register(
    "export:export",
    "Export into files, each row once; run it again to go on where it was left.\n\n"
    "quiz-statistics asks for all learners in all quizzes; the quizzes are those in the progress of a learner of each "
    "course that somebody started. Exit codes: 0 whole, 1 nothing was had, 6 some parts are missing, 130 interrupted; "
    "what is done is kept, and the command that goes on is said.",
)
_register(
    "call:app",
    "Call one of the 28 actions.\n\n"
    "aoclient call ACTION --help has its options. Flags: --with-teams or --no-with-teams; what is left out is not "
    "sent. Lists: repeat the option, or part entries by commas. Maps: KEY=ENTRY,ENTRY, repeated for each key. "
    "Nested inputs are JSON. A list or a map can also be JSON as a whole, @FILE, or - for stdin; a file holds one "
    "JSON document, or lines that each hold what could stand on the command line. A paged action gives the rows "
    "of all its pages unless --page names one.",
)
_register(
    "actions:actions",
    "List the actions: what each does, its effect, how it pages and splits.\n\n"
    "The effect says what happens after a failure that leaves the outcome open: reads and sets are repeated, adds "
    "is not. Setting an option of adds_with makes the effect adds.",
)
_register(
    "report:report",
    "Make one page of HTML from an export, with charts and tables, to be looked at without a network.\n\n"
    "It reads the jobs courses, learners, progress_by_course, course_progress, quiz_statistics and certificates, as "
    "far as the export has them. It filters by the teams learners come with, or those of their progress.",
)
_register(
    "webhooks:app",
    "Take webhooks and print them, verify one, or send a sample.\n\n"
    "The secret comes from AOCLIENT_WEBHOOK_SECRET, from a file that --webhook-secret-file, "
    "AOCLIENT_WEBHOOK_SECRET_FILE or webhook_secret_file of the profile names, or from a prompt.",
)
_register(
    "emulator:emulator",
    "Serve an emulated academy until it is interrupted, or while a command runs: aoclient emulator -- python first.py",
)
_register(
    "token:token",
    "Sign in and say the type of the token and when it ends.\n\nThe token itself is never shown.",
)
_register(
    "doctor:doctor",
    "Check credentials, connection, clock and rate limit, and compare answers with the models.\n\n"
    "A handful of reading actions are called, for five learners at most. Names of fields are shown, never values. "
    "The exit code is that of the first check that fails, 3 where the sign-in is refused; warnings are 0.",
)
_register(
    "record:record",
    "Call what reads and write forms and answers into a file, with everybody in them masked.\n\n"
    "For showing what the service really answers. Without --call each of the actions that read is called once. "
    "Secrets, tokens and links are gone; addresses, names and all other texts become pseudonyms; numbers, times, names "
    "of fields and the words of messages stay. aoclient doctor --cassette FILE compares it with the models.",
)
_register(
    "config:app",
    "Show the settings in force and where each comes from.\n\n"
    "Order: argument, environment, profile, default. Profiles stand in $XDG_CONFIG_HOME/aoclient/config.toml, or "
    "~/.config/aoclient/config.toml, as [profiles.NAME] with client_id, client_secret_file, base_url, rate, "
    "timeout, token_file, allow_insecure, webhook_secret_file; default_profile names the one that is used when none "
    "is asked for.",
)
_register(
    "completion:completion",
    "Print the completion script for a shell.\n\n"
    "bash: into ~/.local/share/bash-completion/completions/aoclient. zsh: into a folder of $fpath as _aoclient. "
    "fish: into ~/.config/fish/completions/aoclient.fish.",
)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; errors are said in one line on stderr.

    Args:
        arguments: Without the name of the program; those of the process when left out.
    """
    return exit_code(
        lambda: app(
            arguments, exit_on_error=False, print_error=False, result_action="return_int_as_exit_code_else_zero"
        )
    )
