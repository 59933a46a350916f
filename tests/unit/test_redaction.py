"""What may be attached to an issue has no secrets, and is still of use."""

import json

import pytest

from lab.redaction import redacted

SEED = "SUAIBDPBAUTWCWBKIO6XHQNINK5FWJW4OHLXC3HQ2KFE4PEJUA44CNHTC4"
TOKEN = "eyJ0eXAiOiJKV1QifQ.eyJqdGkiOiJYIn0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("login with s3cr3t! as admin", "login with [removed] as admin"),
        ('{ user: "app", password: "hunter2" }', '{ user: "app", password: "[removed]" }'),
        ("{ user: app, pass: hunter2 }", "{ user: app, pass: [removed] }"),
        ("authorization { token: hunter2 }", "authorization { token: [removed] }"),
        ("DB_PASSWORD=hunter2", "DB_PASSWORD=[removed]"),
        ("routes: [nats://app:hunter2@west-1:6222]", "routes: [nats://[removed]@west-1:6222]"),
        (f"nkey {SEED}", "nkey [removed]"),
        (f"jwt {TOKEN}", "jwt [removed]"),
        ("hash $2a$11$" + "a" * 53, "hash [removed]"),
        ('[TRC] ->> MSG_PAYLOAD: ["my address"]', "[TRC] ->> MSG_PAYLOAD: [removed]"),
        ("/home/ada/.local/share", "~/.local/share"),
        ("server_name: west-1\nlisten: 0.0.0.0:4222", "server_name: west-1\nlisten: 0.0.0.0:4222"),
    ],
)
def test_secrets_and_your_home_are_replaced_and_nothing_else(text: str, left: str) -> None:
    assert redacted(text, ["s3cr3t!", ""], "/home/ada/") == left


def test_json_stays_json() -> None:
    text = json.dumps({"token": 12, "password": "a b", "messages": 7})
    assert json.loads(redacted(text, [], "/")) == {"token": "[removed]", "password": "[removed]", "messages": 7}
