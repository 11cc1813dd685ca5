"""Sends the model's requests to the application, as somebody with a key."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.model.registry import POLICY, REGISTER, Request
from tests.support.processes import wait_until

Headers = Mapping[str, str]


class Client:
    """The people, each with the headers that show a key. A fresh answer is
    asked for with the Consistency-Token of the last command that wrote."""

    def __init__(self, client: FlaskClient, people: Mapping[str, Headers]) -> None:
        self._client = client
        self.people = people
        self._reader = next(iter(people.values()))
        self._token = ""

    def send(self, request: Request) -> TestResponse:
        """The answer to a command."""
        headers = dict(self.people[request.who])
        if request.key:
            headers["Idempotency-Key"] = request.key
        if request.if_match is not None:
            headers["If-Match"] = f'"{request.if_match}"'
        query = {"dry_run": "true"} if request.is_dry_run else {}
        send = self._client.put if request.stream == POLICY else self._client.post
        return send(_address(request), json=request.body, headers=headers, query_string=query)

    def wrote(self, answer: TestResponse) -> None:
        """What is to be fresh is asked for with the token of this answer from now on: that of one
        which wrote nothing may be of long ago."""
        self._token = answer.headers["Consistency-Token"]

    def get(
        self, path: str, asked: Mapping[str, Any] | None = None, *, is_fresh: bool = False
    ) -> TestResponse:
        """The answer to a question; if it is to be fresh, after all that was written."""
        headers = dict(self._reader)
        if is_fresh and self._token:
            headers["Consistency-Token"] = self._token
        return self._client.get(path, query_string=dict(asked or {}), headers=headers)

    def data(self, path: str, asked: Mapping[str, Any] | None = None, **how: bool) -> Any:  # noqa: ANN401
        """The data of an answer, or its status if it is no success."""
        answer = self.get(path, asked, **how)
        return json.loads(answer.data)["data"] if answer.status_code == 200 else answer.status_code

    def pages(self, path: str, asked: Mapping[str, Any], member: str, by: str) -> Iterator[Any]:
        """What is on all pages; `by` is the parameter that takes `next`."""
        after: dict[str, Any] = {}
        while True:
            page = self.data(path, {**asked, **after}, is_fresh=True)
            assert isinstance(page, dict), f"{path} {asked} is answered {page}"
            yield from page[member]
            if page["next"] is None:
                return
            after = {by: page["next"]}

    def events(self, count: int) -> Iterator[Any]:
        """The feed from its beginning to its head, once it has so many events."""
        wait_until(lambda: self.data("/events")["head"] >= count, 20, f"a feed of {count} events")
        position = 0
        while True:
            page = self.data("/events", {"after": position, "limit": 1000})
            yield from page["events"]
            if page["next"] >= page["head"]:
                return
            position = page["next"]


def _address(request: Request) -> str:
    if request.stream == POLICY:
        return "/policy"
    if request.command == REGISTER:
        return "/register-carrier"
    return f"/carriers/{request.stream}/{request.command}"
