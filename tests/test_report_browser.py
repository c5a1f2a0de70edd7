"""The page in a real browser: nothing to complain of, charts that hold something, filters, tables, keys, paper."""

import asyncio
import json
import re

import pytest

from aoclient.report import page
from tests.kit.browser import CHROMIUM, browser
from tests.kit.command_line import aoclient
from tests.kit.reporting import exported

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium; in Debian: apt-get install chromium")

CHARTS = ["funnel", "weeks", "spent", "scores", "questions", "unseen", "certificates"]
INK = """(() => {
  const inked = {};
  for (const canvas of document.querySelectorAll("canvas")) {
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    let count = 0;
    for (let at = 3; at < pixels.length; at += 4) count += pixels[at] > 0;
    inked[canvas.closest("section").id] = count / (canvas.width * canvas.height);
  }
  return inked;
})()"""
TILES = """Object.fromEntries([...document.querySelectorAll("#tiles div")].map(
  ({ children: [name, number] }) => [name.textContent, number.firstChild.textContent]
))"""
ROWS = "[...document.querySelectorAll('#{} tbody tr')].map((row) => [...row.cells].map((cell) => cell.textContent))"
HEADS = """[...document.querySelectorAll('#people th')]
  .filter((head) => getComputedStyle(head.querySelector("button")).display === "none")
  .map((head) => getComputedStyle(head, "::before").content)"""
SEES_WIDTH = "[document.documentElement.scrollWidth, innerWidth]"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    exported(folder / "export")
    assert aoclient("report", str(folder / "export"), "--out", str(folder / "r.html")).code == 0
    return folder / "r.html"


def visit(path, look, **how):
    """Open a page, let ``look`` look at it, and see that it neither complained nor asked for anything else."""

    async def main():
        async with browser() as tab:
            await tab.open(path.resolve().as_uri(), **how)
            found = await look(tab)
            assert tab.complaints == []
            assert set(tab.requests) == {path.resolve().as_uri()}
            return found

    return asyncio.run(main())


def choose(name, text):
    return f"""(() => {{
      const select = document.getElementById("{name}");
      select.value = [...select.options].find((each) => each.text === "{text}").value;
      select.dispatchEvent(new Event("change"));
    }})()"""


@pytest.mark.parametrize(("width", "is_dark"), [(1280, False), (390, True)])
def test_every_chart_is_drawn_and_nothing_is_wider_than_the_screen(report, width, is_dark):
    async def look(tab):
        return await tab.run(INK), await tab.run(SEES_WIDTH), await tab.run("getComputedStyle(document.body).color")

    inked, (content, screen), ink = visit(report, look, width=width, is_dark=is_dark)
    assert list(inked) == CHARTS
    assert [name for name, share in inked.items() if share < 0.03] == []
    assert content <= screen
    assert ink == ("rgb(232, 236, 243)" if is_dark else "rgb(24, 32, 44)")


def test_filters_change_all_there_is_and_can_be_taken_back(report):
    summary = json.loads(re.search('id="data">(.*?)</script>', report.read_text(encoding="utf-8"))[1])
    course, team = summary["courses"][1], summary["teams"][0]

    async def look(tab):
        steps = [await tab.run(TILES)]
        await tab.run(choose("course", course))
        steps.append(await tab.run(TILES))
        courses, people = await tab.run(ROWS.format("courses")), await tab.run(ROWS.format("people"))
        await tab.run(choose("team", team))
        steps.append(await tab.run(TILES))
        teams = await tab.run(ROWS.format("people"))
        await tab.run(choose("team", "No team"))
        steps.append(await tab.run(TILES))
        none = await tab.run(ROWS.format("people"))
        await tab.run("document.querySelector('[type=reset]').click()")
        await tab.run("new Promise((done) => setTimeout(() => setTimeout(done)))")
        steps.append(await tab.run(TILES))
        return steps, courses, people, teams, none

    (whole, of_course, of_team, of_none, again), courses, people, teams, none = visit(report, look)
    begun = [sum(row[3] for row in summary["progress"] if row[0] == 1)]
    begun.append(sum(row[3] for row in summary["progress"] if row[0] == 1 and 0 in summary["sets"][row[1]]))
    begun.append(sum(row[3] for row in summary["progress"] if row[0] == 1 and not summary["sets"][row[1]]))
    assert whole["Learners"] == "60"
    assert [each["Courses begun"] for each in (of_course, of_team, of_none)] == [str(count) for count in begun]
    assert [row[0] for row in courses] == [course]
    assert len(people) == min(25, begun[0])
    assert teams
    assert all(team in row[2] for row in teams)
    assert none
    assert all(row[2] == "" for row in none)
    assert again == whole


def test_a_table_sorts_by_the_keyboard_alone(report):
    async def look(tab):
        await tab.run("document.querySelector('#people th:nth-child(6) button').focus()")
        seen = []
        for key in ("Enter", " "):
            await tab.press(key)
            seen.append(await tab.run(ROWS.format("people")))
            seen.append(await tab.run("document.querySelector('#people th:nth-child(6)').ariaSort"))
        await tab.press("Tab")
        seen.append(await tab.run("document.activeElement.textContent"))
        return seen

    down, down_says, up, up_says, behind = visit(report, look)
    completed = [int(row[5]) for row in down]
    assert completed == sorted(completed, reverse=True)
    assert completed[0] > 0
    assert [int(row[5]) for row in up] == sorted(int(row[5]) for row in up)
    assert up[0][5] == "0"
    assert (down_says, up_says) == ("descending", "ascending")
    assert behind == "Passed"


def test_more_rows_come_when_asked_for_and_search_finds_one(report):
    async def look(tab):
        counts = [len(await tab.run(ROWS.format("people")))]
        await tab.run("document.querySelector('#people .more').click()")
        counts.append(len(await tab.run(ROWS.format("people"))))
        await tab.run(
            "(() => { const box = document.querySelector('#people input'); box.value = 'LEARNER7@';"
            " box.dispatchEvent(new Event('input')); })()"
        )
        return counts, await tab.run(ROWS.format("people"))

    counts, found = visit(report, look)
    assert counts == [25, 60]
    assert [row[1] for row in found] == ["learner7@example.com"]


def test_paper_is_light_and_of_its_own_width(report):
    async def look(tab):
        await tab.run("dispatchEvent(new Event('beforeprint'))")
        await tab.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))).then(() => 0)")
        paper = await tab.run("[document.body.offsetWidth, getComputedStyle(document.body).color]")
        inked = await tab.run(INK)
        heads = await tab.run(HEADS)
        await tab.run("dispatchEvent(new Event('afterprint'))")
        return paper, inked, heads, await tab.run("getComputedStyle(document.body).color")

    paper, inked, heads, after = visit(report, look, width=390, is_dark=True)
    assert paper == [700, "rgb(24, 32, 44)"]
    assert min(inked.values()) > 0.03
    assert heads[:2] == ['"Learner"', '"Address"']  # a browser repeats them on each page, but not a button
    assert after == "rgb(232, 236, 243)"


def test_an_export_of_one_job_says_what_it_would_take_to_show_more(tmp_path):
    empty = {
        **{name: [] for name in ("progress", "weeks", "spent", "seen", "scores", "answers", "certificates", "people")},
        "courses": ["First aid"],
        "planned": [0],
        "teams": [],
        "sets": [[]],
        "questions": [],
        "newest": "",
        "learners": 0,
        "isAnonymous": False,
        "spentFrom": [0, 5],
        "unseenFrom": [0, 8],
    }
    path = tmp_path / "r.html"
    path.write_text(page(empty), encoding="utf-8")

    async def look(tab):
        notes = await tab.run("[...document.querySelectorAll('.card .note')].map((note) => note.textContent)")
        return notes, await tab.run("document.querySelectorAll('canvas').length")

    notes, canvases = visit(path, look)
    assert canvases == 0
    assert notes[: len(CHARTS)] == [
        *["Not in this export: it takes the job progress_by_course."] * 3,
        *["Not in this export: it takes the job quiz_statistics."] * 2,
        "Not in this export: it takes the job learners.",
        "Not in this export: it takes the job certificates.",
    ]


def page_of(name):
    """Return the page of an academy in which everything has this name."""
    summary = {
        **{key: [] for key in ("weeks", "spent", "scores", "answers", "certificates")},
        "courses": [name],
        "planned": [0],
        "teams": [name],
        "sets": [[], [0]],
        "questions": [],
        "newest": "",
        "learners": 1,
        "isAnonymous": False,
        "spentFrom": [0, 5],
        "unseenFrom": [0, 8],
        "progress": [[0, 1, 1, 1, 0, 0, 60]],
        "seen": [[-1, 1, 2, 1]],
        "people": [[name, name, 1, "", [[0, 10, 60, 0]]]],
    }
    return page(summary, title=name, remark=name)


def test_names_are_shown_as_text_whatever_they_hold(tmp_path):
    nasty = "<img src=x onerror=alert(1)></script>"
    path = tmp_path / "r.html"
    path.write_text(page_of(nasty), encoding="utf-8")

    async def look(tab):
        shown = await tab.run(ROWS.format("people"))
        return shown, await tab.run(
            "[document.images.length, document.title, document.querySelector('h1').textContent]"
        )

    (row,), (images, title, heading) = visit(path, look)
    assert row[:4] == [nasty, nasty, nasty, "never"]
    assert (images, title, heading) == (0, nasty, nasty)


def test_a_long_name_leaves_room_for_the_other_columns(tmp_path):
    path = tmp_path / "r.html"
    path.write_text(page_of("Long" * 100), encoding="utf-8")

    async def look(tab):
        return await tab.run(
            "['courses', 'people'].map((card) => document.querySelector(`#${card} td`).getBoundingClientRect().width)"
        )

    assert all(width < 400 for width in visit(path, look))


def test_no_letter_is_cut_in_half_and_what_runs_to_the_left_does_so_in_its_cell(tmp_path):
    rocket, hebrew = "\N{ROCKET}", "\N{HEBREW LETTER SHIN}\N{HEBREW LETTER LAMED}"
    path = tmp_path / "r.html"
    path.write_text(page_of(hebrew), encoding="utf-8")

    async def look(tab):
        direction = "getComputedStyle(document.querySelector('#people td')).direction"
        return await tab.run(f"[lines('{rocket}'.repeat(20), 7), {direction}]")

    assert visit(path, look) == [[rocket * 7, rocket * 6 + "…"], "rtl"]
