"""How the pages are built: ``sphinx-build -W -b html docs build/docs``."""

import sys
from pathlib import Path

import aoclient

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "aoclient"
author = "the authors of aoclient"
release = version = aoclient.__version__
extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "myst_parser", "docstrings", "tables"]
html_theme = "furo"
pygments_dark_style = "monokai"  # the one furo takes underlines what is imported, as if it were a link
html_title = f"aoclient {release}"
html_show_sphinx = html_show_copyright = html_copy_source = False

myst_heading_anchors = 3
myst_enable_extensions = ["deflist"]

# Single backticks in a docstring name something of this library; `docstrings` finds it by its last part.
default_role = "py:obj"
add_module_names = False
python_use_unqualified_type_names = True
maximum_signature_line_length = 100
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_preserve_defaults = True
napoleon_custom_sections = [("Answer", "returns_style")]
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False

# A name that leads nowhere is an error, but for those of other libraries: there is no network to look them up.
nitpicky = True
nitpick_ignore_regex = [
    ("py:obj", r"csv|items|redis\.asyncio|COUNTRIES|Application\.add_routes|Request\.read|aoclient\.senders\..*"),
    ("py:.*", r"(collections|datetime|contextlib|typing|os|pathlib|types|enum|asyncio|aiohttp|attrs?|starlette)\..*"),
    ("py:.*", r"(opentelemetry|trace|metrics|dlt|distributed)\..*"),
    ("py:class", r"Agenda|Send|Take|OnError|Client|Expected|Registering"),  # said in words where they are used
    ("py:.*", r"(aoclient\.receivers\.receiver\.)?([PRT]|E[23]?|T_co|R_co|[ETR]_co)"),
]
