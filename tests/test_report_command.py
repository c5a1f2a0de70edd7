"""``aoclient report``: from an export in any format to a page."""

import json
import re

import pytest

from aoclient.emulator import Emulator
from aoclient.export import Csv, LearnersJob, TeamsJob
from tests.kit.command_line import aoclient
from tests.kit.exporting import run
from tests.kit.reporting import exported


def summary_of(path):
    found = re.search(r'id="data">(.*?)</script>', path.read_text(encoding="utf-8"))
    assert found is not None
    return json.loads(found[1])


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain")
    exported(folder / "export")
    return folder / "export"


def test_the_page_shows_what_the_academy_holds(plain, tmp_path):
    out = tmp_path / "r.html"
    ended = aoclient("report", str(plain), "--out", str(out), "--title", "Spring & summer")
    summary = summary_of(out)
    assert (ended.code, ended.out) == (0, "")
    assert ended.err.startswith(f"{out}: ")
    assert ended.err.endswith(" kB, 60 learners\n")
    assert "<h1>Spring &amp; summer</h1>" in out.read_text(encoding="utf-8")
    assert len(summary["courses"]) == 3
    assert sum(row[2] for row in summary["progress"]) == 3 * 60
    assert sum(row[3] for row in summary["seen"] if row[0] == -1) == 60
    assert len(summary["people"]) == 60
    for name in ("weeks", "spent", "scores", "answers", "certificates"):
        assert summary[name], name
    assert all(row[0] >= 0 for name in ("scores", "answers", "certificates") for row in summary[name])


@pytest.mark.parametrize(
    "fmt",
    [
        "jsonl.gz",
        "jsonl.zst",
        "csv",
        "csv.gz",
        "csv.zst",
        Csv(dialect="excel-tab", excel_safe=True),
        Csv(dialect="unix"),
        "parquet",
        "sqlite",
        "duckdb",
    ],
    ids=str,
)
def test_every_format_makes_the_same_page(plain, tmp_path, fmt):
    exported(tmp_path / "export", format=fmt)
    for source, out in ((plain, "a.html"), (tmp_path / "export", "b.html")):
        assert aoclient("report", str(source), "--out", str(tmp_path / out)).code == 0
    assert summary_of(tmp_path / "b.html") == summary_of(tmp_path / "a.html")


def test_an_anonymous_page_holds_no_name_and_no_address(plain, tmp_path):
    named, out = tmp_path / "named.html", tmp_path / "r.html"
    assert aoclient("report", str(plain), "--out", str(named)).code == 0
    assert aoclient("report", str(plain), "--out", str(out), "--anonymous").code == 0
    people = [(row[0], row[1]) for row in summary_of(named)["people"]]
    text = out.read_text(encoding="utf-8")
    assert len(people) == 60
    assert [each for each in people if each[0] in text or each[1] in text] == []
    assert "@example.com" not in text
    assert "without names and addresses" in text


def test_a_page_of_an_export_that_is_not_whole_says_so(tmp_path):
    exported(tmp_path / "export")
    (record,) = (tmp_path / "export" / ".aoclient" / "certificates").glob("000001.json")
    record.unlink()
    assert aoclient("report", str(tmp_path / "export"), "--out", str(tmp_path / "r.html")).code == 0
    assert re.search(r"not whole: 1 of \d+ parts are missing", (tmp_path / "r.html").read_text(encoding="utf-8"))


def test_what_was_guarded_for_spreadsheets_is_read_without_its_guard(tmp_path):
    emulator = Emulator(learners=1, courses=2)
    for number, name in enumerate(("=1+1", "'tis", "@home")):
        emulator.sign_up(f"-{number}@example.com", first_name=name, last_name="")
    run(emulator, [LearnersJob()], tmp_path / "export", format=Csv(excel_safe=True))
    assert aoclient("report", str(tmp_path / "export"), "--out", str(tmp_path / "r.html")).code == 0
    people = {(row[0], row[1]) for row in summary_of(tmp_path / "r.html")["people"]}
    assert people > {("=1+1", "-0@example.com"), ("'tis", "-1@example.com"), ("@home", "-2@example.com")}


def test_a_title_that_is_no_text_is_no_failure(plain, tmp_path):
    path = tmp_path / "r.html"
    assert aoclient("report", str(plain), "--out", str(path), "--title", "Za\udcfcrich").code == 0
    assert "<h1>Za?rich</h1>" in path.read_text(encoding="utf-8")


def test_an_export_with_nothing_to_report_is_refused(tmp_path):
    run(Emulator(learners=2, courses=2), [TeamsJob()], tmp_path / "export")
    ended = aoclient("report", str(tmp_path / "export"), "--out", str(tmp_path / "r.html"))
    assert ended.code == 2
    assert "has nothing to report; export one of the jobs courses, learners" in ended.err
    assert not (tmp_path / "r.html").exists()


def test_a_folder_that_is_no_export_is_refused(tmp_path):
    ended = aoclient("report", str(tmp_path / "missing"))
    assert ended.code == 1
    assert "holds no export" in ended.err
