"""`fsrvos features`: the options that name a cluster."""

from pathlib import Path

import pytest

from fsrvos_cli.main import run


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--address", "tcp://127.0.0.1:1"], "--address needs --backend dask or --backend ray"),
        (["--backend", "dask"], "--backend dask needs --address tcp://HOST:PORT of its scheduler"),
        (["--backend", "dask", "--address", "here"], "not an address: 'here'; give host:port"),
    ],
)
def test_a_cluster_that_is_not_named_is_wrong_usage(
    blocks_root: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    words: str,
) -> None:
    place = ["--data", str(blocks_root), "--cache-dir", str(tmp_path), "--config", "tiny"]
    assert run(["features", *place, *options]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("fsrvos: error: ") and words in line
    assert not list(tmp_path.glob("*/items/*"))
