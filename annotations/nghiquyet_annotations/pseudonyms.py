"""Takes the annotators' mail addresses out of an export: an account is known by its number on the server alone."""

import re
from collections.abc import Mapping
from typing import Any

_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_TEXTS = ("data", "value")  # the article's own characters: an address there belongs to the article
_ACCOUNT = "created_username"  # "First Last address, id"
_PERSONAL = ("email", "first_name", "last_name", "username", "phone", "initials", "avatar")
UNKNOWN = "annotator-unknown"


def pseudonym(account: int) -> str:
    """What stands for an account: the same in every export of a server."""
    return f"annotator-{account}"


def without_addresses(value: Any, accounts: Mapping[str, int]) -> Any:
    """A copy of an export's JSON in which each address is its account's pseudonym, and no name is left.

    An account that is written out as an object becomes its number, as `completed_by: 3`. Article texts stay as they
    are. `accounts` maps addresses to numbers; an address that it lacks becomes `annotator-unknown`.
    """
    if isinstance(value, dict):
        if isinstance(value.get("id"), int) and "email" in value:
            return value["id"]
        return {key: _cleaned(key, each, accounts) for key, each in value.items() if key not in _PERSONAL}
    if isinstance(value, list):
        return [without_addresses(each, accounts) for each in value]
    if isinstance(value, str):
        return _ADDRESS.sub(lambda found: _named(found[0], accounts), value)
    return value


def _cleaned(key: str, value: Any, accounts: Mapping[str, int]) -> Any:
    if key in _TEXTS:
        return value
    if key == _ACCOUNT:
        address = _ADDRESS.search(str(value))
        return _named(address[0], accounts) if address else UNKNOWN
    return without_addresses(value, accounts)


def _named(address: str, accounts: Mapping[str, int]) -> str:
    known = {name.casefold(): number for name, number in accounts.items()}.get(address.casefold())
    return UNKNOWN if known is None else pseudonym(known)
