"""Claims exclude others while their process lives, and not a moment longer."""

import subprocess
import sys
from pathlib import Path

from cache.claims import try_claim

HOLD = "import sys; from pathlib import Path; from cache.claims import try_claim; \
claim = try_claim(Path(sys.argv[1]), 'item'); print(bool(claim), flush=True); sys.stdin.read()"


def holder(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdout.readline() == "True\n"
    return process


def test_a_claim_excludes_and_ends_with_its_process(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        assert try_claim(tmp_path, "item") is None
        other = try_claim(tmp_path, "other")
        assert other is not None
        other.release()
        process.kill()
        process.wait()
        mine = try_claim(tmp_path, "item")
        assert mine is not None
        mine.release()
    assert list(tmp_path.iterdir()) == []


def test_a_claim_file_removed_and_made_again_is_two_claims(tmp_path: Path) -> None:
    first = try_claim(tmp_path, "item")
    assert first is not None
    first.path.unlink()
    second = try_claim(tmp_path, "item")
    assert second is not None
    second.release()
    first.release()
