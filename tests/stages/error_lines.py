"""What a user sees when a command fails."""

import pytest

Captured = pytest.CaptureFixture[str]


def assert_one_line(capsys: Captured, says: str) -> None:
    """Nothing on stdout; on stderr one line of an error, and no traceback."""
    out, err = capsys.readouterr()
    assert out == ""
    lines = [line for line in err.splitlines() if line.strip() and "(default)" not in line]
    assert len(lines) == 1, err
    assert lines[0].startswith("fsrvos: error: ")
    assert says in lines[0]
    assert "unexpected" not in lines[0]
