"""Twilio's own RequestValidator, asked by JSON lines: one question a line in, one answer a line out."""
import json
import sys

import twilio
from twilio.request_validator import RequestValidator


class Form:
    """Keys with several values each, as web frameworks have them."""

    def __init__(self, pairs):
        self.pairs = pairs

    def __iter__(self):
        return iter([key for key, _ in self.pairs])

    def __len__(self):
        return len(self.pairs)

    def getall(self, name):
        return [value for key, value in self.pairs if key == name]


print(json.dumps(twilio.__version__))
for line in sys.stdin:
    asked = json.loads(line)
    validator = RequestValidator(asked["token"])
    content = Form(asked["pairs"]) if asked["pairs"] is not None else asked["body"]
    if asked["signature"] is None:
        # A hashed body is in the URL, and nothing else is signed.
        signed = content if asked["pairs"] is not None else {}
        answer = validator.compute_signature(asked["url"], signed)
    else:
        answer = validator.validate(asked["url"], content, asked["signature"])
    print(json.dumps(answer))
