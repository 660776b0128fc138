import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nghiquyet_annotations.pseudonyms import UNKNOWN, pseudonym, without_addresses

MAIL = "Bich.Ngoc@toasoan.example.org"
ACCOUNTS = {MAIL.lower(): 3}
WHO = {"id": 3, "email": MAIL, "first_name": "Bích", "last_name": "Ngọc"}


def _item(**more: Any) -> dict[str, Any]:
    return {"id": 1, "data": {"text": "Thư gửi ai@example.org"}, "annotations": [{"id": 1, "result": [], **more}]}


def test_accounts_become_numbers_and_addresses_pseudonyms() -> None:
    item = _item(completed_by=WHO, created_username=f"Bích Ngọc {MAIL}, 3")
    item["drafts"] = [
        {
            "user": MAIL,
            "created_username": "Bích Ngọc, 3",
            "result": [{"meta": {"text": ["hỏi la@khac.vn"]}, "value": {"text": MAIL}}],
        }
    ]
    found = without_addresses(item, ACCOUNTS)
    assert found["annotations"] == [{"id": 1, "result": [], "completed_by": 3, "created_username": "annotator-3"}]
    assert found["drafts"][0]["user"] == pseudonym(3)
    assert found["drafts"][0]["created_username"] == UNKNOWN
    assert found["drafts"][0]["result"][0]["meta"] == {"text": [f"hỏi {UNKNOWN}"]}
    assert "Bích" not in json.dumps(found, ensure_ascii=False)


def test_what_the_article_says_stays() -> None:
    item = _item(result=[{"type": "labels", "value": {"start": 8, "end": 22, "text": MAIL, "labels": ["ORG"]}}])
    assert without_addresses(item, ACCOUNTS) == item


LEAVES = st.none() | st.integers() | st.text("abc é@.", max_size=5)


@given(st.recursive(LEAVES, lambda some: st.dictionaries(st.text(max_size=3), some) | st.lists(some)))
def test_what_holds_no_address_is_unchanged(value: Any) -> None:
    if "@" not in json.dumps(value):
        assert without_addresses(value, ACCOUNTS) == value
