"""Creates sessions with Twilio's own library, which is told nothing but where the API is.

Arguments: the base URL, the account, its token, how many of each kind, how often to try each.
One line of JSON for each create, and one for a whole life of a session if that went well.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

base, account, token, count, tries = sys.argv[1:6]
service = "KS00000000000000000000000000000001"


class Local(TwilioHttpClient):
    """The library's own client, but that the API is elsewhere: next pages too, which come as whole URLs."""

    def request(self, method, url, *args, **kwargs):
        return super().request(method, base + url[url.index("/v1/") :], *args, **kwargs)


client = Client(account, token, http_client=Local(timeout=60))
sessions = client.proxy.v1.services(service).sessions


def create(kind, number):
    said = {"kind": kind, "number": number, "sid": None, "status": None, "effect": None}
    for _ in range(int(tries)):
        try:
            if kind == "named":
                made = sessions.create(unique_name=f"order-{number}", ttl=1000 + number)
            else:
                made = sessions.create(ttl=5000 + number)
            said.update(sid=made.sid, status=201)
            break
        except TwilioRestException as error:
            said.update(status=error.status, effect=(error.details or {}).get("effect"))
        except Exception as error:  # a connection that broke, an answer that is none
            said["status"] = type(error).__name__
    return said


def life():
    """Every operation once, and a list of several pages. The name needs no escapes: the library makes none."""
    ann = {"Identifier": "+15550100", "FriendlyName": "Ann"}
    made = sessions.create(unique_name="a-life", mode="voice-only", participants=[ann])
    assert sessions(made.unique_name).fetch().sid == made.sid
    listed = {session.sid for session in sessions.list(page_size=7)}
    assert made.sid in listed and len(listed) > 7, listed
    assert sessions(made.sid).update(status="closed").status == "closed"
    assert sessions(made.sid).delete()
    try:
        sessions(made.sid).fetch()
        raise AssertionError("it is gone")
    except TwilioRestException as error:
        assert (error.status, error.code) == (404, 20404), error
    print(json.dumps({"kind": "life", "number": 0, "sid": made.sid, "status": 200}), flush=True)


with ThreadPoolExecutor(8) as pool:
    asked = [(kind, number) for number in range(int(count)) for kind in ("named", "unnamed")]
    for said in pool.map(lambda one: create(*one), asked):
        print(json.dumps(said), flush=True)
if tries == "1" and token == "made-up":
    life()
