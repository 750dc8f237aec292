from pathlib import Path

import pytest

from archipelago.address.closure import CodeBase
from archipelago.errors import ArchipelagoError


@pytest.fixture
def code(tmp_path: Path):
    """A package of four modules; ``code(name=source)`` rewrites some and returns the closure's key of ``pkg.top``."""
    sources = {
        "pkg/__init__": "",
        "pkg/top": "from pkg import middle\nimport numpy\n",
        "pkg/middle": "def f():\n    from .low import g\n    return g() + 1\n",
        "pkg/low": "def g():\n    return 1\n",
        "pkg/other": "x = 1\n",
    }

    def closure(**changed: str):
        for name, source in {**sources, **{f"pkg/{k}": v for k, v in changed.items()}}.items():
            path = tmp_path / f"{name}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text(source)
        return CodeBase(tmp_path, "pkg").closure(["pkg.top"])

    return closure


def test_a_closure_holds_what_importing_the_root_would_load(code):
    assert list(code().modules) == ["pkg", "pkg.low", "pkg.middle", "pkg.top"]
    assert list(code().packages) == ["numpy"]


@pytest.mark.parametrize(
    "changed",
    [
        {"low": "def g():\n    return 2\n"},
        {"__init__": "flag = True\n"},
        {"middle": "def f():\n    return 1\n"},
        {"low": "def g(x=1):\n    return 1\n"},
    ],
)
def test_a_change_of_meaning_changes_the_key(code, changed):
    assert code(**changed).key != code().key


@pytest.mark.parametrize(
    "changed",
    [
        {"low": "# why\ndef g():\n    'What.'\n    return (1)\n"},
        {"low": '"""A docstring."""\n\n\ndef g():\n\n    return 1  # one\n'},
        {"other": "x = 2\n"},
    ],
)
def test_comments_layout_and_other_modules_change_nothing(code, changed):
    assert code(**changed).key == code().key


def test_an_import_for_type_checking_only_is_not_followed(code):
    source = "from typing import TYPE_CHECKING\nfrom pkg import middle\nif TYPE_CHECKING:\n    from pkg import other\n"
    assert "pkg.other" not in code(top=source).modules


def test_a_string_that_is_not_a_docstring_counts(code):
    assert code(low="def g():\n    return 'a'\n").key != code(low="def g():\n    return 'b'\n").key


def test_a_missing_distribution_is_an_error_with_a_remedy(code):
    with pytest.raises(ArchipelagoError, match=r"no_such_distribution.*lock file"):
        code(top="import no_such_distribution\n")


def test_a_class_path_outside_the_package_is_refused(tmp_path):
    with pytest.raises(ArchipelagoError, match="no module 'os'"):
        CodeBase(tmp_path, "pkg").module_of("os.system")
