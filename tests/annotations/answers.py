"""What annotators do in the page, done through the API; and texts that are hard to keep as they are."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import httpx

from nghiquyet.documents import Entity
from nghiquyet_annotations.marked import regions
from nghiquyet_annotations.server import Server

PASSWORD = "only-for-tests-1"
HARD_TEXTS = {
    "line ends": "Huyện ủy\nThanh Oai\r\nđạt\rnăm\u2028sau\u0085",
    "tabs and spaces": "\tHuyện  ủy \u00a0 Thanh\u202fOai  ",
    "zero width": "\ufeffHuyện\u200bủy\u200d Thanh\u2060 Oai\u200c",
    "decomposed": "Huye\u0323\u0302n u\u0309y Thanh Oai",
    "emoji": "👩🏽\u200d🚀 Huyện ủy 🇻🇳 Thanh Oai 👍🏿👨\u200d👩\u200d👧\u200d👦",
    "markup": "\"Huyện ủy\" <b>Thanh Oai</b> &amp; 'x' &lt; {{y}} ${z} \\n \\u0041 %20 <script>alert(1)</script>",
    "long": "Huyện ủy Thanh Oai 👩🏽\u200d🚀\r\n" * 8000,
}
assert len(HARD_TEXTS["long"]) >= 200_000


def tasks_by_id(server: Server, project: int) -> dict[str, dict[str, Any]]:
    """The tasks of a project by their document ids."""
    return {task["data"]["doc_id"]: task for task in server.tasks(project)}


def answer(server: Server, task: int, entities: Sequence[Entity] = (), **more: Any) -> None:
    """Submits an annotation; `more` as the API has it: `was_cancelled`, `completed_by`, `parent_prediction`."""
    result = more.pop("result", regions(tuple(entities)))
    server.write(lambda api: api.annotations.create(id=task, result=result, **more))


def draft(server: Server, task: int, result: Sequence[dict[str, Any]]) -> None:
    """Leaves an answer that is begun and not submitted, as a new annotator does, who comes by the invitation link."""
    invitation = server.read(lambda api: api._client_wrapper.httpx_client.request("api/invite", method="GET").json())
    me = {"email": f"{uuid4().hex}@toasoan.example.org", "password": PASSWORD}
    with httpx.Client(base_url=server.settings.url, follow_redirects=True) as page:
        where = {"params": {"token": invitation["token"]}}
        page.get("/user/signup/", **where)
        page.post("/user/signup/", data={**me, "csrfmiddlewaretoken": page.cookies["csrftoken"]}, **where)
        begun = {"result": list(result), "lead_time": 1}
        own = {"X-CSRFToken": page.cookies["csrftoken"], "Referer": server.settings.url}
        page.post(f"/api/tasks/{task}/drafts", json=begun, headers=own).raise_for_status()


def annotator(server: Server, address: str) -> int:
    """The number of the account of that address, which is made where it is new."""
    known = {user.email: user.id for user in server.read(lambda api: api.users.list())}
    if address not in known:
        made = server.write(lambda api: api.users.create(email=address, username=address, password=PASSWORD))
        return int(made.id)
    return int(known[address])
