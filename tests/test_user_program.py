"""The program of a user that the type checkers see also runs, and needs no ignore."""

from pathlib import Path

PROGRAM = Path(__file__).parent / "typing" / "user.py"

pytest_plugins = ["pytester"]


def test_the_tests_of_the_typed_program_pass(pytester):
    pytester.makepyfile(test_user=PROGRAM.read_text(encoding="utf-8"))
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=2)


def test_the_typed_program_needs_no_ignore():
    text = PROGRAM.read_text(encoding="utf-8")
    assert "# type:" not in text
    assert "# pyright:" not in text
    assert "cast(" not in text
