"""The site of all partners, and a root of one partner to be changed."""

import pytest
from site_reading import copy_specs

from engine.app.site.writer import site_files
from engine.runtime.library import INSTALLED
from engine.spec import Folders


@pytest.fixture(scope="session")
def files():
    """Return the files of the site of all partners, by their paths."""
    return site_files(Folders(INSTALLED))


@pytest.fixture
def one_partner(tmp_path):
    """Return a root of its own with one partner, to be changed."""
    return copy_specs(tmp_path / "root", "etg24")
