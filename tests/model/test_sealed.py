"""What is sealed opens only with its key, in its place, whole."""

from __future__ import annotations

import pytest

from bridge.errors import ConfigError, IntegrityError
from bridge.model.sealed import Keyring, chunk_place, seal, seal_bytes, unseal, unseal_bytes


def test_what_is_sealed_opens_in_its_place_alone() -> None:
    """Another place, another key or a changed byte is refused; the same text never gives the same bytes."""
    ring = Keyring.generate()
    key, other = ring.new_key()[0], ring.new_key()[0]
    sealed = seal(key, "person:1:name", "Zebra")
    assert sealed is not None
    assert unseal(key, "person:1:name", sealed) == "Zebra"
    assert seal(key, "person:1:name", "Zebra") != sealed
    for wrong_key, place, body in (
        (key, "person:2:name", sealed),
        (key, "person:1:email", sealed),
        (other, "person:1:name", sealed),
        (key, "person:1:name", sealed[:-1] + bytes([sealed[-1] ^ 1])),
        (key, "person:1:name", sealed[:-1]),
        (key, "person:1:name", b""),
    ):
        with pytest.raises(IntegrityError, match="was changed or moved"):
            unseal(wrong_key, place, body)


def test_a_chunk_is_bound_to_its_index_and_end() -> None:
    """No chunk of a document can be swapped, repeated or be the last when it is not."""
    key = Keyring.generate().new_key()[0]
    sealed = seal_bytes(key, chunk_place("aa", 0, last=False), b"x")
    for place in (chunk_place("aa", 1, last=False), chunk_place("aa", 0, last=True), chunk_place("bb", 0, last=False)):
        with pytest.raises(IntegrityError):
            unseal_bytes(key, place, sealed)


def test_nothing_stays_nothing() -> None:
    """No value is no ciphertext."""
    key = Keyring.generate().new_key()[0]

    assert seal(key, "p", None) is None
    assert unseal(key, "p", None) is None


def test_a_key_ring_reads_what_it_wrote() -> None:
    """The key file opens what was sealed before; a foreign one says which key is missing."""
    ring = Keyring.generate()
    key, row = ring.new_key()
    again = Keyring.parse(ring.dump())
    assert again.unwrap(row) == key
    assert again.digest("iban", "X") == ring.digest("iban", "X") != ring.digest("bic", "X")
    with pytest.raises(IntegrityError):
        Keyring.generate().unwrap(row)
    row.wrapped_by = "k9"
    with pytest.raises(ConfigError, match="does not hold key 'k9'"):
        ring.unwrap(row)


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", '{"current": "k1", "wrapping": {}, "lookup": ""}', '{"current":"k1","wrapping":{"k1":"00"},"lookup":"00"}'],
)
def test_what_is_no_key_file_is_refused(text: str) -> None:
    """A damaged key file is refused with what to do, never half read."""
    with pytest.raises(ConfigError, match="key file"):
        Keyring.parse(text)


def test_who_only_looks_has_no_keys() -> None:
    """A ring of none opens, seals and looks up nothing, and says so."""
    _, row = Keyring.generate().new_key()
    for asked in (lambda ring: ring.unwrap(row), lambda ring: ring.new_key(), lambda ring: ring.digest("iban", "DE89")):
        with pytest.raises(ConfigError, match="started without the key file"):
            asked(Keyring.none())


def test_no_secret_is_shown() -> None:
    """repr shows neither keys nor what was derived from them."""
    ring = Keyring.generate()
    key, _ = ring.new_key()

    assert ring.wrapping["k1"].hex() not in repr(ring)
    assert repr(key.secret) not in repr(key)
