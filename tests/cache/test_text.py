"""Sentences: read as written, replaced whole, one row at a time."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache import TextKey, TextStore, normalise_sentence
from configs import CacheIntegrityError, FsrvosError, MissingError
from tests.full_disk import files_up_to

WIDTH = 4


def states(length: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return (
        rng.normal(size=(length, WIDTH)).astype(np.float32),
        rng.normal(size=WIDTH).astype(np.float32),
    )


@pytest.fixture
def store(tmp_path: Path) -> TextStore:
    return TextStore(tmp_path, TextKey(encoder="t", weights="0" * 64, width=WIDTH))


def test_reads_what_was_written_also_after_more(store: TextStore) -> None:
    first = {"a dog": states(4, 1), "": states(2, 2), "ein Hündchen 小狗": states(7, 3)}
    store.write(first)
    second = {"a cat": states(3, 4)}
    store.write(second)
    for reader in (store, TextStore(store.root, store.key)):
        for sentence, pair in {**first, **second}.items():
            tokens, sentence_state = reader.read(sentence)
            np.testing.assert_array_equal(tokens, pair[0])
            np.testing.assert_array_equal(sentence_state, pair[1])
        assert reader.sentences() == [*first, *second]
    assert store.check() == []
    assert [path.name for path in sorted(store.folder.iterdir())] == ["key.json", "text.h5"]


def test_only_the_empty_sentence(store: TextStore) -> None:
    store.write({"": states(2)})
    np.testing.assert_array_equal(store.read("")[0], states(2)[0])
    store.write({"a": states(3)})
    np.testing.assert_array_equal(store.read("a")[0], states(3)[0])


def test_missing_names_each_new_sentence_once(store: TextStore) -> None:
    store.write({"a dog": states(4)})
    assert store.missing(["a  dog ", "a cat", "a cat", "\ta\ncat", ""]) == ["a cat", ""]


def test_a_sentence_that_is_there_stays(store: TextStore) -> None:
    store.write({"a dog": states(4, 1)})
    stamp = store.path.stat().st_mtime_ns
    store.write({" a dog": states(4, 2)})
    np.testing.assert_array_equal(store.read("a dog")[0], states(4, 1)[0])
    assert store.path.stat().st_mtime_ns == stamp


def test_a_reader_sees_what_another_process_adds(store: TextStore) -> None:
    reader = TextStore(store.root, store.key)
    with pytest.raises(MissingError, match="'a dog'"):
        reader.read("a dog")
    store.write({"a dog": states(4)})
    np.testing.assert_array_equal(reader.read("a dog")[0], states(4)[0])


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalise_sentence(text)
    assert normalise_sentence(once) == once


def test_normalising_joins_spellings() -> None:
    assert normalise_sentence(" a\u0308  dog\n") == "\u00e4 dog"
    assert normalise_sentence("A dog") != normalise_sentence("a dog")


def test_flipped_bit_is_found(store: TextStore) -> None:
    store.write({"a dog": states(400)})
    with h5py.File(store.path) as file:
        offset = file["tokens"].id.get_chunk_info(0).byte_offset
    data = bytearray(store.path.read_bytes())
    data[offset + 5] ^= 1
    store.path.write_bytes(data)
    fresh = TextStore(store.root, store.key)
    with pytest.raises(CacheIntegrityError, match=r"damaged: .*text\.h5; delete the file"):
        fresh.read("a dog")
    assert len(fresh.check()) == 1


@pytest.mark.parametrize("content", [b"", b"no HDF5", b"\x89HDF\r\n\x1a\n"])
def test_another_file_in_its_place(store: TextStore, content: bytes) -> None:
    store.folder.mkdir()
    store.path.write_bytes(content)
    with pytest.raises(CacheIntegrityError):
        store.missing(["a"])
    assert len(store.check()) == 1


@pytest.mark.parametrize("shape", [(3, WIDTH + 1), (3,)])
def test_wrong_shapes_are_refused(store: TextStore, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="width"):
        store.write({"a": (np.zeros(shape, np.float32), np.zeros(WIDTH, np.float32))})


def test_nan_is_refused(store: TextStore) -> None:
    with pytest.raises(ValueError, match="NaN"):
        store.write({"a": (np.full((1, WIDTH), np.nan, np.float32), np.zeros(WIDTH, np.float32))})
    assert not store.path.exists()


def test_a_failed_write_leaves_the_old_file(store: TextStore) -> None:
    store.write({"a dog": states(4)})
    with files_up_to(4096), pytest.raises(FsrvosError, match="no space left"):
        store.write({"a cat": states(4000)})
    np.testing.assert_array_equal(store.read("a dog")[0], states(4)[0])
    assert store.missing(["a cat"]) == ["a cat"]
    assert [path.name for path in sorted(store.folder.iterdir())] == ["key.json", "text.h5"]
