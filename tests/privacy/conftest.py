import pytest
from loggers import restored


@pytest.fixture(autouse=True)
def _logging():
    with restored():
        yield
