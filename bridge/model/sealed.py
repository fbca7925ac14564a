"""Personal data at rest: AES-256-GCM under a key per person or document, wrapped by the key file's key.

A ciphertext is bound to the place it stands in (table, row, column) or, for a document's chunk, to the document's hash, its index
and the last flag, so that none can be swapped, repeated or cut off. Deleting a ``DataKey`` row is the erasure of what it sealed.
Source: NIST SP 800-38D (96-bit random nonces; far below 2**32 messages a key).
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import ForeignKey, LargeBinary, TypeDecorator
from sqlalchemy.orm import Mapped, mapped_column

from bridge.errors import ConfigError, IntegrityError
from bridge.model.base import Base

NONCE_BYTES = 12


class Sealed(TypeDecorator[bytes]):
    """The type of every column that holds a sealed value: nonce + ciphertext, never plain text."""

    impl = LargeBinary
    cache_ok = True


class WrappingKey(Base):
    """The name of a key-encryption key that rows may be sealed under; the key itself stands in the key file alone.

    A key is forgotten by deleting its row first: the foreign key then keeps everybody from sealing anything more under it.
    """

    __tablename__ = "wrapping_key"
    name: Mapped[str] = mapped_column(primary_key=True)
    recorded_at: Mapped[datetime]


class DataKey(Base):
    """One person's or document's key, wrapped under the key-encryption key ``wrapped_by``. Rewrapping touches only this table."""

    __tablename__ = "data_key"
    uid: Mapped[str] = mapped_column(primary_key=True)
    wrapped_by: Mapped[str] = mapped_column(ForeignKey("wrapping_key.name"))
    wrapped: Mapped[bytes]


@dataclass(frozen=True, slots=True)
class Key:
    """An unwrapped data key, in memory only."""

    uid: str
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Keyring:
    """The key file: named key-encryption keys, which of them wraps new keys, and the key of the look-up hash.

    ``reread`` gives what the file holds now: a process that runs for weeks follows a rotation that another one makes.
    The look-up key is never rotated: the digests by which IBANs are found hang on it.
    """

    current: str
    wrapping: dict[str, bytes] = field(repr=False)
    lookup: bytes = field(repr=False)
    reread: Callable[[], Keyring] | None = field(default=None, repr=False, compare=False)

    @classmethod
    def generate(cls) -> Keyring:
        return cls("k1", {"k1": secrets.token_bytes(32)}, secrets.token_bytes(32))

    @classmethod
    def none(cls) -> Keyring:
        """That of a process which only looks: whatever it is asked for, it refuses."""
        return cls("", {}, b"", _refuse)

    @classmethod
    def parse(cls, text: str) -> Keyring:
        """Read what ``dump`` wrote. Raises ConfigError where it is not that."""
        try:
            raw = json.loads(text)
            wrapping = {name: bytes.fromhex(value) for name, value in raw["wrapping"].items()}
            ring = cls(raw["current"], wrapping, bytes.fromhex(raw["lookup"]))
        except (ValueError, KeyError, AttributeError, TypeError) as problem:
            raise ConfigError("the key file is not one that 'bridge init' wrote; restore it from your backup") from problem
        if ring.current not in wrapping or any(len(key) != 32 for key in (*wrapping.values(), ring.lookup)):
            raise ConfigError("the key file names a key that it does not hold, or a key of another length than 32 bytes")
        return ring

    def dump(self) -> str:
        wrapping = {name: key.hex() for name, key in self.wrapping.items()}
        return json.dumps({"current": self.current, "wrapping": wrapping, "lookup": self.lookup.hex()}, indent=1) + "\n"

    def newest(self) -> Keyring:
        """What the key file holds now."""
        return self.reread() if self.reread else self

    def turned(self, name: str) -> Keyring:
        """The same with a new key, which is the current one from here on."""
        return replace(self, current=name, wrapping=self.wrapping | {name: secrets.token_bytes(32)})

    def without(self, names: Collection[str]) -> Keyring:
        """The same without these keys; the current one always stays."""
        kept = {name: key for name, key in self.wrapping.items() if name == self.current or name not in names}
        return replace(self, wrapping=kept)

    def new_key(self) -> tuple[Key, DataKey]:
        """A fresh data key and the row that keeps it."""
        key = Key(secrets.token_hex(16), secrets.token_bytes(32))
        wrapped_by, wrapped = self.newest().wrap(key)
        return key, DataKey(uid=key.uid, wrapped_by=wrapped_by, wrapped=wrapped)

    def wrap(self, key: Key) -> tuple[str, bytes]:
        """The current wrapping key's name, and the data key sealed under it."""
        return self.current, _encrypt(self.wrapping[self.current], key.secret, f"data_key:{key.uid}")

    def unwrap(self, row: DataKey) -> Key:
        """The key of a row. Raises ConfigError for an unknown wrapping key, IntegrityError for a changed row."""
        wrapping = self.wrapping.get(row.wrapped_by) or self.newest().wrapping.get(row.wrapped_by)
        if wrapping is None:
            raise ConfigError(f"the key file does not hold key {row.wrapped_by!r}, under which stored data is sealed")
        return Key(row.uid, _decrypt(wrapping, row.wrapped, f"data_key:{row.uid}"))

    def digest(self, kind: str, value: str) -> bytes:
        """The keyed hash by which a sealed value is looked up: same value and kind, same 32 bytes."""
        lookup = self.lookup or self.newest().lookup  # a hash without a key would find nothing, and say nothing
        return hmac.new(lookup, f"{kind}:{value}".encode(), sha256).digest()


def _refuse() -> Keyring:
    raise ConfigError("this process was started without the key file: it opens and seals nothing")


def number_of(name: str) -> int:
    """The number in a wrapping key's name: 2 of k2. A later key has a higher one, and none is given twice; 0 for other names."""
    return int(name[1:]) if re.fullmatch(r"k[1-9][0-9]*", name) else 0


def seal(key: Key, place: str, plain: str | None) -> bytes | None:
    """Seal a text for the place ``table:uid:column``; None stays None."""
    return None if plain is None else _encrypt(key.secret, plain.encode(), place)


def unseal(key: Key, place: str, sealed: bytes | None) -> str | None:
    """Open what ``seal`` closed for the same place. Raises IntegrityError where key, place or bytes differ."""
    return None if sealed is None else _decrypt(key.secret, sealed, place).decode()


def chunk_place(sha256_hex: str, index: int, *, last: bool) -> str:
    """The place of a document's chunk: none can be swapped, left out or appended."""
    return f"document:{sha256_hex}:{index}:{'last' if last else 'more'}"


def seal_bytes(key: Key, place: str, plain: bytes) -> bytes:
    return _encrypt(key.secret, plain, place)


def unseal_bytes(key: Key, place: str, sealed: bytes) -> bytes:
    return _decrypt(key.secret, sealed, place)


def _encrypt(secret: bytes, plain: bytes, place: str) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(secret).encrypt(nonce, plain, place.encode())


def _decrypt(secret: bytes, sealed: bytes, place: str) -> bytes:
    try:
        return AESGCM(secret).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place.encode())
    except (InvalidTag, ValueError):  # ValueError: shorter than a nonce
        raise IntegrityError(f"a sealed value was changed or moved ({place.split(':', maxsplit=1)[0]})") from None
