"""The page as text: what stands in it can do no harm, and it asks nobody for anything."""

import base64
import hashlib
import json
import re
from datetime import date

from aoclient.report import page, summarize
from aoclient.report.page import LIBRARY, SCRIPTS, asset, embedded

NASTY = "</script><script>alert(1)</script><!-- & $title \u2028 '\""


def test_data_cannot_leave_its_element():
    text = embedded({"name": NASTY})
    assert not set("<>&") & set(text)
    assert json.loads(text) == {"name": NASTY}


def test_title_and_remark_are_text():
    html = page({}, title=NASTY, remark=NASTY)
    assert "alert(1)</script>" not in html
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 3  # title, heading, remark


def test_data_comes_back_out_of_the_page():
    summary = summarize(lambda job: [{"id": "c1", "name": NASTY}] if job == "courses" else [], until=date(2026, 1, 1))
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page(summary), re.DOTALL)
    assert found is not None
    assert json.loads(found[1])["courses"] == [NASTY]


def test_only_the_scripts_of_the_page_may_run_and_nothing_may_be_loaded():
    html = page({})
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(each.encode()).digest()).decode()}'" for each in scripts]
    assert policy is not None
    assert policy[1] == f"default-src 'none'; style-src 'unsafe-inline'; script-src {' '.join(hashes)}"
    assert len(scripts) == 2


def test_no_script_can_end_its_element():
    for name in (LIBRARY, *SCRIPTS):
        assert not re.search(r"</script|<!--", asset(name), re.IGNORECASE), name


def test_the_library_comes_with_its_licence_and_without_a_map():
    assert "Released under the MIT License" in page({})
    assert "sourceMappingURL" not in page({})
    assert asset("chart.js-LICENSE.md").startswith("The MIT License (MIT)")
